//! Confluence.

use super::{
    connector, crowd_directory,
    facts::Facts,
    guide::Step,
    people,
    seraph::{self, Authenticator},
};

const NAMES: Authenticator = Authenticator {
    config: "<confluence>/confluence/WEB-INF/classes/seraph-config.xml",
    own: "com.atlassian.confluence.user.ConfluenceAuthenticator",
    crowd: "com.atlassian.confluence.user.ConfluenceCrowdSSOAuthenticator",
    properties: "<confluence>/confluence/WEB-INF/classes/crowd.properties",
};

pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps = vec![
        connector::tomcat(
            facts,
            "<confluence>/conf/server.xml",
            "Server base URL (General configuration)",
        ),
        crowd_directory::credential(facts),
        connector::reachable(facts),
    ];
    let place = "General configuration > Users & security > User directories > Add directory > Atlassian Crowd";
    steps.extend(crowd_directory::directory(facts, place));
    steps.push(people::newcomers(facts, 7));
    if let Some(crowd) = facts.single_sign_on() {
        let mut step = seraph::authenticator(facts, crowd, &NAMES);
        if let Some(warning) = facts.unseen(7..=10) {
            step = step.says(warning);
        }
        steps.push(step);
        steps.push(people::break_glass(
            facts,
            "Confluence then lets nobody in but people of the gateway: the administrators of its internal directory \
             cannot sign in while the authenticator is in place. Give one account of the gateway's a password.",
        ));
    }
    steps.push(people::passwords(Some(
        "For administration Confluence asks for the password once more (/authenticate.action). For people without one, \
         switch it off: Security configuration > Secure administrator sessions; and let a rule of the gateway ask for \
         who may go to /admin.",
    )));
    steps.push(people::signing_out(facts, "Log out (/logout.action)"));
    steps.push(people::remember_me("In seraph-config.xml set autologin.cookie.age to 0."));
    if facts.single_sign_on().is_some() {
        let classes = "/opt/atlassian/confluence/confluence/WEB-INF/classes";
        steps.push(seraph::helm(facts, classes));
    }
    steps
}

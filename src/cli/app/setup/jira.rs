//! Jira Software and Jira Service Management.

use super::{
    connector, crowd_directory,
    facts::Facts,
    guide::Step,
    people,
    seraph::{self, Authenticator},
};

const CLASSES: &str = "WEB-INF/classes";

const NAMES: Authenticator = Authenticator {
    config: "<jira>/atlassian-jira/WEB-INF/classes/seraph-config.xml",
    own: "com.atlassian.jira.security.login.JiraSeraphAuthenticator",
    crowd: "com.atlassian.jira.security.login.SSOSeraphAuthenticator",
    properties: "<jira>/atlassian-jira/WEB-INF/classes/crowd.properties",
};

pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps = vec![
        connector::tomcat(
            facts,
            "<jira>/conf/server.xml",
            "Base URL (System > General configuration)",
        ),
        crowd_directory::credential(facts),
        connector::reachable(facts),
    ];
    let place =
        "Administration > User management > User directories > Add directory > Atlassian Crowd";
    steps.extend(crowd_directory::directory(facts, place));
    steps.push(people::newcomers(facts, 8));
    if let Some(crowd) = facts.single_sign_on() {
        let mut step = seraph::authenticator(facts, crowd, &NAMES);
        if let Some(warning) = facts.unseen(8..=11) {
            step = step.says(warning);
        }
        steps.push(step);
        steps.push(people::break_glass(
            facts,
            "Jira then lets nobody in but people of the gateway: the administrators of its internal directory cannot \
             sign in while the authenticator is in place. Give one account of the gateway's a password.",
        ));
    }
    steps.push(people::passwords(Some(
        "For administration Jira asks for the password once more (secure administrator sessions). For people without \
         one, set `jira.websudo.is.disabled = true` in jira-config.properties, and let a rule of the gateway ask for \
         who may go to /secure/admin.",
    )));
    steps.push(people::signing_out(facts, "Log out (/logout, /secure/Logout!default.jspa)"));
    steps.push(people::remember_me(
        "In seraph-config.xml set autologin.cookie.age to 0. The portal of Jira Service Management has a login of its own \
         at /servicedesk/customer/user/login, which single sign-on makes superfluous for who is signed in.",
    ));
    if facts.single_sign_on().is_some() {
        steps.push(seraph::helm(facts, &format!("/opt/atlassian/jira/atlassian-jira/{CLASSES}")));
    }
    steps
}

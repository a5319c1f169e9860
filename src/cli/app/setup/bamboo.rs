//! Bamboo.

use super::{
    connector, crowd_directory,
    facts::Facts,
    guide::Step,
    people,
    seraph::{self, Authenticator},
};

const NAMES: Authenticator = Authenticator {
    config: "<bamboo>/atlassian-bamboo/WEB-INF/classes/seraph-config.xml",
    own: "com.atlassian.bamboo.user.authentication.BambooAuthenticator",
    crowd: "com.atlassian.crowd.integration.seraph.v25.BambooAuthenticator",
    properties: "crowd.properties, where Bamboo has written its own (below its home, in configuration)",
};

pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps = vec![
        connector::tomcat(
            facts,
            "<bamboo>/conf/server.xml",
            "Base URL (Administration > General configuration)",
        ),
        crowd_directory::credential(facts),
        connector::reachable(facts),
    ];
    let place = "Administration > Security > User directories > Add directory > Atlassian Crowd";
    steps.extend(crowd_directory::directory(facts, place));
    steps.push(people::newcomers(facts, 7));
    if let Some(crowd) = facts.single_sign_on() {
        let mut step = seraph::authenticator(facts, crowd, &NAMES).says(
            "Bamboo reads the properties when it starts and not again: save the directory first, see whether the file says \
             what it should, then change the authenticator.",
        );
        if let Some(warning) = facts.unseen(6..=12) {
            step = step.says(warning);
        }
        steps.push(step);
        steps.push(people::break_glass(
            facts,
            "To let local users in again, put the old authenticator back and restart Bamboo.",
        ));
    }
    steps.push(people::passwords(None));
    steps.push(people::signing_out(facts, "Log out (/userLogout.action)"));
    steps.push(people::remember_me("In seraph-config.xml set autologin.cookie.age to 0."));
    steps.push(agents());
    if facts.single_sign_on().is_some() {
        let classes = "/opt/atlassian/bamboo/atlassian-bamboo/WEB-INF/classes";
        steps.push(seraph::helm(facts, classes));
    }
    steps
}

fn agents() -> Step {
    Step::new("Agents").says(
        "Remote agents come to /agentServer with tokens of their own; the preset lets them pass. Their broker's port is \
         not HTTP, and does not go through the gateway.",
    )
}

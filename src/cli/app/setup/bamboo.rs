//! Bamboo.

use super::{
    guide::Step,
    seraph::{Authenticator, Seraph},
};

pub(super) const BAMBOO: Seraph = Seraph {
    server_xml: "<bamboo>/conf/server.xml",
    base_url: "Base URL (Administration > General configuration)",
    directories: "Administration > Security",
    authenticator: Authenticator {
        config: "<bamboo>/atlassian-bamboo/WEB-INF/classes/seraph-config.xml",
        own: "com.atlassian.bamboo.user.authentication.BambooAuthenticator",
        crowd: "com.atlassian.crowd.integration.seraph.v25.BambooAuthenticator",
        properties: "crowd.properties, where Bamboo has written its own (below its home, in configuration)",
        beware: Some(
            "Bamboo reads the properties when it starts and not again: save the directory first, see whether the file says \
             what it should, then change the authenticator.",
        ),
        known: 6..=12,
    },
    break_glass: "To let local users in again, put the old authenticator back and restart Bamboo.",
    elevation: None,
    sign_out: "Log out (/userLogout.action)",
    remember_me: "In seraph-config.xml set autologin.cookie.age to 0.",
    more: Some(agents),
    classes: "/opt/atlassian/bamboo/atlassian-bamboo/WEB-INF/classes",
    asks_since: 7,
};

fn agents() -> Step {
    Step::new("Agents").says(
        "Remote agents come to /agentServer with tokens of their own; the preset lets them pass. Their broker's port is \
         not HTTP, and does not go through the gateway.",
    )
}

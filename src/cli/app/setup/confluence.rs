//! Confluence.

use super::seraph::{Authenticator, Seraph};

pub(super) const CONFLUENCE: Seraph = Seraph {
    server_xml: "<confluence>/conf/server.xml",
    base_url: "Server base URL (General configuration)",
    directories: "General configuration > Users & security",
    authenticator: Authenticator {
        config: "<confluence>/confluence/WEB-INF/classes/seraph-config.xml",
        own: "com.atlassian.confluence.user.ConfluenceAuthenticator",
        crowd: "com.atlassian.confluence.user.ConfluenceCrowdSSOAuthenticator",
        properties: "<confluence>/confluence/WEB-INF/classes/crowd.properties",
        beware: None,
        known: 7..=10,
    },
    break_glass: "Confluence then lets nobody in but people of the gateway: the administrators of its internal directory \
                  cannot sign in while the authenticator is in place. Give one account of the gateway's a password.",
    elevation: Some(
        "For administration Confluence asks for the password once more (/authenticate.action). For people without one, \
         switch it off: Security configuration > Secure administrator sessions; and let a rule of the gateway ask for \
         who may go to /admin.",
    ),
    sign_out: "Log out (/logout.action)",
    remember_me: "In seraph-config.xml set autologin.cookie.age to 0.",
    more: None,
    classes: "/opt/atlassian/confluence/confluence/WEB-INF/classes",
    asks_since: 7,
};

//! Jira Software and Jira Service Management.

use super::seraph::{Authenticator, Seraph};

pub(super) const JIRA: Seraph = Seraph {
    server_xml: "<jira>/conf/server.xml",
    base_url: "Base URL (System > General configuration)",
    directories: "Administration > User management",
    authenticator: Authenticator {
        config: "<jira>/atlassian-jira/WEB-INF/classes/seraph-config.xml",
        own: "com.atlassian.jira.security.login.JiraSeraphAuthenticator",
        crowd: "com.atlassian.jira.security.login.SSOSeraphAuthenticator",
        properties: "<jira>/atlassian-jira/WEB-INF/classes/crowd.properties",
        beware: None,
        known: 8..=11,
    },
    break_glass: "Jira then lets nobody in but people of the gateway: the administrators of its internal directory cannot \
                  sign in while the authenticator is in place. Give one account of the gateway's a password.",
    elevation: Some(
        "For administration Jira asks for the password once more (secure administrator sessions). For people without \
         one, set `jira.websudo.is.disabled = true` in jira-config.properties, and let a rule of the gateway ask for \
         who may go to /secure/admin.",
    ),
    sign_out: "Log out (/logout, /secure/Logout!default.jspa)",
    remember_me: "In seraph-config.xml set autologin.cookie.age to 0. The portal of Jira Service Management has a login \
                  of its own at /servicedesk/customer/user/login, which single sign-on makes superfluous for who is \
                  signed in.",
    more: None,
    classes: "/opt/atlassian/jira/atlassian-jira/WEB-INF/classes",
    asks_since: 8,
};

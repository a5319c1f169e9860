//! How an application learns its public address.

use super::{facts::Facts, guide::Step};

/// Attributes of a Tomcat's connector. The application's links, and its check of `Origin`, depend on them.
pub(super) fn tomcat(facts: &Facts, server_xml: &str, base_url: &str) -> Step {
    let scheme = facts.url.scheme();
    let (host, port) = (facts.host(), facts.port());
    let connector = format!(
        "<Connector port=\"…\" …\n           scheme=\"{scheme}\" secure=\"{secure}\"\n           \
         proxyName=\"{host}\" proxyPort=\"{port}\"\n           maxHttpHeaderSize=\"8192\"\n           \
         relaxedPathChars=\"[]|\" relaxedQueryChars=\"[]|{{}}^\\`&quot;&lt;&gt;\"/>",
        secure = scheme == "https",
    );
    let mut step = Step::new("Address")
        .says(
            "The application believes that it is where browsers find it; the gateway passes the Host header on as it \
             came. A base URL that differs breaks links, gadgets and the check against forged requests.",
        )
        .file(server_xml, "the attributes of the one connector that the gateway uses", connector)
        .set(base_url, facts.base_url());
    if !facts.prefix().is_empty() {
        step = step.set("context path (server.xml, <Context path=…>)", facts.prefix());
    }
    step
}

/// What only a listener that others reach can do.
pub(super) fn reachable(facts: &Facts) -> Step {
    let step = Step::new("Let it reach the gateway")
        .says(format!(
            "It asks for people at {}, from the machine that it runs on, and never through browsers.",
            facts.crowd_url
        ))
        .says(
            "Whoever has an application's password there can ask for everybody: `networks` in its [[app.crowd]] table \
             names the addresses that may, and a firewall keeps everybody else away.",
        );
    if facts.crowd_url.starts_with("https:") {
        return step.says(
            "The host in it has to be a name of the certificate in [server] internal_tls, and the application's Java has to \
             trust whoever signed that (keytool -importcert -cacerts).",
        );
    }
    if facts.on_this_machine {
        return step.says(
            "That address is on this machine only. For an application elsewhere, set [server] internal_listen to an \
             address that it can reach, with [server.internal_tls], and `networks` to its addresses.",
        );
    }
    step
}

//! Bitbucket.

use super::{connector, crowd_directory, facts::Facts, guide::Step, people};

const PROPERTIES: &str = "<bitbucket-home>/shared/bitbucket.properties";

pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps =
        vec![address(facts), crowd_directory::credential(facts), connector::reachable(facts)];
    let place = "Administration > Accounts > User directories > Add directory > Atlassian Crowd";
    steps.extend(crowd_directory::directory(facts, place));
    steps.push(people::newcomers(facts, 6));
    if facts.single_sign_on().is_some() {
        steps.push(single_sign_on(facts));
        steps.push(people::break_glass(
            facts,
            "Nothing to do: users of the internal directory go on signing in with their passwords at /login. Where the \
             gateway asks for a login before anything, they need one of its own as well.",
        ));
    }
    steps.push(people::passwords(facts.is_since(9).then_some(
        "Since version 9 it can ask administrators for their password once more; people without one need that switched \
         off in its settings.",
    )));
    steps.push(people::signing_out(facts, "Log out (/j_atl_security_logout)"));
    steps.push(people::remember_me("In bitbucket.properties: auth.remember-me.enabled=never"));
    steps.push(
        Step::new("git").says(
            "git and git-lfs bring tokens or SSH keys of Bitbucket's own; the preset lets them pass. SSH does not go \
             through the gateway.",
        ),
    );
    if facts.single_sign_on().is_some() {
        steps.push(helm(facts));
    }
    steps
}

fn address(facts: &Facts) -> Step {
    if !facts.is_since(5) {
        let server_xml = "<bitbucket-home>/shared/server.xml";
        return connector::tomcat(facts, server_xml, "Base URL (Administration > Server settings)");
    }
    let (host, port, scheme) = (facts.host(), facts.port(), facts.url.scheme());
    let mut properties = format!(
        "server.proxy-name={host}\nserver.proxy-port={port}\nserver.scheme={scheme}\nserver.secure={}",
        scheme == "https",
    );
    if !facts.prefix().is_empty() {
        properties = format!("{properties}\nserver.context-path={}", facts.prefix());
    }
    Step::new("Address")
        .says(
            "The application believes that it is where browsers find it; the gateway passes the Host header on as it \
             came. A base URL that differs breaks links and the check against forged requests.",
        )
        .file(PROPERTIES, "add", properties)
        .set("Base URL (Administration > Server settings)", facts.base_url())
}

fn single_sign_on(facts: &Facts) -> Step {
    let step = Step::new("Single sign-on")
        .says(
            "It takes people from the cookie that the gateway adds, besides its other ways to sign in. It counts only \
             while a Crowd directory is there and active. Restart every node.",
        )
        .file(PROPERTIES, "add", "plugin.auth-crowd.sso.enabled=true");
    match facts.unseen(4..=9) {
        Some(warning) => step.says(warning),
        None => step,
    }
}

fn helm(facts: &Facts) -> Step {
    let (host, port, scheme) = (facts.host(), facts.port(), facts.url.scheme());
    let pairs = [
        ("PLUGIN_AUTH_CROWD_SSO_ENABLED", "true".to_owned()),
        ("SERVER_PROXY_NAME", host.to_owned()),
        ("SERVER_PROXY_PORT", port.to_string()),
        ("SERVER_SCHEME", scheme.to_owned()),
        ("SERVER_SECURE", (scheme == "https").to_string()),
    ];
    let pairs = pairs.map(|(name, value)| format!("    - name: {name}\n      value: \"{value}\""));
    let values = format!("bitbucket:\n  additionalEnvironmentVariables:\n{}", pairs.join("\n"));
    Step::new("On Kubernetes, with Atlassian's Helm chart")
        .says(
            "The same as environment variables, which the chart otherwise sets from its `ingress`.",
        )
        .file("values.yaml", "add", values)
}

//! The authenticator of Jira, Confluence and Bamboo.

use super::{
    facts::{CrowdFacts, Facts},
    guide::Step,
};

/// Where an application has its authenticator, and what that is called.
pub(super) struct Authenticator {
    pub(super) config: &'static str,
    pub(super) own: &'static str,
    pub(super) crowd: &'static str,
    pub(super) properties: &'static str,
}

/// The exchange of the authenticator.
pub(super) fn authenticator(facts: &Facts, crowd: &CrowdFacts, names: &Authenticator) -> Step {
    let Authenticator { config, own, crowd: class, properties } = names;
    Step::new("Single sign-on")
        .says(
            "The application then takes everybody from the cookie that the gateway adds to each request, and only from \
             there. Stop it, change the files on every node, and start it again. An upgrade puts them back.",
        )
        .says(
            "Every administrator signs in through the gateway from now on: see that one can before the authenticator \
             is changed.",
        )
        .file(
            config,
            format!("replace <authenticator class=\"{own}\"/>"),
            format!("<authenticator class=\"{class}\"/>"),
        )
        .file(properties, "write; readable by the application only", properties_text(facts, crowd))
}

/// `crowd.properties`, with every key.
pub(super) fn properties_text(facts: &Facts, crowd: &CrowdFacts) -> String {
    format!(
        "application.name={application}\n\
         application.password=PASSWORD\n\
         application.login.url={url}\n\
         crowd.server.url={crowd_url}services/\n\
         crowd.base.url={crowd_url}\n\
         session.isauthenticated=session.isauthenticated\n\
         session.tokenkey=session.tokenkey\n\
         # In minutes. 0 asks for every request; another person's cookie counts at once in any case.\n\
         session.validationinterval=2\n\
         session.lastvalidation=session.lastvalidation\n\
         cookie.tokenkey={cookie}\n\
         # In milliseconds.\n\
         http.timeout=5000\n\
         http.max.connections=20",
        application = crowd.application,
        url = facts.base_url(),
        crowd_url = with_slash(&facts.crowd_url),
        cookie = crowd.cookie,
    )
}

fn with_slash(url: &str) -> String {
    format!("{}/", url.trim_end_matches('/'))
}

/// For whoever has installed it with Atlassian's chart.
pub(super) fn helm(facts: &Facts, classes: &str) -> Step {
    let kind = facts.kind.as_str();
    let (host, port) = (facts.host(), facts.port());
    let scheme = facts.url.scheme();
    let values = format!(
        "{kind}:\n  \
           tomcatConfig:\n    \
             proxyName: \"{host}\"\n    \
             proxyPort: \"{port}\"\n    \
             scheme: \"{scheme}\"\n    \
             secure: \"{secure}\"\n  \
           additionalFiles:\n    \
             - name: gatehouse-seraph\n      \
               type: configMap\n      \
               key: seraph-config.xml\n      \
               mountPath: {classes}\n    \
             - name: gatehouse-crowd\n      \
               type: secret\n      \
               key: crowd.properties\n      \
               mountPath: {classes}",
        secure = scheme == "https",
    );
    Step::new("On Kubernetes, with Atlassian's Helm chart")
        .says(
            "The two files come from a config map and a secret that you make; seraph-config.xml is the whole file of your \
             version with the one line changed. The values of tomcatConfig count where the chart writes server.xml; \
             elsewhere the host of `ingress` says the same.",
        )
        .file("values.yaml", "add", values)
}

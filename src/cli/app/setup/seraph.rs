//! Jira, Confluence and Bamboo: they sign people in by Seraph, whose authenticator can be another one.

use std::ops::RangeInclusive;

use super::{
    connector, crowd_directory,
    facts::{CrowdFacts, Facts},
    guide::Step,
    people,
};

/// What is different from one of them to the other.
pub(super) struct Seraph {
    pub(super) server_xml: &'static str,
    /// Where its base URL is set.
    pub(super) base_url: &'static str,
    /// Where a directory is added.
    pub(super) directories: &'static str,
    pub(super) authenticator: Authenticator,
    /// Whoever cannot sign in otherwise.
    pub(super) break_glass: &'static str,
    /// Where it asks for the password of somebody who is signed in.
    pub(super) elevation: Option<&'static str>,
    pub(super) sign_out: &'static str,
    pub(super) remember_me: &'static str,
    /// What else there is to say of it.
    pub(super) more: Option<fn() -> Step>,
    /// Where its classes are in Atlassian's image.
    pub(super) classes: &'static str,
    /// Since which version it asks for somebody the moment they come.
    pub(super) asks_since: u32,
}

/// Where an application has its authenticator, and what that is called.
pub(super) struct Authenticator {
    pub(super) config: &'static str,
    pub(super) own: &'static str,
    pub(super) crowd: &'static str,
    pub(super) properties: &'static str,
    /// What to mind besides.
    pub(super) beware: Option<&'static str>,
    /// The versions of which the names are known.
    pub(super) known: RangeInclusive<u32>,
}

/// What is to be done for one of them.
pub(super) fn steps(facts: &Facts, app: &Seraph) -> Vec<Step> {
    let mut steps = vec![
        connector::tomcat(facts, app.server_xml, app.base_url),
        crowd_directory::credential(facts),
        connector::reachable(facts),
    ];
    let place = format!("{} > User directories > Add directory > Atlassian Crowd", app.directories);
    steps.extend(crowd_directory::directory(facts, &place));
    steps.push(people::newcomers(facts, app.asks_since));
    if let Some(crowd) = facts.single_sign_on() {
        steps.push(authenticator(facts, crowd, &app.authenticator));
        steps.push(people::break_glass(facts, app.break_glass));
    }
    steps.push(people::passwords(app.elevation));
    steps.push(people::signing_out(facts, app.sign_out));
    steps.push(people::remember_me(app.remember_me));
    steps.extend(app.more.map(|more| more()));
    if facts.single_sign_on().is_some() {
        steps.push(helm(facts, app.classes));
    }
    steps
}

/// The exchange of the authenticator.
fn authenticator(facts: &Facts, crowd: &CrowdFacts, names: &Authenticator) -> Step {
    let Authenticator { config, own, crowd: class, properties, beware, known } = names;
    let step = Step::new("Single sign-on")
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
        .file(properties, "write; readable by the application only", properties_text(facts, crowd));
    let warnings = beware.map(str::to_owned).into_iter().chain(facts.unseen(known.clone()));
    warnings.fold(step, Step::says)
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
fn helm(facts: &Facts, classes: &str) -> Step {
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

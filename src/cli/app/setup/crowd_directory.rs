//! The gateway as a user directory of an application.

use super::{
    facts::{CrowdFacts, Facts},
    guide::Step,
};

/// What is missing in the gateway's own configuration, if something is.
pub(super) fn credential(facts: &Facts) -> Step {
    let step = Step::new("A password for the application")
        .says(
            "`gatehouse app credential` makes one and prints it once, with the line for the gateway's configuration. \
             The gateway keeps a hash only. To change it later, let `credentials` have both for a while.",
        );
    if !facts.crowd.is_empty() {
        return step;
    }
    let table = format!(
        "[[app.crowd]]\napplication = \"{}\"\ncredentials = [\"sha256:…\"]\nsingle_sign_on = true\n\
         networks = [\"ADDRESS-OF-THE-APPLICATION/32\"]",
        facts.name
    );
    step.says("It has no [[app.crowd]] table yet. Without one it can ask for nobody.").file(
        "gatehouse.toml",
        "add below its [[app]] table",
        table,
    )
}

/// The form in the application's administration, once for each application in Crowd's sense.
pub(super) fn directory(facts: &Facts, place: &str) -> Vec<Step> {
    let made_up = CrowdFacts {
        application: facts.name.clone(),
        cookie: String::new(),
        single_sign_on: true,
        writable: false,
        directories: vec!["Internal".to_owned()],
    };
    let asked = if facts.crowd.is_empty() { std::slice::from_ref(&made_up) } else { &facts.crowd };
    asked.iter().map(|crowd| form(facts, crowd, place)).collect()
}

fn form(facts: &Facts, crowd: &CrowdFacts, place: &str) -> Step {
    let permissions = if crowd.writable { "Read/Write" } else { "Read Only" };
    Step::new(&format!("The directory {:?}", crowd.application))
        .says(format!("{place}. Then \"Test settings\", save, and \"Synchronise\"."))
        .set("Name", format!("Gatehouse ({})", crowd.directories.join(", ")))
        .set("Server URL", &facts.crowd_url)
        .set("Application name", &crowd.application)
        .set("Application password", "as `gatehouse app credential` printed it")
        .set("Crowd permissions", permissions)
        .set("Enable nested groups", "yes, if groups contain groups")
        .set("Enable incremental synchronisation", "yes")
        .set("Synchronisation interval (minutes)", "5: what has not changed costs one request")
        .set("Update group memberships when logging in", "Every time the user logs in")
        .says(
            "Put it above the internal directory: the first that has a username wins. Keep the internal directory, with \
             one administrator of its own.",
        )
}

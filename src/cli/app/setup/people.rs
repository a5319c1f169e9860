//! What people notice: passwords, signing out, and who gets in when nothing else does.

use super::{facts::Facts, guide::Step};

/// Whoever cannot sign in otherwise.
pub(super) fn break_glass(facts: &Facts, how: &str) -> Step {
    let directory = facts.crowd.first().and_then(|crowd| crowd.directories.first());
    let directory = directory.map_or("Internal", String::as_str);
    Step::new("An administrator for the day on which the identity provider is down")
        .says(how)
        .says(format!(
            "gatehouse user password set USERNAME --break-glass --directory {directory:?}, and the username in the \
             application's group of administrators. Every use is in the log."
        ))
}

/// Signing out, in both directions.
pub(super) fn signing_out(facts: &Facts, path: &str) -> Step {
    let login = facts.login_url.as_str().trim_end_matches('/');
    let mut step = Step::new("Signing out")
        .says(format!(
            "With single sign-on, {path} ends the person's session at the gateway, and so everywhere. Who signs out \
             elsewhere, or is deactivated, is signed out here with the next request."
        ));
    if facts.single_sign_on().is_none() {
        step = step.says(format!(
            "Without it, {path} ends only the application's own session. Let its link for signing out lead to \
             {login}/_gatehouse/logout."
        ));
    }
    step
}

/// What would bring people back who were signed out.
pub(super) fn remember_me(how: &str) -> Step {
    Step::new("No \"remember me\"").says(
        "A cookie of the application's own would sign in again whoever was signed out: with it the application asks for \
         a session without a password, which the gateway refuses unless `sessions_without_password` is set.",
    )
    .says(how)
}

/// Passwords that the application asks for although somebody is signed in.
pub(super) fn passwords(elevation: Option<&str>) -> Step {
    let step = Step::new("Passwords").says(
        "Scripts that send name and password are checked by the gateway, against passwords of its own. Who only signs in \
         at an identity provider has none: personal access tokens work as ever, since they never reach the gateway's \
         directory.",
    );
    match elevation {
        Some(how) => step.says(how),
        None => step,
    }
}

/// How soon somebody new is there.
pub(super) fn newcomers(facts: &Facts, tells_since: u32) -> Step {
    let step = Step::new("Newcomers");
    if facts.is_since(tells_since) {
        return step.says(
            "It asks for somebody the moment they first come, and takes the account and, with the setting above, the \
             groups into its own copy. Give groups its permissions; nobody else need be made there.",
        );
    }
    step.says(
        "This version knows only who came with a synchronisation: set the interval to a minute or two, or let people \
         wait for it.",
    )
}

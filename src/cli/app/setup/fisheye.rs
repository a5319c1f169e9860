//! Fisheye and Crucible.

use super::{connector, crowd_directory, facts::Facts, guide::Step, people, seraph};

pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps =
        vec![address(facts), crowd_directory::credential(facts), connector::reachable(facts)];
    let place =
        "Administration > Security settings > User directories > Add directory > Atlassian Crowd";
    steps.extend(crowd_directory::directory(facts, place));
    steps.push(
        Step::new("Who may sign in").says(
            "A directory alone lets nobody in: name the groups in Administration > Global permissions. Newcomers are \
             added as they come only if the directory adds them by itself.",
        ),
    );
    if let Some(crowd) = facts.single_sign_on() {
        let mut step = Step::new("Single sign-on")
            .says(
                "Administration > Security settings > Authentication: Crowd, with single sign-on switched on. Fisheye \
                 keeps these properties in <fisheye-inst>/config.xml, in the element for Crowd; stop it before the file is \
                 changed.",
            )
            .says("Single sign-on needs a Crowd directory; one of the kind \"Jira\" does not have it.")
            .file("<fisheye-inst>/config.xml", "the Crowd properties", seraph::properties_text(facts, crowd));
        if let Some(warning) = facts.unseen(4..=4) {
            step = step.says(warning);
        }
        steps.push(step);
        steps.push(people::break_glass(
            facts,
            "The administrator's password of Fisheye itself goes on working at /admin/login-default.do.",
        ));
    }
    steps.push(people::passwords(None));
    steps.push(people::signing_out(facts, "Log out (/logout)"));
    steps.push(people::remember_me("Tell people not to tick it: Fisheye cannot switch it off."));
    steps
}

fn address(facts: &Facts) -> Step {
    let (host, port, scheme) = (facts.host(), facts.port(), facts.url.scheme());
    let bind = format!(
        "<web-server context=\"{}\" site-url=\"{}/\">\n    <http bind=\":8060\" proxy-scheme=\"{scheme}\" \
         proxy-host=\"{host}\" proxy-port=\"{port}\"/>\n</web-server>",
        facts.prefix(),
        facts.base_url(),
    );
    Step::new("Address")
        .says("Administration > Global settings > Server > Web server, which is in its config.xml:")
        .file("<fisheye-inst>/config.xml", "replace <web-server>", bind)
}

//! Any other application.

use super::{connector, crowd_directory, facts::Facts, guide::Step, people};

pub(super) fn steps(facts: &Facts) -> Vec<Step> {
    let mut steps = vec![
        Step::new("Who is it?").says(
            "Every request of somebody who is signed in has X-Forwarded-User, -Email, -Name and -Groups, and a signed \
             assertion in X-Gatehouse-Assertion; what clients send under these names is removed. The application must be \
             reachable through the gateway only, or verify the assertion: docs/identity.md.",
        ),
        Step::new("Address")
            .says("The Host header is passed on; X-Forwarded-Proto, -Host and -For say the rest.")
            .set("public address", facts.base_url()),
    ];
    if facts.crowd.is_empty() {
        return steps;
    }
    steps.push(crowd_directory::credential(facts));
    steps.push(connector::reachable(facts));
    for crowd in &facts.crowd {
        let mut step = Step::new(&format!("The Crowd server for {:?}", crowd.application))
            .says("For applications that know Crowd: Jenkins, Artifactory, JupyterHub, Django and others.")
            .set("Crowd URL", &facts.crowd_url)
            .set("application name", &crowd.application)
            .set("application password", "as `gatehouse app credential` printed it");
        if crowd.single_sign_on {
            step = step.set("cookie", &crowd.cookie).says(
                "The cookie is added to each request by the gateway. The application asks whose it is, and takes the \
                 groups from there too.",
            );
        }
        steps.push(step);
    }
    steps.push(people::signing_out(
        facts,
        "its own way to sign out, if it ends the token (DELETE /session/TOKEN),",
    ));
    steps
}

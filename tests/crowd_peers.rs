//! The gateway as a Crowd server, asked by clients that others have written, and by the strict double of
//! Atlassian's.

mod chain;
mod django;
mod library;
mod node;
mod stock;

use aws_lc_rs::digest::{SHA256, digest};
use gatehouse::config::CredentialHash;

use crate::support::{
    crowd_client::CrowdClient,
    free_port,
    gateway::{Plan, TestGateway},
    kdc::Kdc,
};

const PASSWORD: &str = "a-password-of-an-application";

/// The application in Crowd's sense, at `https://crowd.localhost`, with more lines in its tables.
fn crowd_app(plan: &Plan, port: u16, app: &str, crowd: &str) -> String {
    let hash = digest(&SHA256, PASSWORD.as_bytes());
    let hash = CredentialHash(hash.as_ref().try_into().unwrap()).text();
    format!(
        "\n[[app]]\nname = \"crowd\"\nurl = \"{}\"\nupstream = \"http://127.0.0.1:{port}\"\n{app}\n\
         [[app.crowd]]\ncredentials = [\"{hash}\"]\nsingle_sign_on = true\n{crowd}\n",
        url(plan)
    )
}

fn url(plan: &Plan) -> String {
    format!("https://crowd.localhost:{}", plan.port())
}

/// A gateway with an application that asks for people, which nobody signs in to.
struct Office {
    gateway: TestGateway,
    _kdc: Kdc,
}

impl Office {
    /// With more lines in the `[[app.crowd]]` table.
    async fn open(plan: Plan, crowd: &str) -> Self {
        let kdc = Kdc::start(&["HTTP/login.localhost"]);
        let app = crowd_app(&plan, free_port(), "", crowd);
        let gateway = plan.with_tickets(&kdc.keytab()).with(&app).start().await;
        Self { gateway, _kdc: kdc }
    }

    fn crowd_url(&self) -> String {
        crowd_url(&self.gateway)
    }

    fn client(&self) -> CrowdClient {
        CrowdClient::new(&self.crowd_url(), "crowd", PASSWORD)
    }
}

fn crowd_url(gateway: &TestGateway) -> String {
    format!("{}/crowd", gateway.plan.internal())
}

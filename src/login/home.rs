//! The login host's own page: who is signed in, and where to go.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::{HeaderMap, StatusCode};

use super::{LOGOUT_PATH, Login};
use crate::http::{Arrival, Error, Response, page, see_other};

#[derive(Template)]
#[template(path = "login/home.html")]
struct HomePage<'a> {
    name: Option<String>,
    apps: Vec<(&'a str, String)>,
    sign_in: String,
    logout: &'static str,
}

/// `GET /_gatehouse/`
pub async fn show_home(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if login.require_login_host(&arrival).is_err() {
        return Ok(see_other(&login.home_url()));
    }
    let name = match login.find_parent(&arrival, &headers).await? {
        Some(parent) => {
            let account = login.store.find_account(&login.targets.all(), parent.person).await;
            let account = account.map_err(Error::unavailable)?;
            account.map(|account| {
                let profile = account.user.profile;
                profile.display_name.unwrap_or(profile.username)
            })
        }
        None => None,
    };
    let flow = login.flow_to_home(&arrival);
    let apps = login.sites.places().map(|(_, place)| (place.name.as_str(), place.url())).collect();
    let sign_in = login.sign_in_url(&flow);
    Ok(page(StatusCode::OK, &HomePage { name, apps, sign_in, logout: LOGOUT_PATH }))
}

//! Addresses of applications: how they are doing at the running gateway, and whom it sends there.

use axum::{
    Json,
    extract::{Path, State},
};
use http::Uri;

use super::{Admin, AdminError};
use crate::{
    http::Parameters,
    proxy::{Admission, Upstream, UpstreamStatus},
};

/// `GET /apps/{name}/addresses`
pub(super) async fn list_addresses(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<UpstreamStatus>, AdminError> {
    Ok(Json(admin.find_upstream(&name)?.status()))
}

/// `PUT /apps/{name}/addresses/{address}/drained`: newcomers go elsewhere, and with `?now=` everybody does.
pub(super) async fn drain_address(
    State(admin): State<Admin>,
    Path((name, address)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<UpstreamStatus>, AdminError> {
    let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
    let is_now = Parameters::of(&uri).map_err(twice)?.find("now").is_some();
    let admission = if is_now { Admission::Closed } else { Admission::Draining };
    admin.admit(&name, &address, admission)
}

/// `DELETE /apps/{name}/addresses/{address}/drained`
pub(super) async fn restore_address(
    State(admin): State<Admin>,
    Path((name, address)): Path<(String, String)>,
) -> Result<Json<UpstreamStatus>, AdminError> {
    admin.admit(&name, &address, Admission::Open)
}

impl Admin {
    fn admit(
        &self,
        name: &str,
        address: &str,
        admission: Admission,
    ) -> Result<Json<UpstreamStatus>, AdminError> {
        let upstream = self.find_upstream(name)?;
        if upstream.admit(address, admission) {
            Ok(Json(upstream.status()))
        } else {
            let known = upstream.status().addresses.into_iter().map(|known| known.address);
            let known = known.collect::<Vec<_>>().join(", ");
            Err(AdminError::NotFound(format!("address {address:?} of {name}; it is at {known}")))
        }
    }

    /// The application, where requests are passed on to it.
    fn find_upstream(&self, name: &str) -> Result<&Upstream, AdminError> {
        if self.chains.sessions.is_none() {
            let problem = "no gateway is running: only one that runs knows how applications are";
            return Err(AdminError::BadRequest(problem.to_owned()));
        }
        let mut places = self.requests.sites.places();
        let place = places.find(|(_, place)| place.name == name);
        let (index, _) =
            place.ok_or_else(|| AdminError::NotFound(format!("application {name:?}")))?;
        Ok(&self.requests.apps[index].upstream)
    }
}

//! `/group`: one group.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use http::StatusCode;

use super::{
    Crowd,
    asking::Asking,
    entities::{Links, Shown, write_attributes_document, write_group},
    failure::Failure,
    query::Query,
};
use crate::{directory::NameKey, http::Response, store::SeenGroup};

/// `GET /group?groupname=`, with `expand=attributes`.
pub(super) async fn show_group(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    let group = crowd.find_group(&asking, query.required("groupname")?).await?;
    let (links, shown) = (Links::of(&asking), Shown::of(&query));
    Ok(asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("group");
        write_group(writer, &links, &group, shown);
        writer.end("group");
    }))
}

/// `GET /group/attribute?groupname=`: groups have none.
pub(super) async fn list_attributes(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    let group = crowd.find_group(&asking, query.required("groupname")?).await?;
    let (links, place) = (Links::of(&asking), "/group/attribute?groupname=");
    Ok(asking.answer(StatusCode::OK, |writer| {
        write_attributes_document(writer, &links, place, &group.name, &BTreeMap::new());
    }))
}

impl Crowd {
    /// The group that the application knows by this name, in whichever case.
    pub(super) async fn find_group(
        &self,
        asking: &Asking,
        name: &str,
    ) -> Result<SeenGroup, Failure> {
        let directories = &asking.application.directories;
        let found = self.store.find_seen_group(directories, &NameKey::of(name)).await?;
        found.ok_or_else(|| Failure::no_group(name))
    }
}

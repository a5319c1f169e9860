//! How tests say what has happened, what goes wrong, and ask what should be known.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post, put},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Clouds,
    cloud::{Cloud, Manners, Seen},
    faults::Fault,
    graph::{members::identity, subscriptions},
    hooks::{Listener, Told},
    ids::Sort,
    okta::hooks::{self, NewHook},
    tenant::{Member, Mutation, Tenant, User, Vendor},
};

type Refusal = (StatusCode, String);

fn refuse(error: impl std::fmt::Display) -> Refusal {
    (StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n"))
}

/// What can be asked of the clouds from outside.
pub fn routes(clouds: Arc<Clouds>) -> Router {
    Router::new()
        .route("/", get(async |State(clouds): State<Arc<Clouds>>| Json(clouds.addresses())))
        .route("/time", post(advance))
        .route("/{vendor}/apply", post(apply))
        .route("/{vendor}/faults", post(add_faults).delete(clear_faults))
        .route("/{vendor}/manners", put(set_manners))
        .route("/{vendor}/seen", get(list_seen).delete(forget_seen))
        .route("/{vendor}/listeners", get(list_listeners))
        .route("/{vendor}/told", get(list_told).delete(forget_told))
        .route("/{vendor}/trust", post(trust))
        .route("/okta/hooks", post(create_hook))
        .route("/graph/lifecycle/{event}", post(tell_of_subscriptions))
        .route("/{vendor}/users", get(list_users))
        .route("/{vendor}/groups", get(list_groups))
        .with_state(clouds)
}

#[derive(Deserialize)]
struct Ahead {
    seconds: i64,
}

async fn advance(State(clouds): State<Arc<Clouds>>, Json(ahead): Json<Ahead>) {
    clouds.time.advance(ahead.seconds);
}

/// Changes, one after the other, until one is not possible. Says which numbers were changed.
async fn apply(
    State(clouds): State<Arc<Clouds>>,
    Path(vendor): Path<Vendor>,
    body: Bytes,
) -> Result<Json<Vec<u32>>, Refusal> {
    let mutations: Vec<Mutation> = serde_json::from_slice(&body).map_err(refuse)?;
    clouds.cloud(vendor).happen(mutations).map(Json).map_err(refuse)
}

async fn add_faults(
    State(clouds): State<Arc<Clouds>>,
    Path(vendor): Path<Vendor>,
    body: Bytes,
) -> Result<(), Refusal> {
    let faults: Vec<Fault> = serde_json::from_slice(&body).map_err(refuse)?;
    for fault in faults {
        clouds.cloud(vendor).faults.add(fault);
    }
    Ok(())
}

async fn clear_faults(State(clouds): State<Arc<Clouds>>, Path(vendor): Path<Vendor>) {
    clouds.cloud(vendor).faults.clear();
}

/// Some manners; the others stay.
async fn set_manners(
    State(clouds): State<Arc<Clouds>>,
    Path(vendor): Path<Vendor>,
    Json(set): Json<Value>,
) -> Result<Json<Manners>, Refusal> {
    let cloud = clouds.cloud(vendor);
    let mut manners = serde_json::to_value(cloud.manners()).map_err(refuse)?;
    for (name, value) in set.as_object().into_iter().flatten() {
        manners[name] = value.clone();
    }
    let manners: Manners = serde_json::from_value(manners).map_err(refuse)?;
    cloud.set_manners(manners.clone());
    Ok(Json(manners))
}

async fn list_seen(
    State(clouds): State<Arc<Clouds>>,
    Path(vendor): Path<Vendor>,
) -> Json<Vec<Seen>> {
    Json(clouds.cloud(vendor).seen().clone())
}

async fn forget_seen(State(clouds): State<Arc<Clouds>>, Path(vendor): Path<Vendor>) {
    clouds.cloud(vendor).seen().clear();
}

/// Who is told what happens.
async fn list_listeners(
    State(clouds): State<Arc<Clouds>>,
    Path(vendor): Path<Vendor>,
) -> Json<Vec<Listener>> {
    Json(clouds.cloud(vendor).hooks.listeners().clone())
}

/// What they were told.
async fn list_told(
    State(clouds): State<Arc<Clouds>>,
    Path(vendor): Path<Vendor>,
) -> Json<Vec<Told>> {
    Json(clouds.cloud(vendor).hooks.told().clone())
}

async fn forget_told(State(clouds): State<Arc<Clouds>>, Path(vendor): Path<Vendor>) {
    clouds.cloud(vendor).hooks.told().clear();
}

/// Whose certificate (PEM) is good enough to be told something.
async fn trust(State(clouds): State<Arc<Clouds>>, Path(vendor): Path<Vendor>, pem: String) {
    clouds.cloud(vendor).hooks.trust(pem);
}

/// An administrator makes an event hook.
async fn create_hook(
    State(clouds): State<Arc<Clouds>>,
    Json(hook): Json<NewHook>,
) -> Result<Json<String>, Refusal> {
    hooks::create(clouds.cloud(Vendor::Okta), hook).await.map(Json).map_err(refuse)
}

/// Graph says something of the subscriptions themselves.
async fn tell_of_subscriptions(State(clouds): State<Arc<Clouds>>, Path(event): Path<String>) {
    subscriptions::tell(clouds.cloud(Vendor::Graph), &event);
}

/// Everybody, also who was deleted: one JSON object a line, in the tenant's own words, with the vendor's id.
async fn list_users(State(clouds): State<Arc<Clouds>>, Path(vendor): Path<Vendor>) -> Body {
    let cloud = Arc::clone(clouds.cloud(vendor));
    let total = cloud.tenant().users;
    let chunks = (0..total).step_by(1_000).map(move |from| lines_of_users(&cloud, from));
    Body::from_stream(stream::iter(chunks.map(Ok::<_, std::io::Error>)))
}

fn lines_of_users(cloud: &Cloud, from: u32) -> String {
    let tenant = cloud.tenant();
    let users = (from..tenant.users.min(from + 1_000)).filter_map(|no| tenant.any_user(no));
    let lines: Vec<String> = users.map(|user| known_user(&tenant, &user).to_string()).collect();
    lines.join("\n") + "\n"
}

fn known_user(tenant: &Tenant, user: &User) -> Value {
    let mut object = serde_json::to_value(user).unwrap_or_default();
    object["id"] = json!(id_of(tenant, Sort::User, user.no));
    object["active"] = json!(user.is_active());
    object
}

fn id_of(tenant: &Tenant, sort: Sort, no: u32) -> String {
    match tenant.vendor {
        Vendor::Graph => tenant.ids.guid(sort, no),
        Vendor::Okta => tenant.ids.okta(sort, no),
        Vendor::Google => tenant.ids.google(sort, no),
    }
}

/// Every group that is there, one a line, with the ids of who is in it: by themselves, and through other groups.
async fn list_groups(State(clouds): State<Arc<Clouds>>, Path(vendor): Path<Vendor>) -> Body {
    let cloud = Arc::clone(clouds.cloud(vendor));
    let total = cloud.tenant().groups.len();
    let line = move |no| Ok::<_, std::io::Error>(line_of_group(&cloud.tenant(), no));
    Body::from_stream(stream::iter((0..total).map(line)))
}

fn line_of_group(tenant: &Tenant, no: usize) -> String {
    let Some(group) = u32::try_from(no).ok().and_then(|no| tenant.group(no)) else {
        return String::new();
    };
    let mut object = serde_json::to_value(group).unwrap_or_default();
    object["id"] = json!(id_of(tenant, Sort::Group, group.no));
    object["members"] = tenant.members(group).map(|member| id_of_member(tenant, member)).collect();
    let through = tenant.members_through(group).into_iter();
    object["through"] = through.map(|member| id_of_member(tenant, member)).collect();
    format!("{object}\n")
}

fn id_of_member(tenant: &Tenant, member: Member) -> Value {
    match member {
        Member::User(no) => json!(id_of(tenant, Sort::User, no)),
        Member::Group(no) => json!(id_of(tenant, Sort::Group, no)),
        other if tenant.vendor == Vendor::Graph => json!(identity(tenant.ids, other).1),
        other => json!(other),
    }
}

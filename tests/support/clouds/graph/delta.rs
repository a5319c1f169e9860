//! Feeds of changes: `concepts/delta-query-overview`, `concepts/delta-query-users`, `concepts/delta-query-groups`, `user-delta`,
//! `group-delta`. A round has a beginning and an end in the history; what happens during it comes in the next one.

mod changes;
mod state;

use serde_json::{Map, Value, json};

use super::{context, error, groups as graph_groups, options, users as graph_users};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    page::{Page, origin},
    tenant::Tenant,
    tokens::Issued,
};
use state::{Phase, State};

/// For so long a token is good.
const LIFE_SECONDS: i64 = 7 * 24 * 3_600;

/// What a stream is of.
struct Stream<'a> {
    kind: &'static str,
    path: &'static str,
    properties: &'a [&'a str],
    default: &'a [&'a str],
    /// Whether the caller may read who is in groups that hide it.
    hidden: bool,
}

pub fn users(cloud: &Cloud, asked: &Asked) -> Outcome {
    let (properties, default) = (graph_users::PROPERTIES, graph_users::DEFAULT);
    answer(cloud, asked, &Stream { kind: "user", path: "users", properties, default, hidden: true })
}

pub fn groups(cloud: &Cloud, asked: &Asked, token: &Issued) -> Outcome {
    let properties = [graph_groups::PROPERTIES, &["members"]].concat();
    let hidden = token.allows(super::HIDDEN);
    let stream = Stream {
        kind: "group",
        path: "groups",
        properties: &properties,
        default: &properties,
        hidden,
    };
    answer(cloud, asked, &stream)
}

fn answer(cloud: &Cloud, asked: &Asked, stream: &Stream<'_>) -> Outcome {
    let tenant = cloud.tenant();
    let state = match (asked.parameter("$skiptoken"), asked.parameter("$deltatoken")) {
        (None, None | Some("")) => begin(cloud, asked, stream, &tenant)?,
        (None, Some("latest")) => {
            let state = begin(cloud, asked, stream, &tenant)?;
            let page = Page { items: Vec::new(), next: None };
            return Ok(write(cloud, asked, stream, &state, page));
        }
        (Some(token), None) => resume(cloud, asked, stream, &tenant, token, true)?,
        (None, Some(token)) => {
            let last = resume(cloud, asked, stream, &tenant, token, false)?;
            let minimal =
                asked.header("prefer").is_some_and(|prefer| prefer.contains("return=minimal"));
            last.next_round(cloud.visible(&tenant), minimal, cloud.now())
        }
        (Some(_), Some(_)) => {
            return Err(error::bad(asked, "$skiptoken and $deltatoken cannot be used together."));
        }
    };
    let wanted = page_size(asked).filter(|_| !cloud.manners().ignores_page_wishes);
    let page = fill(cloud, stream, &tenant, &state, wanted);
    let page = page.twisted(cloud, asked, &state.place.to_string());
    let answer = write(cloud, asked, stream, &state, page);
    Ok(match wanted {
        Some(size) => answer.with("preference-applied", format!("odata.maxpagesize={size}")),
        None => answer,
    })
}

/// The first request of the first round, the only one with options.
fn begin(
    cloud: &Cloud,
    asked: &Asked,
    stream: &Stream<'_>,
    tenant: &Tenant,
) -> Result<State, Answer> {
    for (name, _) in &asked.query {
        if !matches!(name.as_str(), "$select" | "$filter" | "$deltatoken") && name.starts_with('$')
        {
            let message =
                format!("The query option '{name}' is not supported by the delta function.");
            return Err(error::unsupported(asked, &message));
        }
    }
    let ids = match asked.parameter("$filter") {
        Some(filter) => Some(changes::only_ids(filter).ok_or_else(|| {
            error::unsupported(
                asked,
                "Only a filter of at most 50 ids is supported by the delta function.",
            )
        })?),
        None => None,
    };
    let select = options::select(asked, stream.kind, stream.properties)?;
    Ok(State {
        stream: stream.kind.to_owned(),
        phase: Phase::Everything,
        from: 0,
        to: cloud.visible(tenant),
        users: tenant.users,
        place: 0,
        page: 0,
        select,
        ids,
        minimal: false,
        born: cloud.now().timestamp(),
        generation: tenant.generation,
    })
}

fn resume(
    cloud: &Cloud,
    asked: &Asked,
    stream: &Stream<'_>,
    tenant: &Tenant,
    token: &str,
    within: bool,
) -> Result<State, Answer> {
    let state = State::read(token, tenant.plan.seed).filter(|state| state.stream == stream.kind);
    let Some(state) = state.filter(|state| (state.phase == Phase::Done) != within) else {
        return Err(error::bad(asked, "Badly formed token."));
    };
    if asked.query.iter().any(|(name, _)| name == "$select" || name == "$filter") {
        return Err(error::bad(
            asked,
            "Query options are part of the token and cannot be changed.",
        ));
    }
    if state.generation != tenant.generation {
        return Err(gone(asked));
    }
    if cloud.now().timestamp() - state.born > LIFE_SECONDS {
        return Err(lost(asked));
    }
    Ok(state)
}

/// 410: everything has to be read again, from the address given.
pub fn gone(asked: &Asked) -> Answer {
    let location = format!("{}{}?$deltatoken=", origin(asked), asked.path);
    let message =
        "Resync required. Any local changes should be discarded and everything read again.";
    error::error(asked, 410, "resyncRequired", message).with("location", location)
}

/// The token is too old.
pub fn lost(asked: &Asked) -> Answer {
    let message = "The sync state generation is not found. The delta token is expired and data must be synchronized again.";
    error::error(asked, 400, "syncStateNotFound", message)
}

/// `Prefer: odata.maxpagesize`, as it is said with every request.
fn page_size(asked: &Asked) -> Option<usize> {
    let prefer = asked.header("prefer")?;
    let size =
        prefer.split([',', ';']).find_map(|it| it.trim().strip_prefix("odata.maxpagesize="))?;
    size.parse().ok().filter(|size| (1..=999).contains(size))
}

/// The objects of a page. Its `next` is the next place of the round.
fn fill(
    cloud: &Cloud,
    stream: &Stream<'_>,
    tenant: &Tenant,
    state: &State,
    wanted: Option<usize>,
) -> Page {
    let mut manners = cloud.manners();
    manners.delta_page = wanted.unwrap_or(manners.delta_page);
    let every = manners.empty_page_every;
    if every > 0 && state.page % every == every - 1 {
        return Page { items: Vec::new(), next: Some(state.place.to_string()) };
    }
    let feed = changes::Feed { tenant, state, stream, manners: &manners };
    let (items, next) = match state.phase {
        Phase::Everything if stream.kind == "user" => feed.all_users(),
        Phase::Everything => feed.all_groups(),
        _ => feed.changed(),
    };
    Page { items, next: next.map(|place| place.to_string()) }
}

fn write(cloud: &Cloud, asked: &Asked, stream: &Stream<'_>, state: &State, page: Page) -> Answer {
    let seed = cloud.tenant().plan.seed;
    let next = page.next.and_then(|place| place.parse().ok());
    let (name, token, key) = match next {
        Some(place) => {
            let next = State { place, page: state.page + 1, ..state.clone() };
            ("@odata.nextLink", next.write(seed), "$skiptoken")
        }
        None => ("@odata.deltaLink", state.done().write(seed), "$deltatoken"),
    };
    let path = format!("{}/v1.0/{}/delta", cloud.manners().base_path, stream.path);
    let link = format!("{}{path}?{key}={token}", origin(asked));
    let mut of = stream.path.to_owned();
    if let Some(select) = &state.select {
        of = format!("{of}({})", select.join(","));
    }
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), context(asked, cloud, &format!("{of}/$delta")));
    body.insert(name.to_owned(), json!(link));
    body.insert("value".to_owned(), Value::Array(page.items));
    Answer::json(Value::Object(body))
}

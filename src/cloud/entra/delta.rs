//! Pages of delta queries (`learn.microsoft.com/graph/delta-query-overview`, `…-users`, `…-groups`).

use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::{
    Entra,
    objects::{self, Changed},
    work::{DeltaWork, Stream, Work},
};
use crate::cloud::{
    ConnectorError, Item, Page,
    http::{Answer, Request},
};

/// Fewer and larger pages. It is only a wish.
const PREFER: (HeaderName, &str) = (HeaderName::from_static("prefer"), "odata.maxpagesize=999");

/// What of an object that can be read is never empty.
const USER_HAS: [&str; 3] = ["userPrincipalName", "displayName", "accountEnabled"];
const GROUP_HAS: [&str; 3] = ["displayName", "groupTypes", "securityEnabled"];

/// A page as Graph writes it. One of both links is there.
#[derive(Deserialize)]
struct Feed {
    #[serde(default)]
    value: Vec<Changed>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

impl Entra {
    pub(super) async fn read_delta(&self, work: DeltaWork) -> Result<Page, ConnectorError> {
        let request = self.delta_request(&work)?;
        let feed = self.graph.ask_for(&request, read).await;
        let feed = feed.map_err(|error| lost(&work, error))?;
        check_readable(&work, &feed.value)?;
        let (stream, whole) = (work.stream, work.whole);
        let mut page = Page::default();
        match (feed.next, feed.delta) {
            (Some(link), _) => page.next.push(self.next(work, link, &feed.value)?),
            (None, Some(link)) => {
                self.graph.follow(&link)?;
                page.marks.insert(work.stream.name().to_owned(), work.stream.mark(&link));
            }
            (None, None) => {}
        }
        page.items = items(stream, whole, feed.value);
        Ok(page)
    }

    fn delta_request(&self, work: &DeltaWork) -> Result<Request, ConnectorError> {
        let stream = work.stream;
        let url = match &work.link {
            Some(link) => self.graph.follow(link)?,
            None => self.first_url(stream)?,
        };
        let (prefer, size) = PREFER;
        let request = Request::get(url, stream.name()).needing(stream.permission());
        Ok(Self::of_a_round(request).with(prefer, HeaderValue::from_static(size)))
    }

    fn first_url(&self, stream: Stream) -> Result<Url, ConnectorError> {
        self.graph.at(&format!("{}/delta?$select={}", stream.name(), stream.selection()))
    }

    fn next(
        &self,
        mut work: DeltaWork,
        link: String,
        objects: &[Changed],
    ) -> Result<crate::cloud::Task, ConnectorError> {
        self.graph.follow(&link)?;
        // A large group comes on many pages, each with others of its members.
        if work.trail.is_circle(&link, objects.iter().flat_map(objects::ids)) {
            let name = work.stream.name().to_owned();
            return Err(lost(&work, ConnectorError::Loop(name)));
        }
        work.link = Some(link);
        Ok(Work::Delta(work).task())
    }
}

fn read(answer: &Answer) -> Result<Feed, String> {
    let feed: Feed = answer.json()?;
    match (&feed.next, &feed.delta) {
        (None, None) => Err("it does not say where the list goes on".to_owned()),
        _ => Ok(feed),
    }
}

/// What an error means for a round. Pages that cannot be found, or lead back, are a fault of the query: another one, of
/// everything, does not have it.
fn lost(work: &DeltaWork, error: ConnectorError) -> ConnectorError {
    match error {
        ConnectorError::Failed { status: 404, reason, .. } if work.link.is_some() => {
            ConnectorError::Restart(reason)
        }
        ConnectorError::Gone(what) if work.link.is_some() => {
            ConnectorError::Restart(format!("the page of {what} is not there any more"))
        }
        ConnectorError::Loop(_) if !work.whole => ConnectorError::Restart(error.to_string()),
        other => other,
    }
}

/// Refuses a page whose objects may not be read: nobody has lost their name.
fn check_readable(work: &DeltaWork, objects: &[Changed]) -> Result<(), ConnectorError> {
    let (what, has) = match work.stream {
        Stream::Users => ("users", USER_HAS),
        Stream::Groups => ("groups", GROUP_HAS),
    };
    let is_blank = |changed: &&Changed| {
        let is_piece = changed.members.is_some();
        objects::is_blank(&changed.object, work.whole && !is_piece, &has)
    };
    let count = objects.iter().filter(is_blank).count();
    if count > 0 {
        let permission = work.stream.permission();
        return Err(ConnectorError::Blank { what, count, permission });
    }
    check_enabled(work, objects)
}

/// Without `accountEnabled` of anybody, those who have left would keep their accounts.
fn check_enabled(work: &DeltaWork, objects: &[Changed]) -> Result<(), ConnectorError> {
    let all = objects.iter().map(|changed| &changed.object);
    let mut users = all.filter(|object| !objects::is_removed(object)).peekable();
    let says =
        |object: &objects::Object| object.get("accountEnabled").is_some_and(|it| !it.is_null());
    let silent = work.stream == Stream::Users && work.whole && users.peek().is_some();
    if silent && !users.any(says) {
        return Err(ConnectorError::Forbidden {
            what: "read whether accounts are enabled".to_owned(),
            reason: "accountEnabled is missing".to_owned(),
            remedy: "grant the application User.Read.All: User.ReadBasic.All is not enough"
                .to_owned(),
        });
    }
    Ok(())
}

fn items(stream: Stream, whole: bool, objects: Vec<Changed>) -> Vec<Item> {
    let all = objects.into_iter();
    match stream {
        Stream::Users => all.filter_map(|changed| user(changed.object, whole)).collect(),
        Stream::Groups => all.flat_map(|changed| group(changed, whole)).collect(),
    }
}

fn user(object: objects::Object, whole: bool) -> Option<Item> {
    if objects::is_removed(&object) {
        return Some(Item::UserGone(objects::id(&object)?.to_owned()));
    }
    objects::user(object, whole).map(Item::User)
}

/// A group, or a piece of one, with the members that it names.
fn group(changed: Changed, whole: bool) -> impl Iterator<Item = Item> {
    let Changed { object, members } = changed;
    let id = objects::id(&object).map(str::to_owned);
    let (group, members) = if objects::is_removed(&object) {
        (id.map(Item::GroupGone), None)
    } else {
        let members = id.zip(members).map(|(id, members)| objects::members(&id, members));
        (objects::group(object, whole).map(Item::Group), members)
    };
    group.into_iter().chain(members)
}

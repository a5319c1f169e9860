//! `/event`: what has changed since an application was told last.
//!
//! Each event says how something is now, not what was done to it: whoever heeds them in order ends with what a
//! full reading would have given them, however often they are told.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use super::{
    Crowd,
    asking::Asking,
    entities::{
        Links, Shown, write_attribute_list, write_group, write_group_name, write_user,
        write_user_name,
    },
    failure::{Failure, Reason},
    format::Format,
    writer::Writer,
};
use crate::{
    http::Response,
    store::{CrowdEvent, EventUser, LogPlace, SeenGroup},
};

/// `GET /event`: where the log is, for who reads everything.
pub(super) async fn show_place(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
) -> Result<Response, Failure> {
    let application = &asking.application;
    let here = crowd.store.find_log_place(&application.directories).await?;
    let place = crowd.copies.ask(application, here).await?;
    crowd.metrics.count_crowd_sync(&application.name, "full");
    Ok(asking.answer(StatusCode::OK, |writer| {
        begin_events(writer, place);
        writer.begin_list("events");
        writer.end_list();
        writer.end("events");
    }))
}

/// `GET /event/{token}`: what has changed since.
pub(super) async fn list_events(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let application = &asking.application;
    let (name, now) = (&application.name, crowd.clock.now());
    let told = match LogPlace::parse(&token) {
        Some(since) => {
            let told = crowd.store.read_crowd_events(&application.directories, &since).await?;
            if told.is_some() {
                crowd.copies.know(application, since, since.seq()).await?;
            }
            told
        }
        None => None,
    };
    let Some(told) = told else {
        // It reads everything now: what it is told afterwards begins here.
        let here = crowd.store.find_log_place(&application.directories).await?;
        crowd.store.note_crowd_place(name, here, now).await?;
        crowd.metrics.count_crowd_sync(name, "expired");
        return Err(expired());
    };
    crowd.store.note_crowd_place(name, told.place, now).await?;
    crowd.copies.tell(application, told.events.len(), (told.place, told.head));
    crowd.metrics.count_crowd_sync(name, "events");
    let links = Links::of(&asking);
    Ok(asking.answer(StatusCode::OK, |writer| {
        begin_events(writer, told.place);
        writer.begin_list("events");
        for event in &told.events {
            write_event(writer, &links, event);
        }
        writer.end_list();
        writer.end("events");
    }))
}

fn expired() -> Failure {
    let message =
        "The event token is too old, or not of these directories: everything has to be read";
    Failure::new(StatusCode::BAD_REQUEST, Reason::EventTokenExpired, message)
}

fn begin_events(writer: &mut Writer, place: LogPlace) {
    let available = "incrementalSynchronisationAvailable";
    writer.begin_document("events");
    writer.attribute("newEventToken", &place.text());
    match writer.format() {
        Format::Xml => writer.attribute(available, "true"),
        Format::Json => writer.flag(available, true),
    }
}

fn write_event(writer: &mut Writer, links: &Links, event: &CrowdEvent) {
    match event {
        CrowdEvent::Group(group) => {
            let seen = SeenGroup {
                ids: Vec::new(),
                name: group.name.clone(),
                description: group.description.clone(),
            };
            write(writer, "groupEvent", made(group.is_new), |writer| {
                writer.begin("group");
                write_group(writer, links, &seen, Shown { attributes: true });
                writer.end("group");
            });
        }
        CrowdEvent::NoGroup(name) => write(writer, "groupEvent", "DELETED", |writer| {
            write_named(writer, "group", |writer| write_group_name(writer, links, name));
        }),
        CrowdEvent::User(user) => write_user_event(writer, links, user),
        CrowdEvent::NoUser(name) => write(writer, "userEvent", "DELETED", |writer| {
            write_named(writer, "user", |writer| write_user_name(writer, links, name));
        }),
        CrowdEvent::GroupsOfUser { username, groups } => {
            write(writer, "userMembershipEvent", "UPDATED", |writer| {
                write_named(writer, "childUser", |writer| {
                    write_user_name(writer, links, username);
                });
                write_groups(writer, links, "parentGroups", groups);
            });
        }
        CrowdEvent::GroupsOfGroup { group, parents, children } => {
            write(writer, "groupMembershipEvent", "UPDATED", |writer| {
                write_named(writer, "group", |writer| write_group_name(writer, links, group));
                write_groups(writer, links, "parentGroups", parents);
                write_groups(writer, links, "childGroups", children);
            });
        }
    }
}

/// Clients take both for the same.
fn made(is_new: bool) -> &'static str {
    if is_new { "CREATED" } else { "UPDATED" }
}

/// An event. In JSON it says itself what it is, since an array's entries have no names.
fn write(writer: &mut Writer, kind: &str, operation: &str, inside: impl FnOnce(&mut Writer)) {
    writer.begin_item(kind);
    if writer.format() == Format::Json {
        writer.text("type", kind);
    }
    writer.text("operation", operation);
    inside(writer);
    writer.end(kind);
}

fn write_user_event(writer: &mut Writer, links: &Links, user: &EventUser) {
    write(writer, "userEvent", made(user.is_new), |writer| {
        writer.begin("storedAttributes");
        write_attribute_list(writer, Some(&user.seen.user.profile.attributes));
        writer.end("storedAttributes");
        writer.begin("deletedAttributes");
        writer.begin_list("attributes");
        for name in &user.dropped_attributes {
            writer.begin_item("attribute");
            writer.attribute("name", name);
            writer.end("attribute");
        }
        writer.end_list();
        writer.end("deletedAttributes");
        writer.begin("user");
        write_user(writer, links, &user.seen, Shown { attributes: true });
        writer.end("user");
    });
}

fn write_named(writer: &mut Writer, kind: &str, name: impl FnOnce(&mut Writer)) {
    writer.begin(kind);
    name(writer);
    writer.end(kind);
}

fn write_groups(writer: &mut Writer, links: &Links, kind: &str, groups: &[String]) {
    writer.begin(kind);
    writer.begin_list("groups");
    for group in groups {
        writer.begin_item("group");
        write_group_name(writer, links, group);
        writer.end("group");
    }
    writer.end_list();
    writer.end(kind);
}

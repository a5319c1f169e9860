//! What clouds know of people and groups: one trait, and a file or folder for each cloud.
//!
//! A round of reading is a bag of [`Task`]s. Each gives a [`Page`] with what was said and with the tasks that are left of
//! it; the round is complete when the bag is empty. Tasks can be stored, so that a round goes on where it was.

mod announcer;
mod attributes;
mod connector_error;
mod entra;
mod google;
mod hints;
mod http;
mod jwt;
mod okta;
mod opening;
mod round;
mod said;
mod source;
mod trail;

pub use self::{
    announcer::{Announcer, Subscription, Wish},
    connector_error::ConnectorError,
    hints::{Echo, Hint, HintError, HintFormat, Word},
    http::{Meter, Patience, Usage},
    opening::open,
    round::{Extent, Page, Round, Task, Watermark},
    said::{APP_ROLES, Attributes, Group, GroupKind, Item, Member, Members, Standing, User},
    source::{Capabilities, Expiry, Finding, Probe, Source},
};

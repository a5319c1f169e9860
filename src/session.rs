//! Sessions: who is logged in, on which host, and for how long. Knows no browser.
//!
//! A login begins a *parent* session, whose cookie belongs to the login host. Each app host gets a
//! *child* of it by a one-time code. What ends the parent ends all children, on every replica.

mod accounts;
mod cache;
mod cookie;
mod sessions;
mod visitor;

pub use self::{
    cache::LiveSession,
    sessions::{Login, SessionTimes, Sessions},
    visitor::{Told, Visitor},
};

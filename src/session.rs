//! Sessions: who is logged in, on which host, and for how long. Knows no browser.
//!
//! A login begins a *parent* session, whose cookie belongs to the login host. Each app host gets a
//! *child* of it by a one-time code. What ends the parent ends all children, on every replica.

mod accounts;
mod applications;
mod cache;
mod cookie;
mod holder;
mod live_session;
mod marker;
mod sessions;
mod token;
mod tokens;
mod visitor;

pub use self::{
    applications::{ApplicationsLogin, Reach},
    holder::Holder,
    live_session::LiveSession,
    marker::Owner,
    sessions::{Login, SessionTimes, Sessions},
    token::Token,
    tokens::{LiveToken, Said},
    visitor::{Told, Visitor},
};

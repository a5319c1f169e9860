//! Messages to people who are not at a browser: by webhook, by mail. What they say is for others to decide.

mod error;
mod mail;
mod plain;
mod webhook;

pub use self::{
    error::NotifyError,
    mail::{Letter, send_mail},
    plain::{in_chat, plain},
    webhook::{Post, SIGNATURE, TIMESTAMP, post_webhook},
};

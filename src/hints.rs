//! Where clouds say that something has happened: one address for each connector, on the login host, open to everybody.
//!
//! Every byte may be an attacker's. Who has not proved to be the cloud is refused before anything is written, and what the
//! cloud says is only written down; whoever looks, looks for themselves (`sync::Connector::look_at_hints`).

mod ear;
mod echoing;
mod inbox;
mod places;
mod receiving;
mod strangers;

pub use self::{
    ear::{Ear, Proofs},
    inbox::Inbox,
    receiving::{Ears, PATH, receive},
};

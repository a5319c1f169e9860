//! HTTP/1.1 as it is spoken to applications (RFC 9112): one request at a time on a connection, and of what comes back nothing
//! is believed that could be read in two ways.
//!
//! A connection belongs to whoever asks on it; no task of its own stands between. It is written to and read from in the task
//! of the client's request, and its answer's head and body are parts of what was read, not copies.

mod answer_body;
mod chunked;
mod client_body;
mod connection;
mod framing;
mod head;
mod patience;
mod sending;
mod stream;

pub use self::head::NotHttp;
pub(super) use self::{
    answer_body::{AnswerBody, BodyError, Released},
    client_body::{ClientBody, ClientBodyError},
    connection::{AskError, Connection},
    sending::{Length, Request},
    stream::Stream,
};

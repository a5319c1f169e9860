//! The gateway as a Crowd server, over the wire: asked as a strict client of another house would ask.

mod lists;
mod reads;
mod searches;
mod transport;
pub mod world;

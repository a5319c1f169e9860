//! Users and groups as an application sees them that sees several directories in an order.
//!
//! Of the directories, those that are disabled are not there. The first that has a username has the user: others
//! of that name, in later directories, are in its *shadow*, and in no group. Groups of one name are one group,
//! with the members of all of them.

mod groups;
mod users;

pub use self::{groups::SeenGroup, users::SeenUser};

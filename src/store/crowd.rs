//! Users and groups as an application sees them that sees several directories in an order.
//!
//! Of the directories, those that are disabled are not there. The first that has a username has the user: others
//! of that name, in later directories, are in its *shadow*, and in no group. Groups of one name are one group,
//! with the members of all of them who are not in a shadow.
//!
//! Lists are read a page at a time, each as one text: millions of rows, fetched one by one, would cost more
//! than they are worth. A page begins after the last name of the one before, so that who is there all the time is
//! in one of them.

mod condition;
mod groups;
mod members;
mod nesting;
mod sight;
mod sql;
mod users;

pub(super) use self::users::SeenRow;
pub use self::{
    condition::{Condition, Field, Test},
    groups::SeenGroup,
    members::{SeenMember, SeenMembers},
    nesting::Direction,
    sight::{Cut, Seen, Sight},
    users::SeenUser,
};

//! What a login changes in the directory. Pure: decides, and changes nothing itself.

mod claims;
mod groups;
mod known;
mod plan;
mod policy;

pub use self::{
    claims::{Claims, GroupClaim},
    groups::ManagedGroups,
    known::{Known, KnownPerson, KnownUser},
    plan::{Plan, Refusal, Warning, plan},
    policy::Policy,
};

//! People, users, groups and memberships: the words of every directory, and nothing that acts.

mod change;
mod group;
mod group_step;
mod identity;
mod name_key;
mod profile;
mod source;
mod step;
mod user;

pub use self::{
    change::{Change, ChunkSize},
    group::{Group, GroupId},
    group_step::{GroupState, GroupStep},
    identity::{Identity, Issuer, MatchKey, Subject, SubjectKind},
    name_key::NameKey,
    profile::Profile,
    source::Source,
    step::{IdentityStep, StepKind, UserState, UserStep},
    user::{DirectoryId, InactiveReason, PersonId, User, UserId},
};

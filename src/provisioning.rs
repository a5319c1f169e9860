//! What a login changes in the directory. Pure: decides, and changes nothing itself.

mod adoption;
mod bulk;
mod claims;
mod edits;
mod groups;
mod guard;
mod known;
mod mapping;
mod plan;
mod policy;
mod realms;
mod source;
mod transform;

pub use self::{
    adoption::{
        AdoptionError, AliasPlan, AliasRow, BrokenRows, Counts, ExistingUser, MatchClass, Place,
        Proposal, RowError, RowProblem, SaidUser, check_aliases, for_spreadsheets, match_users,
        plan_aliases, read_existing, read_report, read_said, subject_of, write_report,
    },
    bulk::{
        Acquaintance, HeldUser, ListedUser, NewNumbers, Standing, Unlisted, plan_listed, plan_new,
        plan_new_of_known, plan_unlisted,
    },
    claims::{Claims, GroupClaim},
    edits::{
        plan_account, plan_deactivation, plan_group_removal, plan_joining, plan_leaving,
        plan_nesting, plan_reactivation, plan_removal, plan_unnesting, plan_update,
    },
    groups::ManagedGroups,
    guard::{GroupLimit, GuardError, Limit, Limits, Taken, Whole, guard},
    known::{Known, KnownPerson, KnownUser},
    mapping::{
        Mapping, MappingConfigError, MappingError, Statement, Traced, is_plain, saml_issuer,
    },
    plan::{Plan, Refusal, Warning, plan},
    policy::{Policy, Targets},
    realms::{Realms, kerberos_issuer},
    source::TemplateError,
    transform::TransformError,
};

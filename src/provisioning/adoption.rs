//! Taking over an application that has had users for years: who of those that an identity provider speaks
//! of is which of its users. People keep their usernames, and with them their history.
//!
//! What the application has and what is said are read from exports ([`read_existing`], [`read_said`]) and
//! matched ([`match_users`]). A person looks at the report ([`write_report`]), decides what is open, and
//! what is decided ([`read_report`]) becomes aliases ([`plan_aliases`]): the username that a subject has,
//! whatever its issuer says and whatever transforms make of it.

mod aliases;
mod csv_rows;
mod error;
mod index;
mod json_rows;
mod matching;
mod people;
mod proposal;
mod report;
mod rows;

pub use self::{
    aliases::{
        AliasPlan, AliasRow, BrokenRows, RowError, RowProblem, check_aliases, plan_aliases,
        subject_of,
    },
    error::{AdoptionError, Place},
    matching::match_users,
    people::{ExistingUser, SaidUser, read_existing, read_said},
    proposal::{Counts, MatchClass, Proposal},
    report::{for_spreadsheets, read_report, write_report},
};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties;

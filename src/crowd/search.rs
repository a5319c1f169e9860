//! `/search`: users or groups of whom something is known.

mod cql;
mod property;
mod restriction;

use std::sync::Arc;

use axum::extract::State;

use super::{Crowd, asking::Asking, failure::Failure, given::Given, listing::Kind, query::Query};
use crate::{http::Response, store::Condition};

/// Restrictions in restrictions go no deeper.
const MOST_NESTED: usize = 64;

/// A question asks for no more things at a time.
const MOST_TESTS: usize = 1000;

/// Nor for more of what no index finds: each is asked of everybody in the directory.
const MOST_SCANS: usize = 100;

/// `POST /search?entity-type=`, with a restriction in XML or JSON.
pub(super) async fn search(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
    Given(restriction): Given,
) -> Result<Response, Failure> {
    let kind = kind(&query)?;
    let condition = restriction::read(&restriction, kind).map_err(Failure::illegal)?;
    crowd.answer_entries(&asking, &query, kind, condition).await
}

/// `GET /search?entity-type=&restriction=`, with a restriction in Crowd's query language; all, without one.
pub(super) async fn search_by_text(
    State(crowd): State<Arc<Crowd>>,
    asking: Asking,
    query: Query,
) -> Result<Response, Failure> {
    let kind = kind(&query)?;
    let condition = match query.find("restriction") {
        Some(text) => cql::read(text, kind).map_err(Failure::illegal)?,
        None => Condition::Everything,
    };
    crowd.answer_entries(&asking, &query, kind, condition).await
}

fn kind(query: &Query) -> Result<Kind, Failure> {
    match query.required("entity-type")? {
        "user" => Ok(Kind::Users),
        "group" => Ok(Kind::Groups),
        _ => Err(Failure::illegal("entity-type must be user or group")),
    }
}

/// Why a restriction cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
enum RestrictionError {
    #[error("restrictions are nested deeper than {MOST_NESTED} levels")]
    TooDeep,
    #[error("there are more than {MOST_TESTS} restrictions")]
    TooMany,
    #[error("there are more than {MOST_SCANS} restrictions of what is not a name")]
    TooManyScans,
    #[error("{0:?} is not a restriction")]
    Unknown(String),
    #[error("a property restriction needs a property with a name")]
    NoProperty,
    #[error("boolean-logic must be and, or or")]
    Logic,
    #[error("{0:?} is not a match mode")]
    Mode(String),
    #[error("{0} cannot be compared so")]
    Incomparable(String),
    #[error("{0} has no value that it could have")]
    Value(String),
    #[error("{0} is compared with a text that is longer than anything it could be")]
    TooLong(String),
    #[error("the restriction cannot be read at character {0}: {1} is expected")]
    Syntax(usize, &'static str),
}

/// What is left to be asked.
#[derive(Debug)]
struct Budget {
    tests: usize,
    scans: usize,
}

impl Budget {
    fn new() -> Self {
        Self { tests: MOST_TESTS, scans: MOST_SCANS }
    }

    fn take(&mut self) -> Result<(), RestrictionError> {
        self.tests = self.tests.checked_sub(1).ok_or(RestrictionError::TooMany)?;
        Ok(())
    }

    /// What a property's test costs besides.
    fn take_for(&mut self, property: &str) -> Result<(), RestrictionError> {
        if property != "name" {
            self.scans = self.scans.checked_sub(1).ok_or(RestrictionError::TooManyScans)?;
        }
        Ok(())
    }
}

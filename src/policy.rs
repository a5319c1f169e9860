//! What may be asked for without a login. Pure: decides, and does nothing.

mod credentials;
mod readings;
mod rules;

pub use self::{
    readings::{Readings, TargetProblem},
    rules::{Asked, Decided, Decision, RuleError, Rules},
};

//! Questions about requests, and the answers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A request that somebody wants to know about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestQuestion {
    /// The method.
    pub method: String,
    /// The whole address, its path as it is sent.
    pub url: String,
    /// Whose request it is, by address.
    pub from: IpAddr,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Who has signed in.
    pub user: Option<String>,
    /// Their directory, if several have the name.
    pub directory: Option<String>,
    /// How they have signed in. Default: in a way that is good enough.
    pub signed_in_with: Option<String>,
}

/// What becomes of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// One word: `forward`, `login`, `refuse` or `own`.
    pub outcome: String,
    /// Why, in a sentence.
    pub because: String,
    /// The application.
    pub app: Option<String>,
    /// What the strictest reading of the path asks for.
    pub decision: Option<String>,
    /// The rule that said so.
    pub rule: Option<String>,
    /// Every way to read the path, and the rules for it.
    pub readings: Vec<ReadingView>,
    /// Of each of these, somebody has to be in one.
    pub groups: Vec<Vec<String>>,
    /// The ways to sign in that a login would offer, in order.
    pub sign_in_with: Vec<String>,
    /// The account, if somebody was asked about.
    pub account: Option<AccountView>,
    /// The headers that the application would get; secrets are masked.
    pub headers: Vec<(String, String)>,
    /// What a proxy is answered that asks about the request, if any may ask.
    pub forward_auth: Option<String>,
}

/// A way to read a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingView {
    /// The path.
    pub path: String,
    /// The rules for this path, up to the one that decides.
    pub rules: Vec<RuleView>,
}

/// A rule for a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// What it is called.
    pub rule: String,
    /// What it decides.
    pub decision: String,
    /// Why it does not hold for this request, if it does not.
    pub mismatch: Option<String>,
}

/// Somebody who asks, as an application knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The account's name; none if the application sees no active one.
    pub username: Option<String>,
    /// Every group they are in.
    pub groups: Vec<String>,
    /// How they are taken to have signed in.
    pub signed_in_with: String,
}

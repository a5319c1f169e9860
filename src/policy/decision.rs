//! What was decided for a request, and what becomes of it once it is known who asks.

use std::{borrow::Cow, net::IpAddr};

use http::{HeaderMap, Method};

use super::Readings;
use crate::directory::NameKey;

/// What a request is, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// Every reading of the path.
    pub readings: &'a Readings<'a>,
    /// Whose it is.
    pub client: IpAddr,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// What happens to a request. The later, the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// The app gets the request as it is, and no identity.
    Pass,
    /// The app is told who it is if somebody is logged in.
    Optional,
    /// A user is required.
    Login,
    /// Nobody gets through.
    Deny,
}

impl Decision {
    /// The word for it in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Optional => "optional",
            Self::Login => "login",
            Self::Deny => "deny",
        }
    }
}

/// What was decided, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<'a> {
    /// What happens.
    pub decision: Decision,
    /// The rule's number, from 0; nothing if none matched.
    pub rule: Option<usize>,
    /// Whether a client without credentials is to be asked for them.
    pub asks_for_credentials: bool,
    /// Whoever is in none of a set's groups is refused.
    pub(super) groups: Vec<&'a [NameKey]>,
    /// The ways to sign in that are good enough; any if nothing is said.
    sign_in_with: Option<Cow<'a, [String]>>,
}

/// Who asks, as far as their session tells.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Nobody that anybody knows.
    Nobody,
    /// Somebody with a session.
    User {
        /// How they signed in: `kerberos`, or an identity provider's name.
        signed_in_with: &'a str,
        /// The groups of their account; none if the application sees no active one.
        groups: Option<&'a [String]>,
    },
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The application gets it, and is told who it is if anybody is.
    Forward,
    /// Whoever asks has to sign in.
    SignIn,
    /// They have signed in, in a way that is not good enough here.
    SignInAnotherWay,
    /// They have no active account that the application sees.
    NoAccount,
    /// They are in none of the groups that may.
    NotInGroup,
    /// Nobody may.
    Denied,
}

impl<'a> Decided<'a> {
    /// Nothing yet: what is decided for all readings makes it stricter.
    pub(super) fn nothing() -> Self {
        Self {
            decision: Decision::Pass,
            rule: None,
            asks_for_credentials: false,
            groups: Vec::new(),
            sign_in_with: None,
        }
    }

    /// Takes the stricter of two decisions, everybody's groups, and the ways to sign in that are good
    /// enough for all. If there are none, nobody gets through.
    pub(super) fn restrict(
        &mut self,
        rule: Option<usize>,
        decision: Decision,
        groups: &'a [NameKey],
        sign_in_with: &'a [String],
        first: bool,
    ) {
        if first || decision > self.decision {
            self.decision = decision;
            self.rule = rule;
        }
        if !groups.is_empty() {
            self.groups.push(groups);
        }
        if sign_in_with.is_empty() {
            return;
        }
        // A later rule chooses the order, among those that are good enough for the ones before.
        let both = match &self.sign_in_with {
            None => Cow::Borrowed(sign_in_with),
            Some(before) => {
                sign_in_with.iter().filter(|name| before.contains(name)).cloned().collect()
            }
        };
        if both.is_empty() && self.decision != Decision::Deny {
            self.decision = Decision::Deny;
            self.rule = rule;
        }
        self.sign_in_with = Some(both);
    }

    /// The ways to sign in that are good enough, in the order in which they are offered; empty if any is.
    #[must_use]
    pub fn sign_in_with(&self) -> &[String] {
        self.sign_in_with.as_deref().unwrap_or_default()
    }

    /// Sets of groups: whoever is in none of a set's is refused.
    pub fn groups(&self) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        self.groups.iter().map(|set| set.iter().map(NameKey::as_str))
    }

    /// Whether somebody in these groups may.
    fn admits(&self, groups: &[String]) -> bool {
        let is_in = |set: &&[NameKey]| groups.iter().any(|group| set.contains(&NameKey::of(group)));
        self.groups.iter().all(is_in)
    }

    /// Whether it has to be known who asks.
    #[must_use]
    pub fn needs_session(&self) -> bool {
        matches!(self.decision, Decision::Optional | Decision::Login)
    }

    /// What becomes of a request of theirs.
    #[must_use]
    pub fn judge(&self, asker: Asker<'_>) -> Verdict {
        match (self.decision, asker) {
            (Decision::Deny, _) => Verdict::Denied,
            (Decision::Pass | Decision::Optional, _) => Verdict::Forward,
            (Decision::Login, Asker::Nobody) => Verdict::SignIn,
            (Decision::Login, Asker::User { signed_in_with, groups }) => {
                let good = self.sign_in_with();
                if !good.is_empty() && !good.iter().any(|way| way == signed_in_with) {
                    return Verdict::SignInAnotherWay;
                }
                match groups {
                    None => Verdict::NoAccount,
                    Some(groups) if self.admits(groups) => Verdict::Forward,
                    Some(_) => Verdict::NotInGroup,
                }
            }
        }
    }
}

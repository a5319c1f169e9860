//! What an application can verify: a signed JSON Web Token (RFC 7519).

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderName;
use serde::Serialize;
use uuid::Uuid;

use crate::session::Visitor;

/// Long enough to be made rarely, short enough that a stolen one is soon worth nothing.
pub(super) const LIFE: TimeDelta = TimeDelta::minutes(5);

/// Clocks differ.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// What a signature, the header before the claims and two dots take.
const AROUND: usize = 86 + 2 + 128;

/// What is said of somebody to one application.
#[derive(Debug, Serialize)]
pub(super) struct Claims<'a> {
    /// Who says it.
    iss: &'a str,
    /// The account: never changes, and nobody gets it again.
    sub: Uuid,
    /// Whom it is for.
    aud: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    /// The session: its number, as administrators see it, and when it began.
    sid: &'a str,
    preferred_username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    groups: Vec<&'a str>,
    /// How many groups did not fit.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) groups_left_out: usize,
}

impl<'a> Claims<'a> {
    /// Without groups.
    pub(super) fn new(
        issuer: &'a str,
        app: &'a str,
        visitor: &'a Visitor,
        now: DateTime<Utc>,
    ) -> Self {
        let user = &visitor.account.user;
        Self {
            iss: issuer,
            sub: user.uuid,
            aud: app,
            iat: now.timestamp(),
            nbf: (now - SKEW).timestamp(),
            exp: (now + LIFE).timestamp(),
            sid: &visitor.session,
            preferred_username: &user.profile.username,
            email: user.profile.email.as_deref(),
            name: user.profile.display_name.as_deref(),
            groups: Vec::new(),
            groups_left_out: 0,
        }
    }

    /// Takes in as many groups as fit into a header of that name and so many bytes; the other claims stay in
    /// any case. If groups have a header of their own, half of the room for groups is left for it.
    pub(super) fn fit(
        &mut self,
        groups: &[&'a str],
        budget: usize,
        name: &HeaderName,
        is_shared: bool,
    ) {
        // Base64 makes four bytes of three; the number of those that do not fit is said as well.
        let room = budget.saturating_sub(AROUND + name.as_str().len()) * 3 / 4;
        let left = room.saturating_sub(length(self) + ",\"groups_left_out\":100000".len());
        let mut left = if is_shared { left / 2 } else { left };
        for (index, group) in groups.iter().enumerate() {
            let Some(less) = left.checked_sub(length(group) + 1) else {
                self.groups_left_out = groups.len() - index;
                break;
            };
            left = less;
            self.groups.push(group);
        }
    }
}

fn length(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |text| text.len())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

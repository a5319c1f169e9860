//! What is asked of users and groups. Administrators use these names in the mapping.

use crate::secrets::sha256;

/// Properties of users (`learn.microsoft.com/graph/api/resources/user`), without any that delta queries do not follow.
pub(super) const USER: [&str; 20] = [
    "id",
    "accountEnabled",
    "userPrincipalName",
    "mail",
    "otherMails",
    "displayName",
    "givenName",
    "surname",
    "userType",
    "externalUserState",
    "createdDateTime",
    "mailNickname",
    "employeeId",
    "department",
    "jobTitle",
    "companyName",
    "onPremisesSamAccountName",
    "onPremisesUserPrincipalName",
    "onPremisesDomainName",
    "onPremisesSecurityIdentifier",
];

/// Properties of groups (`graph/api/resources/group`).
pub(super) const GROUP: [&str; 12] = [
    "id",
    "displayName",
    "description",
    "mail",
    "mailNickname",
    "mailEnabled",
    "securityEnabled",
    "groupTypes",
    "visibility",
    "onPremisesSamAccountName",
    "onPremisesNetBiosName",
    "onPremisesSecurityIdentifier",
];

pub(super) fn users() -> String {
    USER.join(",")
}

pub(super) fn groups() -> String {
    GROUP.join(",")
}

/// With who is in them: only delta queries can say both.
pub(super) fn groups_with_members() -> String {
    format!("{},members", groups())
}

/// A short name of a selection. A delta link goes on with the selection that it began with, so that one of another
/// selection must not be followed.
pub(super) fn mark(selection: &str) -> String {
    let [a, b, c, d, ..] = sha256(selection.as_bytes());
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

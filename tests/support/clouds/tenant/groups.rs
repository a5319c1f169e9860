//! A group and who is in it.

use serde::{Deserialize, Serialize};

use super::{Plan, Vendor};
use crate::support::clouds::{chance::Chance, time::Moment};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    Security,
    MailSecurity,
    Microsoft365,
    DynamicSecurity,
    DynamicMicrosoft365,
    Distribution,
    /// Okta's Everyone, Google's group of the whole customer.
    Everyone,
    /// Okta's, imported from a directory.
    Imported,
}

/// Who can be in a group. `External` has no user in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    User(u32),
    Group(u32),
    Device(u32),
    Contact(u32),
    ServicePrincipal(u32),
    External(u32),
    /// Everybody of the customer.
    Customer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub no: u32,
    pub kind: GroupKind,
    pub name: String,
    pub description: Option<String>,
    pub mail: Option<String>,
    pub nickname: String,
    pub aliases: Vec<String>,
    pub hidden: bool,
    pub assignable_to_roles: bool,
    pub on_premises_sam: Option<String>,
    pub rule: Option<String>,
    pub created: Moment,
    pub changed: Moment,
    pub membership_changed: Moment,
    pub deleted: Option<Moment>,
    pub purged: bool,
    #[serde(skip)]
    pub users: Vec<u32>,
    #[serde(skip)]
    pub others: Vec<Member>,
}

impl Group {
    pub fn members(&self) -> impl Iterator<Item = Member> + '_ {
        self.users.iter().copied().map(Member::User).chain(self.others.iter().copied())
    }

    pub fn has(&self, member: Member) -> bool {
        match member {
            Member::User(no) => self.users.binary_search(&no).is_ok(),
            other => self.others.contains(&other),
        }
    }

    /// Whether anything changed by it.
    pub fn add(&mut self, member: Member) -> bool {
        let missing = !self.has(member);
        match member {
            Member::User(no) => {
                if let Err(place) = self.users.binary_search(&no) {
                    self.users.insert(place, no);
                }
            }
            other if missing => self.others.push(other),
            _ => {}
        }
        missing
    }

    /// Whether anything changed by it.
    pub fn remove(&mut self, member: Member) -> bool {
        let there = self.has(member);
        match member {
            Member::User(no) => self.users.retain(|user| *user != no),
            other => self.others.retain(|it| *it != other),
        }
        there
    }
}

/// The groups of a tenant. The first sixteen are what programs stumble over.
pub fn generate(vendor: Vendor, plan: &Plan, since: Moment) -> Vec<Group> {
    (0..plan.groups).map(|no| one(vendor, plan, no, since)).collect()
}

fn one(vendor: Vendor, plan: &Plan, no: u32, since: Moment) -> Group {
    use GroupKind::{
        Distribution, DynamicMicrosoft365, DynamicSecurity, MailSecurity, Microsoft365,
    };
    let mut chance = Chance::of(plan.seed, u64::from(no) + 1_000_000);
    let nickname = format!("group-{no}");
    let mut group = Group {
        no,
        kind: kind(vendor, no),
        name: name(no),
        description: (!no.is_multiple_of(3)).then(|| format!("What group {no} is for")),
        mail: None,
        aliases: if no.is_multiple_of(7) {
            vec![format!("alias-{nickname}@{}", plan.domain)]
        } else {
            vec![]
        },
        nickname,
        hidden: no == 9,
        assignable_to_roles: no == 8,
        on_premises_sam: (no == 10).then(|| "Legacy Admins".to_owned()),
        rule: None,
        created: since,
        changed: since,
        membership_changed: since,
        deleted: None,
        purged: false,
        users: users(plan, no, &mut chance),
        others: others(vendor, plan, no),
    };
    if vendor == Vendor::Google
        || matches!(group.kind, MailSecurity | Microsoft365 | DynamicMicrosoft365 | Distribution)
    {
        group.mail = Some(format!("{}@{}", group.nickname, plan.domain));
    }
    if matches!(group.kind, DynamicSecurity | DynamicMicrosoft365) {
        group.rule = Some("(user.accountEnabled -eq true)".to_owned());
    }
    group
}

fn kind(vendor: Vendor, no: u32) -> GroupKind {
    match (vendor, no % 12) {
        (Vendor::Okta | Vendor::Google, 0) if no == 0 => GroupKind::Everyone,
        (Vendor::Okta, 5 | 9) => GroupKind::Imported,
        (Vendor::Graph, 0) => GroupKind::DynamicSecurity,
        (Vendor::Graph, 4) => GroupKind::Microsoft365,
        (Vendor::Graph, 5) => GroupKind::DynamicMicrosoft365,
        (Vendor::Graph, 6) => GroupKind::Distribution,
        (Vendor::Graph, 7) => GroupKind::MailSecurity,
        _ => GroupKind::Security,
    }
}

/// Two with the same name, one that differs in case, and names that are not plain.
fn name(no: u32) -> String {
    match no {
        0 => "Everyone".to_owned(),
        10 => "Legacy Admins".to_owned(),
        11 | 12 => "Duplicate".to_owned(),
        13 => "DUPLICATE".to_owned(),
        14 => "Grüße, \"Ärger\" & <Käse> / 小组".to_owned(),
        15 => "x".repeat(255),
        _ if no.is_multiple_of(5) => format!("jira-team-{no}"),
        _ => format!("Team {no}"),
    }
}

/// Everybody, nobody, most, and a few by chance.
fn users(plan: &Plan, no: u32, chance: &mut Chance) -> Vec<u32> {
    let size = match no {
        0 => return (0..plan.users).collect(),
        1 => return Vec::new(),
        2 => return (0..plan.users).filter(|user| user % 5 < 3).collect(),
        _ => plan.members_per_group / 2 + chance.below(plan.members_per_group + 1),
    };
    let mut users: Vec<u32> = (0..size.min(plan.users)).map(|_| chance.below(plan.users)).collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// Groups in groups (3 has 4, 4 has 5; 6 and 7 have each other), and what is neither user nor group.
fn others(vendor: Vendor, plan: &Plan, no: u32) -> Vec<Member> {
    let inner = |no: u32| if no < plan.groups { vec![Member::Group(no)] } else { vec![] };
    match (vendor, no) {
        (Vendor::Okta, _) => Vec::new(),
        (_, 3) => inner(4),
        (_, 4) => inner(5),
        (_, 6) => inner(7),
        (_, 7) => inner(6),
        (Vendor::Graph, 8) => {
            vec![Member::Device(0), Member::Contact(0), Member::ServicePrincipal(0)]
        }
        (Vendor::Google, 0) => vec![Member::Customer],
        (Vendor::Google, 8) => vec![Member::External(0), Member::External(1)],
        _ => Vec::new(),
    }
}

//! A person: what the three vendors know of them, in words that belong to none of them.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{
    Plan, Vendor,
    names::{Name, ODD},
    units::UNITS,
};
use crate::support::clouds::{chance::Chance, time::Moment};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Member,
    /// Invited, and has accepted or not.
    Guest {
        accepted: bool,
    },
    /// From before there was a type.
    Untyped,
}

/// Okta's statuses; the other vendors have fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Active,
    Staged,
    Provisioned,
    LockedOut,
    PasswordExpired,
    Recovery,
    Suspended,
    Deprovisioned,
    /// Google's.
    Archived,
}

/// What was copied from an Active Directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnPremises {
    pub sam: String,
    pub sid: String,
    pub immutable: String,
    pub domain: String,
    pub principal: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub no: u32,
    /// `userPrincipalName`, `profile.login`, `primaryEmail`.
    pub login: String,
    pub mail: Option<String>,
    pub other_mails: Vec<String>,
    pub aliases: Vec<String>,
    pub given: Option<String>,
    pub family: Option<String>,
    pub display: String,
    pub kind: Kind,
    pub status: Status,
    pub status_changed: Moment,
    pub licensed: bool,
    pub admin: bool,
    pub on_premises: Option<OnPremises>,
    pub manager: Option<u32>,
    pub employee: Option<String>,
    pub department: Option<String>,
    pub title: Option<String>,
    /// The number of the organisational unit.
    pub unit: u32,
    pub created: Moment,
    pub changed: Moment,
    pub deleted: Option<Moment>,
    pub purged: bool,
}

impl User {
    /// Whether they may use anything.
    pub fn is_active(&self) -> bool {
        !matches!(self.status, Status::Suspended | Status::Deprovisioned | Status::Archived)
    }
}

/// A person by number. Of each fifty, every one has something of its own; the others are ordinary.
pub fn generate(vendor: Vendor, plan: &Plan, no: u32, since: Moment) -> User {
    let mut chance = Chance::of(plan.seed, u64::from(no) + 10_000_000);
    let name = Name::any(&mut chance);
    let login = format!("{}.{no}@{}", name.plain, plan.domain);
    let age = TimeDelta::seconds(i64::from(chance.below(300_000_000)));
    let mut user = User {
        no,
        mail: Some(login.clone()),
        login,
        other_mails: Vec::new(),
        aliases: Vec::new(),
        display: format!("{} {}", name.given, name.family),
        given: Some(name.given),
        family: Some(name.family),
        kind: Kind::Member,
        status: Status::Active,
        status_changed: since - age,
        licensed: true,
        admin: no == 0,
        on_premises: None,
        manager: (no > 0).then(|| chance.below(no.min(1_000))),
        employee: Some(format!("E{no:07}")),
        department: Some(chance.pick(&["Engineering", "Sales", "Support", "Øst/Vest"]).to_owned()),
        title: Some("Engineer".to_owned()),
        unit: chance.below(UNITS),
        created: since - age,
        changed: since - age / 2,
        deleted: None,
        purged: false,
    };
    make_odd(&mut user, vendor, plan);
    user
}

fn make_odd(user: &mut User, vendor: Vendor, plan: &Plan) {
    let (no, domain) = (user.no, &plan.domain);
    match no % 50 {
        1 => guest(user, domain, true),
        2 => {
            guest(user, domain, true);
            user.kind = Kind::Untyped;
        }
        3 => guest(user, domain, false),
        4 | 5 => user.status = Status::Suspended,
        6 => user.licensed = false,
        7 if vendor != Vendor::Google => user.mail = None,
        8 => (user.given, user.family) = (None, None),
        9 => user.display = format!("{:.<256}", ODD[0]).chars().take(256).collect(),
        no @ 10..=16 => ODD[no as usize - 9].clone_into(&mut user.display),
        // The same address as the person before, and the login in another case.
        17 => user.login = user.login.to_uppercase().replace(&domain.to_uppercase(), domain),
        18 if vendor == Vendor::Graph => {
            user.mail = Some(format!("shared.{}@{domain}", no / 50));
        }
        19 if vendor == Vendor::Graph => {
            user.mail = Some(format!("shared.{}@{domain}", no / 50).to_uppercase());
        }
        20 | 34..=39 => user.on_premises = Some(on_premises(user, "CORP", no)),
        // Another person with the same account name, in another domain.
        21 => user.on_premises = Some(on_premises(user, "BRANCH", no - 1)),
        22 => {
            user.aliases = vec![format!("alias-a.{no}@{domain}"), format!("alias-b.{no}@{domain}")];
            user.other_mails = vec![format!("home.{no}@mail.example.org")];
        }
        23 => (user.employee, user.department, user.title) = (None, None, None),
        24 => user.login = format!("sean.o'brien.{no}@{domain}"),
        25 => user.login = format!("plus+tag_under-dash.{no}@{domain}"),
        26 => user.manager = None,
        27 => user.status = Status::Deprovisioned,
        28 if vendor == Vendor::Google => user.status = Status::Archived,
        29 if vendor == Vendor::Okta => user.status = Status::LockedOut,
        30 if vendor == Vendor::Okta => user.status = Status::Staged,
        31 if vendor == Vendor::Okta => user.status = Status::Provisioned,
        32 if vendor == Vendor::Okta => user.status = Status::PasswordExpired,
        33 if vendor == Vendor::Okta => user.status = Status::Recovery,
        _ => {}
    }
}

fn guest(user: &mut User, domain: &str, accepted: bool) {
    let mail = format!("guest_{}@partner.example.net", user.no);
    user.login = format!("{}#EXT#@{domain}", mail.replace('@', "_"));
    user.mail = Some(mail.clone());
    user.other_mails = vec![mail];
    user.kind = Kind::Guest { accepted };
    user.licensed = false;
    user.employee = None;
}

fn on_premises(user: &User, netbios: &str, account: u32) -> OnPremises {
    let domain = format!("{}.example.local", netbios.to_lowercase());
    OnPremises {
        sam: format!("u{account:07}"),
        sid: format!("S-1-5-21-1004336348-1177238915-682003330-{}", 1_000 + user.no),
        immutable: format!("{:022}==", user.no),
        principal: format!("u{account:07}@{domain}"),
        domain,
    }
}

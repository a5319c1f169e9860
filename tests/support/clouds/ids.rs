//! Identifiers in each vendor's form. Each is made of a number by a permutation, so that a million of them need no table:
//! the number can be had back, and what was not made here is found out.

use super::chance::Chance;

/// What an identifier is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    User,
    Group,
    Device,
    Contact,
    ServicePrincipal,
    App,
    Rule,
    Unit,
}

/// The identifiers of one tenant.
#[derive(Clone, Copy)]
pub struct Ids {
    pub seed: u64,
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A permutation of 32 bits (Chris Wellons' lowbias32).
fn mix(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Back again.
fn unmix(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x4302_1123);
    x = (x ^ (x >> 15) ^ (x >> 30)).wrapping_mul(0x1d69_e2a5);
    x ^ (x >> 16)
}

fn base(mut value: u64, radix: u64, width: usize) -> String {
    let mut text = vec![b'0'; width];
    for place in text.iter_mut().rev() {
        *place = DIGITS[usize::try_from(value % radix).unwrap_or_default()];
        value /= radix;
    }
    String::from_utf8(text).unwrap_or_default()
}

fn value(text: &str, radix: u64) -> Option<u32> {
    let digits = text.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let sum = digits.rev().try_fold((0_u64, 1_u64), |(sum, weight), digit| {
        let digit = u64::try_from(digit?).ok().filter(|digit| *digit < radix)?;
        Some((sum.checked_add(digit.checked_mul(weight)?)?, weight.checked_mul(radix)?))
    })?;
    u32::try_from(sum.0).ok()
}

impl Ids {
    fn key(self, sort: Sort) -> u32 {
        Chance::of(self.seed, 1_000 + sort as u64).below(u32::MAX)
    }

    fn head(self, sort: Sort, no: u32) -> u32 {
        mix(no ^ self.key(sort))
    }

    fn number(self, sort: Sort, head: u32) -> u32 {
        unmix(head) ^ self.key(sort)
    }

    fn rest(self, sort: Sort, no: u32) -> u64 {
        Chance::of(self.seed ^ (sort as u64) << 40, u64::from(no)).next()
    }

    /// A GUID, as Entra ID has them.
    pub fn guid(self, sort: Sort, no: u32) -> String {
        let (head, rest) = (self.head(sort, no), self.rest(sort, no));
        let (a, b, c) = ((rest >> 48) & 0xffff, (rest >> 36) & 0xfff, (rest >> 24) & 0x3fff);
        format!("{head:08x}-{a:04x}-4{b:03x}-{:04x}-{:012x}", c | 0x8000, rest & 0xffff_ffff_ffff)
    }

    /// Whose GUID this is.
    pub fn of_guid(self, sort: Sort, guid: &str) -> Option<u32> {
        let guid = guid.to_ascii_lowercase();
        let head = u32::from_str_radix(guid.get(..8)?, 16).ok()?;
        let no = self.number(sort, head);
        (self.guid(sort, no) == guid).then_some(no)
    }

    /// Twenty characters, as Okta has them: `00u…` for a user, `00g…` for a group, `0oa…` for an application.
    pub fn okta(self, sort: Sort, no: u32) -> String {
        let prefix = match sort {
            Sort::Group => "00g",
            Sort::App => "0oa",
            Sort::Rule => "0pr",
            _ => "00u",
        };
        let rest = self.rest(sort, no) % 62_u64.pow(10);
        format!("{prefix}{}{}5", base(self.head(sort, no).into(), 62, 6), base(rest, 62, 10))
    }

    pub fn of_okta(self, sort: Sort, id: &str) -> Option<u32> {
        let no = self.number(sort, value(id.get(3..9)?, 62)?);
        (self.okta(sort, no) == id).then_some(no)
    }

    /// Twenty-one digits for a user, fifteen characters for a group, as Google has them.
    pub fn google(self, sort: Sort, no: u32) -> String {
        let (head, rest) = (self.head(sort, no), self.rest(sort, no));
        match sort {
            Sort::User => format!("1{head:010}{:010}", rest % 10_000_000_000),
            _ => format!("0{}{}", base(head.into(), 36, 7), base(rest, 36, 7)).to_lowercase(),
        }
    }

    pub fn of_google(self, sort: Sort, id: &str) -> Option<u32> {
        let head = match sort {
            Sort::User => id.get(1..11)?.parse().ok()?,
            _ => value(&id.get(1..8)?.to_uppercase(), 36)?,
        };
        let no = self.number(sort, head);
        (self.google(sort, no) == id).then_some(no)
    }
}

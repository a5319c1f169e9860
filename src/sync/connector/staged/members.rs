//! Lists of members as they are kept: ten million of them are most of what an organisation says. Ids that are UUIDs take
//! sixteen bytes, and nothing has to be compressed or parsed.

use uuid::{Uuid, fmt::Hyphenated};

use crate::{
    cloud::{Member, Members},
    store::StoreError,
};

/// What comes before an entry.
mod kind {
    pub(super) const USER: u8 = 0;
    pub(super) const GROUP: u8 = 1;
    pub(super) const EVERYBODY: u8 = 2;
    /// Added to it if sixteen bytes of a UUID follow, and not a text with its length.
    pub(super) const IS_UUID: u8 = 0x10;
}

/// Writes who has joined and who has left.
pub(super) fn write(members: &Members, to: &mut Vec<u8>) {
    write_count(members.joined.len(), to);
    for member in &members.joined {
        match member {
            Member::User(id) => write_id(kind::USER, id, to),
            Member::Group(id) => write_id(kind::GROUP, id, to),
            Member::Everybody => to.push(kind::EVERYBODY),
        }
    }
    write_count(members.left.len(), to);
    for id in &members.left {
        write_id(kind::USER, id, to);
    }
}

/// Reads what [`write()`] has written, and gives what comes behind it.
pub(super) fn read<'a>(members: &mut Members, from: &'a [u8]) -> Result<&'a [u8], StoreError> {
    let mut reader = Reader(from);
    members.joined = reader.list()?;
    let id = |member: Member| match member {
        Member::User(id) => Ok(id),
        _ => Err(unreadable()),
    };
    members.left = reader.list()?.into_iter().map(id).collect::<Result<_, _>>()?;
    Ok(reader.0)
}

fn write_count(count: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&(count as u64).to_le_bytes());
}

fn write_id(kind: u8, id: &str, to: &mut Vec<u8>) {
    if let Some(uuid) = as_uuid(id) {
        to.push(kind | kind::IS_UUID);
        to.extend_from_slice(uuid.as_bytes());
    } else {
        to.push(kind);
        write_count(id.len(), to);
        to.extend_from_slice(id.as_bytes());
    }
}

/// An id that is the usual text of a UUID, and no other text of it.
fn as_uuid(id: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(id).ok()?;
    let mut text = [0; Hyphenated::LENGTH];
    (uuid.hyphenated().encode_lower(&mut text) == id).then_some(uuid)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn list(&mut self) -> Result<Vec<Member>, StoreError> {
        let count = self.count()?;
        // Each takes a byte at least: a count that lies takes no more than the page could have.
        let mut list = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            list.push(self.member()?);
        }
        Ok(list)
    }

    fn member(&mut self) -> Result<Member, StoreError> {
        let [kind] = self.array()?;
        Ok(match kind & !kind::IS_UUID {
            kind::USER => Member::User(self.id(kind)?),
            kind::GROUP => Member::Group(self.id(kind)?),
            kind::EVERYBODY => Member::Everybody,
            _ => return Err(unreadable()),
        })
    }

    fn id(&mut self, kind: u8) -> Result<String, StoreError> {
        if kind & kind::IS_UUID != 0 {
            return Ok(Uuid::from_bytes(self.array()?).hyphenated().to_string());
        }
        let length = self.count()?;
        let (id, rest) = self.0.split_at_checked(length).ok_or_else(unreadable)?;
        self.0 = rest;
        String::from_utf8(id.to_vec()).map_err(|_| unreadable())
    }

    fn count(&mut self) -> Result<usize, StoreError> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| unreadable())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(unreadable)?;
        self.0 = rest;
        Ok(*array)
    }
}

pub(super) fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "a staged page", value: "a list of members".to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = String> {
        let uuid = any::<u128>().prop_map(|number| Uuid::from_u128(number).to_string());
        let upper = uuid.clone().prop_map(|uuid| uuid.to_uppercase());
        prop_oneof![uuid, upper, ".{0,40}"]
    }

    fn member() -> impl Strategy<Value = Member> {
        prop_oneof![
            id().prop_map(Member::User),
            id().prop_map(Member::Group),
            Just(Member::Everybody)
        ]
    }

    proptest! {
        #[test]
        fn are_read_as_they_were_written(
            joined in prop::collection::vec(member(), 0..20),
            left in prop::collection::vec(id(), 0..20),
        ) {
            let members = Members { group: String::new(), afresh: false, joined, left };
            let mut bytes = Vec::new();
            write(&members, &mut bytes);
            bytes.push(7);
            let mut back = Members::default();
            prop_assert_eq!(read(&mut back, &bytes).unwrap(), &[7]);
            prop_assert_eq!(&back, &members);
            for end in 0..bytes.len() - 1 {
                prop_assert!(read(&mut back, &bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn what_was_never_written_is_refused() {
        for bytes in [&[0xff; 40][..], &[1, 0, 0, 0, 0, 0, 0, 0, 9]] {
            assert!(read(&mut Members::default(), bytes).is_err());
        }
    }
}

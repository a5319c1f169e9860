//! Sets of numbers: packed as they are stored, and as bits.

/// Packs numbers that are sorted and each there once: the distance of each from the one before, seven bits a byte.
pub(super) fn pack(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let (mut packed, mut last) = (Vec::new(), 0);
    for number in numbers {
        let mut distance = number.wrapping_sub(last);
        last = number;
        while distance >= 0x80 {
            packed.push(distance.to_le_bytes()[0] | 0x80);
            distance >>= 7;
        }
        packed.push(distance.to_le_bytes()[0]);
    }
    packed
}

/// The numbers that [`pack`] packed.
pub(super) fn unpack(packed: &[u8]) -> impl Iterator<Item = u32> {
    let (mut bytes, mut last) = (packed.iter(), 0_u32);
    std::iter::from_fn(move || {
        let (mut distance, mut shift) = (0_u32, 0);
        loop {
            let byte = *bytes.next()?;
            distance |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            shift += 7;
            if byte < 0x80 {
                last = last.wrapping_add(distance);
                return Some(last);
            }
        }
    })
}

/// A set of small numbers, a bit for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Puts a number in; says whether it was not there yet.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (place, bit) = Self::place(number);
        if place >= self.0.len() {
            self.0.resize(place + 1, 0);
        }
        let was = self.0[place];
        self.0[place] |= bit;
        was & bit == 0
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        let (place, bit) = Self::place(number);
        self.0.get(place).is_some_and(|bits| bits & bit != 0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let place = |place: usize| u32::try_from(place * 64).unwrap_or(u32::MAX);
        let of_word = move |(index, bits): (usize, &u64)| {
            let bits = *bits;
            (0..64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| place(index) + bit)
        };
        self.0.iter().enumerate().flat_map(of_word)
    }

    fn place(number: u32) -> (usize, u64) {
        (number as usize / 64, 1 << (number % 64))
    }
}

impl Extend<u32> for Bits {
    fn extend<T: IntoIterator<Item = u32>>(&mut self, numbers: T) {
        for number in numbers {
            self.insert(number);
        }
    }
}

/// A set after changes; both are in order.
pub(super) fn merge(before: &[u8], changes: &[(u32, bool)]) -> Vec<u8> {
    let (mut before, mut news) = (unpack(before).peekable(), changes.iter().peekable());
    pack(std::iter::from_fn(move || {
        loop {
            match (before.peek(), news.peek()) {
                (Some(number), Some((other, _))) if number < other => return before.next(),
                (Some(_), None) => return before.next(),
                (number, Some((other, joins))) => {
                    if number == Some(other) {
                        before.next();
                    }
                    news.next();
                    if *joins {
                        return Some(*other);
                    }
                }
                (None, None) => return None,
            }
        }
    }))
}

/// Numbers that are in one of two sets only.
pub(super) fn differences(one: &[u8], other: &[u8]) -> Vec<u32> {
    if one == other {
        return Vec::new();
    }
    let (mut one, mut other) = (unpack(one).peekable(), unpack(other).peekable());
    let mut different = Vec::new();
    loop {
        match (one.peek().copied(), other.peek().copied()) {
            (None, None) => return different,
            (Some(a), Some(b)) if a == b => {
                one.next();
                other.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                different.push(a);
                one.next();
            }
            (_, b) => {
                different.extend(b);
                other.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_are_unpacked_as_they_were_packed(set in prop::collection::btree_set(any::<u32>(), 0..200)) {
            let packed = pack(set.iter().copied());
            prop_assert_eq!(unpack(&packed).collect::<BTreeSet<_>>(), set.clone());
            for end in 0..packed.len() {
                // However little of it is there, it ends.
                let _ = unpack(&packed[..end]).count();
            }
            let small: BTreeSet<u32> = set.iter().map(|number| number % 1000).collect();
            let mut bits = Bits::default();
            bits.extend(small.iter().copied());
            prop_assert_eq!(bits.len(), small.len());
            prop_assert_eq!(bits.is_empty(), small.is_empty());
            prop_assert!(small.iter().all(|number| bits.contains(*number)) && !bits.contains(1000));
            prop_assert_eq!(bits.iter().collect::<BTreeSet<_>>(), small);
        }

        #[test]
        fn sets_change_as_they_are_told_to(
            before in prop::collection::btree_set(0_u32..50, 0..30),
            changes in prop::collection::btree_map(0_u32..50, any::<bool>(), 0..30),
        ) {
            let packed = pack(before.iter().copied());
            let listed: Vec<_> = changes.iter().map(|(number, joins)| (*number, *joins)).collect();
            let after = merge(&packed, &listed);
            let mut expected = before.clone();
            for (number, joins) in &changes {
                if *joins { expected.insert(*number); } else { expected.remove(number); }
            }
            prop_assert_eq!(unpack(&after).collect::<BTreeSet<_>>(), expected.clone());
            let different: BTreeSet<_> = before.symmetric_difference(&expected).copied().collect();
            prop_assert_eq!(differences(&packed, &after).into_iter().collect::<BTreeSet<_>>(), different);
        }
    }
}

//! Sorting more than fits into memory: sorted runs in unnamed temporary files, merged.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek as _, Write},
};

/// What can be written to a temporary file and read back.
pub(super) trait Spill: Ord + Sized {
    /// Roughly how many bytes it takes in memory.
    fn weight(&self) -> usize;
    fn write(&self, to: &mut impl Write) -> io::Result<()>;
    /// `None` at the end.
    fn read(from: &mut impl Read) -> io::Result<Option<Self>>;
}

/// Takes records in any order.
pub(super) struct Sorter<T> {
    budget: usize,
    weight: usize,
    records: Vec<T>,
    runs: Vec<File>,
}

/// Gives them in order. Equal ones come in no particular order.
pub(super) struct Sorted<T> {
    heap: BinaryHeap<Reverse<(T, usize)>>,
    runs: Vec<BufReader<File>>,
    rest: std::vec::IntoIter<T>,
}

impl<T: Spill> Sorter<T> {
    /// Keeps at most about so many bytes in memory.
    pub(super) fn new(budget: usize) -> Self {
        Self { budget, weight: 0, records: Vec::new(), runs: Vec::new() }
    }

    pub(super) fn push(&mut self, record: T) -> io::Result<()> {
        self.weight += record.weight();
        self.records.push(record);
        if self.weight >= self.budget { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.records.sort_unstable();
        let mut file = BufWriter::with_capacity(1 << 16, tempfile::tempfile()?);
        for record in self.records.drain(..) {
            record.write(&mut file)?;
        }
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        self.weight = 0;
        Ok(())
    }

    /// All that was taken, in order.
    pub(super) fn finish(mut self) -> io::Result<Sorted<T>> {
        if !self.runs.is_empty() && !self.records.is_empty() {
            self.spill()?;
        }
        self.records.sort_unstable();
        let runs = self.runs.into_iter().map(|run| BufReader::with_capacity(1 << 16, run));
        let mut sorted = Sorted {
            heap: BinaryHeap::new(),
            runs: runs.collect(),
            rest: std::mem::take(&mut self.records).into_iter(),
        };
        for run in 0..sorted.runs.len() {
            sorted.refill(run)?;
        }
        Ok(sorted)
    }
}

impl<T: Spill> Sorted<T> {
    fn refill(&mut self, run: usize) -> io::Result<()> {
        if let Some(record) = T::read(&mut self.runs[run])? {
            self.heap.push(Reverse((record, run)));
        }
        Ok(())
    }

    fn pull(&mut self) -> io::Result<Option<T>> {
        match self.heap.pop() {
            Some(Reverse((record, run))) => self.refill(run).map(|()| Some(record)),
            // Everything fitted into memory.
            None => Ok(self.rest.next()),
        }
    }
}

impl<T: Spill> Iterator for Sorted<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pull().transpose()
    }
}

/// Fills a buffer, or says that there is nothing more.
pub(super) fn read_or_end(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Spill for u64 {
        fn weight(&self) -> usize {
            8
        }

        fn write(&self, to: &mut impl Write) -> io::Result<()> {
            to.write_all(&self.to_be_bytes())
        }

        fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
            let mut bytes = [0; 8];
            Ok(read_or_end(from, &mut bytes)?.then(|| Self::from_be_bytes(bytes)))
        }
    }

    proptest! {
        #[test]
        fn gives_what_it_took_in_order(numbers in prop::collection::vec(any::<u64>(), 0..200)) {
            for budget in [16, 256, 1 << 20] {
                let mut sorter = Sorter::new(budget);
                for number in &numbers {
                    sorter.push(*number).unwrap();
                }
                let sorted: Vec<_> = sorter.finish().unwrap().map(Result::unwrap).collect();
                let mut expected = numbers.clone();
                expected.sort_unstable();
                prop_assert_eq!(sorted, expected);
            }
        }
    }
}

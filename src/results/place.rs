//! Where a reader of results stands, in one word: a client gives it back and goes on there.
//!
//! Pure. Law: whatever is written is read again as it was. The instant in it is no later than the last record that was
//! read of any partition: whoever goes on begins half a minute ahead of it, for the fences, and drops what it knows.

use std::{collections::BTreeMap, fmt, str::FromStr};

use wire::Timestamp;

/// Of each partition the offset to be read next, and an instant before which nothing is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// When the log took in what was read last, of the partition that is furthest behind.
    pub at: Timestamp,
    /// By partition.
    pub next: BTreeMap<i32, i64>,
}

/// A word that is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no id of an event of these results: give back one as it came, or none")]
pub struct NoPlace;

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.at.as_micros())?;
        for (index, (partition, offset)) in self.next.iter().enumerate() {
            write!(out, "{}{partition}.{offset}", if index == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(word: &str) -> Result<Self, NoPlace> {
        let (at, partitions) = word.split_once(':').ok_or(NoPlace)?;
        let at: i64 = at.parse().ok().filter(|at| *at >= 0).ok_or(NoPlace)?;
        let mut next = BTreeMap::new();
        for one in partitions.split(',') {
            let (partition, offset) = one.split_once('.').ok_or(NoPlace)?;
            let partition: i32 = partition.parse().ok().filter(|partition| *partition >= 0).ok_or(NoPlace)?;
            let offset: i64 = offset.parse().ok().filter(|offset| *offset >= 0).ok_or(NoPlace)?;
            if next.insert(partition, offset).is_some() {
                return Err(NoPlace);
            }
        }
        Ok(Self { at: Timestamp::from_micros(at), next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let place = Place { at: Timestamp::from_micros(1_732_000_000_000_001), next: [(0, 12), (3, 0)].into() };
        assert_eq!(place.to_string(), "1732000000000001:0.12,3.0");
        assert_eq!(place.to_string().parse(), Ok(place));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for word in [
            "",
            "7",
            "7:",
            "7:0",
            "7:0.1,",
            "7:0.1,0.2",
            "-7:0.1",
            "7:-1.1",
            "7:0.-1",
            "x:0.1",
            "7:0.99999999999999999999",
        ] {
            assert_eq!(word.parse::<Place>(), Err(NoPlace), "{word}");
        }
    }
}

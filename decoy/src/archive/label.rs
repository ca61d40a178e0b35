//! What a file says about itself: in its name, and in the key-value metadata of its footer.
//!
//! Pure. Names sort as offsets do: `00000000000000000000-00000000000000000119.parquet` holds the records 0 to 119.

use std::{collections::HashMap, ops::Range};

use bus::TopicPartition;
use wire::Timestamp;

use crate::segment::{Covered, Segment};

/// What a file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Whose records it holds.
    pub partition: TopicPartition,
    /// Where the archive stood when it was written: everything below lies in earlier files, or was never held.
    pub position: i64,
    /// The offsets of its first and last record.
    pub covered: Covered,
    /// How many records it holds.
    pub rows: usize,
    /// Offsets behind the earlier file that the log did not hold.
    pub gaps: Vec<Range<i64>>,
    /// When the log took its last record in.
    pub appended: Timestamp,
}

/// The number of what columns there are and what they mean; raised with every change that a reader notices.
const SCHEMA_VERSION: &str = "1";
const WRITER: &str = concat!("hedgerow-decoy ", env!("CARGO_PKG_VERSION"));
const SUFFIX: &str = ".parquet";

// === impl Label ===

impl Label {
    /// Returns the label of a segment that holds something.
    pub(crate) fn of(partition: &TopicPartition, segment: &Segment, appended: Timestamp) -> Option<Self> {
        Some(Self {
            partition: partition.clone(),
            position: segment.position(),
            covered: segment.covered()?,
            rows: segment.rows(),
            gaps: segment.gaps().to_vec(),
            appended,
        })
    }

    /// Returns the offset at which the next file goes on.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.covered.last + 1
    }

    /// Writes the metadata.
    pub(crate) fn to_metadata(&self) -> Vec<(&'static str, String)> {
        vec![
            ("hedgerow.schema", SCHEMA_VERSION.to_owned()),
            ("hedgerow.writer", WRITER.to_owned()),
            ("hedgerow.topic", self.partition.topic.to_string()),
            ("hedgerow.partition", self.partition.partition.to_string()),
            ("hedgerow.position", self.position.to_string()),
            ("hedgerow.first_offset", self.covered.first.to_string()),
            ("hedgerow.last_offset", self.covered.last.to_string()),
            ("hedgerow.records", self.rows.to_string()),
            ("hedgerow.gaps", gaps_to_text(&self.gaps)),
            ("hedgerow.last_appended", self.appended.as_micros().to_string()),
        ]
    }

    /// Reads the metadata; `Err` names the key that is missing or cannot be read.
    pub(crate) fn from_metadata(metadata: &HashMap<&str, &str>) -> Result<Self, &'static str> {
        let text = |key: &'static str| metadata.get(key).copied().ok_or(key);
        let number = |key: &'static str| text(key)?.parse::<i64>().map_err(|_| key);
        if text("hedgerow.schema")? != SCHEMA_VERSION {
            return Err("hedgerow.schema");
        }
        let partition = number("hedgerow.partition")?.try_into().map_err(|_| "hedgerow.partition")?;
        Ok(Self {
            partition: TopicPartition::new(text("hedgerow.topic")?, partition),
            position: number("hedgerow.position")?,
            covered: Covered { first: number("hedgerow.first_offset")?, last: number("hedgerow.last_offset")? },
            rows: number("hedgerow.records")?.try_into().map_err(|_| "hedgerow.records")?,
            gaps: gaps_from_text(text("hedgerow.gaps")?).ok_or("hedgerow.gaps")?,
            appended: Timestamp::from_micros(number("hedgerow.last_appended")?),
        })
    }
}

/// Returns the name of the file that holds `covered`.
pub(crate) fn file_name(covered: Covered) -> String {
    format!("{:020}-{:020}{SUFFIX}", covered.first, covered.last)
}

/// Reads a file's name; `None` if it is not one of ours.
pub(crate) fn covered_by(name: &str) -> Option<Covered> {
    let (first, last) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let covered = Covered { first: offset(first)?, last: offset(last)? };
    (covered.first <= covered.last).then_some(covered)
}

/// Returns the name under which the place behind `position` is claimed.
pub(crate) fn claim_name(position: i64) -> String {
    format!("{position:020}")
}

/// Reads a claim's name.
pub(crate) fn claimed_by(name: &str) -> Option<i64> {
    offset(name)
}

/// Returns the first two files that hold a record both, if there are any. `files` are in order.
pub(crate) fn overlap(files: &[Covered]) -> Option<(Covered, Covered)> {
    files.windows(2).find(|pair| pair[1].first <= pair[0].last).map(|pair| (pair[0], pair[1]))
}

/// Twenty digits hold every offset, and make names sort as offsets do.
fn offset(text: &str) -> Option<i64> {
    (text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn gaps_to_text(gaps: &[Range<i64>]) -> String {
    let texts: Vec<String> = gaps.iter().map(|gap| format!("{}-{}", gap.start, gap.end - 1)).collect();
    texts.join(",")
}

fn gaps_from_text(text: &str) -> Option<Vec<Range<i64>>> {
    let gap = |text: &str| {
        let (first, last) = text.split_once('-')?;
        Some(first.parse().ok()?..last.parse::<i64>().ok()?.checked_add(1)?)
    };
    text.split(',').filter(|text| !text.is_empty()).map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        Label {
            partition: TopicPartition::new("wine.requests", 3),
            position: 5,
            covered: Covered { first: 7, last: 120 },
            rows: 100,
            gaps: vec![5..7, 20..34],
            appended: Timestamp::from_micros(1_700_000_000_000_123),
        }
    }

    fn as_map(metadata: &[(&'static str, String)]) -> HashMap<&'static str, String> {
        metadata.iter().cloned().collect()
    }

    #[test]
    fn metadata_is_read_back_as_written() {
        let written = as_map(&label().to_metadata());
        let metadata = written.iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(Label::from_metadata(&metadata), Ok(label()));
    }

    #[test]
    fn the_key_that_cannot_be_read_is_named() {
        for (key, _) in label().to_metadata().into_iter().filter(|(key, _)| *key != "hedgerow.writer") {
            let mut written = as_map(&label().to_metadata());
            written.remove(key);
            let metadata = written.iter().map(|(key, value)| (*key, value.as_str())).collect();
            assert_eq!(Label::from_metadata(&metadata), Err(key));
        }
    }

    #[test]
    fn names_are_read_back_as_written() {
        let covered = Covered { first: 0, last: 119 };
        assert_eq!(file_name(covered), "00000000000000000000-00000000000000000119.parquet");
        assert_eq!(covered_by(&file_name(covered)), Some(covered));
        assert_eq!(claimed_by(&claim_name(i64::MAX)), Some(i64::MAX));
    }

    #[test]
    fn foreign_names_are_not_ours() {
        let inverted = file_name(Covered { first: 9, last: 3 });
        for name in ["merged.parquet", "0-9.parquet", "", "00000000000000000000", inverted.as_str()] {
            assert_eq!(covered_by(name), None, "{name}");
        }
        assert_eq!(claimed_by("00000000000000000000#1"), None);
        assert_eq!(claimed_by("99999999999999999999"), None);
    }

    #[test]
    fn files_that_share_a_record_are_found() {
        let covered = |first, last| Covered { first, last };
        assert_eq!(overlap(&[covered(0, 9), covered(10, 19), covered(30, 39)]), None);
        assert_eq!(overlap(&[covered(0, 99), covered(99, 120)]), Some((covered(0, 99), covered(99, 120))));
        assert_eq!(overlap(&[covered(0, 99), covered(0, 120)]), Some((covered(0, 99), covered(0, 120))));
    }
}

//! What lies in a rendezvous' comparisons topic: how far the canaries of each partition have been compared.
//!
//! One partition, compacted: the last word about each compared partition stays. Who reads it to its end and adds the
//! partitions up has the reports; who goes on with a partition begins where its last word ends.
//! Law: `ComparisonRecord::decode(&record.encode()) == record`. What was counted is not understood here (`canary`).

use bytes::Bytes;

use crate::{
    EnvelopeError, Record, RendezvousName,
    envelope::{Reader, attributes, invalid, shortened},
    headers::Name,
};

/// How far the canaries of one partition have been compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonRecord {
    /// Whose canaries.
    pub rendezvous: RendezvousName,
    /// The partition of its requests, responses and results.
    pub partition: i32,
    /// What was counted, and from where on to count.
    pub counted: Bytes,
}

const COMPARISON_TYPE: &str = "dev.hedgerow.comparison.v1";

// === impl ComparisonRecord ===

impl ComparisonRecord {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let key = self.partition.to_string();
        let headers = attributes(COMPARISON_TYPE, &key, format_args!("/{}", self.rendezvous));
        Record { key: Some(key.into()), headers, payload: Some(self.counted.clone()) }
    }

    /// Reads a record.
    pub fn decode(record: &Record) -> Result<Self, EnvelopeError> {
        let headers = Reader::new(&record.headers);
        let kind = headers.text(Name::Type)?;
        if kind != COMPARISON_TYPE {
            return Err(EnvelopeError::UnknownType(shortened(kind.as_bytes())));
        }
        let id = headers.text(Name::Id)?;
        let partition = id.parse().ok().filter(|partition| *partition >= 0 && i32::to_string(partition) == id);
        let partition = partition.ok_or_else(|| invalid(Name::Id, id.as_bytes()))?;
        let counted = record.payload.clone().unwrap_or_default();
        Ok(Self { rendezvous: headers.rendezvous()?, partition, counted })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Headers;

    fn record(partition: i32, counted: &[u8]) -> ComparisonRecord {
        let rendezvous = RendezvousName::new("wine").unwrap();
        ComparisonRecord { rendezvous, partition, counted: Bytes::copy_from_slice(counted) }
    }

    proptest! {
        #[test]
        fn a_comparison_is_read_back_as_it_was_written(partition in 0..i32::MAX, counted: Vec<u8>) {
            let record = record(partition, &counted);
            prop_assert_eq!(ComparisonRecord::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn headers_of_any_kind_are_read_or_refused(kind in ".{0,40}", id in ".{0,12}", source in ".{0,12}") {
            let mut headers = Headers::default();
            for (name, value) in [("ce_type", &kind), ("ce_id", &id), ("ce_source", &source)] {
                headers.push(name, Some(value.as_bytes()));
            }
            if let Ok(read) = ComparisonRecord::decode(&Record { headers, ..Record::default() }) {
                prop_assert_eq!(read.partition.to_string(), id);
            }
        }
    }

    #[test]
    fn a_later_word_about_a_partition_takes_the_earlier_one_s_place() {
        assert_eq!(record(3, b"old").encode().key, record(3, b"new").encode().key);
        assert_ne!(record(3, b"").encode().key, record(4, b"").encode().key);
        assert_eq!(record(3, b"").encode().key.as_deref(), Some(&b"3"[..]));
    }

    #[test]
    fn what_is_no_comparison_is_refused_by_name() {
        let refused = |name: &str, value: &str| {
            let mut record = record(3, b"{}").encode();
            record.headers.push(name, Some(value.as_bytes()));
            ComparisonRecord::decode(&record).unwrap_err().to_string()
        };
        assert_eq!(refused("ce_type", "dev.hedgerow.tally.v1"), "record type `dev.hedgerow.tally.v1` is unknown");
        assert_eq!(refused("ce_id", "-1"), "header `ce_id` cannot be read: `-1`");
        assert_eq!(refused("ce_id", "+3"), "header `ce_id` cannot be read: `+3`");
        assert_eq!(refused("ce_source", "wine"), "header `ce_source` cannot be read: `wine`");
        let nothing = ComparisonRecord::decode(&Record::default()).unwrap_err().to_string();
        assert_eq!(nothing, "header `ce_type` is missing");
    }
}

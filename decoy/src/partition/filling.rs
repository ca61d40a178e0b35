//! A segment and its records, while it fills.

use std::sync::Arc;

use bus::{Received, TopicPartition};
use wire::Timestamp;

use crate::{
    archive::{Columns, Label, Sealed, size_of},
    segment::{Admission, Limits, Segment},
};

/// A segment and its records.
#[derive(Debug)]
pub(super) struct Filling {
    pub(super) segment: Segment,
    columns: Columns,
    appended: Timestamp,
}

impl Filling {
    pub(super) fn open(segment: Segment) -> Self {
        Self { segment, columns: Columns::new(), appended: Timestamp::EPOCH }
    }

    pub(super) fn admit(&mut self, received: &Received, now: Timestamp, limits: &Limits) -> Admission {
        let admission = self.segment.admit(received.offset, size_of(received), now, limits);
        if admission != Admission::Again {
            self.columns.push(received);
            self.appended = received.appended;
        }
        admission
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.segment.due().is_some_and(|due| due <= now)
    }

    /// Returns what was filled, leaving an empty one that goes on behind it; `None` if nothing was.
    pub(super) fn seal(&mut self, partition: &TopicPartition) -> Option<Arc<Sealed>> {
        let label = Label::of(partition, &self.segment, self.appended)?;
        let following = Self::open(self.segment.following());
        let filled = std::mem::replace(self, following);
        let batch =
            filled.columns.finish(partition).expect("columns of a segment have the schema's types and one length");
        Some(Arc::new(Sealed { label, batch }))
    }
}

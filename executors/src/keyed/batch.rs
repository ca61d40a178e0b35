//! PURE: steps that were taken and wait for the next transaction; their responses leave when it has succeeded.

use std::{collections::BTreeSet, time::Duration};

use keyed::Taken;
use wire::Timestamp;

/// More is not read before these are written.
const STEPS_MAX: usize = 2_000;
const BYTES_MAX: usize = 4 << 20;

/// Steps, in the order in which they were taken.
#[derive(Debug, Default)]
pub(super) struct Batch {
    steps: Vec<Pending>,
    bytes: usize,
}

/// A step that is not written.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) partition: i32,
    pub(super) taken: Taken,
    /// How long it took from the log to here.
    pub(super) travelled: Duration,
    /// When it was read here.
    pub(super) fetched: Timestamp,
    pub(super) scored: Duration,
}

// === impl Batch ===

impl Batch {
    pub(super) fn push(&mut self, pending: Pending) {
        let Taken { kept, command } = &pending.taken;
        let reply = match &kept.reply {
            wire::Reply::Answer(answer) => answer.len(),
            wire::Reply::Failure(failure) => failure.message.len(),
        };
        let size = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, bytes::Bytes::len);
        self.bytes += reply + size(&kept.state) + size(command);
        self.steps.push(pending);
    }

    /// Lets go of all that is of `partition`, which is somebody else's now.
    pub(super) fn forget(&mut self, partition: i32) {
        self.steps.retain(|pending| pending.partition != partition);
    }

    /// Lets go of all that is of other partitions.
    pub(super) fn keep_only(&mut self, partitions: &BTreeSet<i32>) {
        self.steps.retain(|pending| partitions.contains(&pending.partition));
    }

    /// Puts `later` behind what is there.
    pub(super) fn then(mut self, later: Self) -> Self {
        self.steps.extend(later.steps);
        self.bytes += later.bytes;
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.steps.len() >= STEPS_MAX || self.bytes >= BYTES_MAX
    }

    pub(super) fn steps(&self) -> &[Pending] {
        &self.steps
    }
}

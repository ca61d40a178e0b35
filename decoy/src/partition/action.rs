//! What a partition says: what to do next, and what people should know.

use std::{ops::Range, sync::Arc};

use bus::StartAt;
use wire::Timestamp;

use crate::{archive::Sealed, segment::Covered};

/// What to do next.
#[derive(Debug)]
pub enum Action {
    /// Look at what the archive holds, and tell `on_surveyed`.
    Survey,
    /// Read the partition from there.
    Start(StartAt),
    /// Read no more of it until it is started again.
    Pause,
    /// Publish this file, and tell `on_written`.
    Write(Arc<Sealed>),
    /// Everything below this offset is durable.
    Commit(i64),
    /// Say so.
    Report(Report),
}

/// What people should know.
#[derive(Debug)]
pub enum Report {
    /// A file is durable.
    Archived {
        /// How many records it holds.
        records: usize,
        /// How large it is.
        bytes: usize,
    },
    /// The log does not hold these offsets any more, and the archive never will.
    Gap(Range<i64>),
    /// The archive holds less than was archived before.
    Shrunk {
        /// Up to where it was archived.
        committed: i64,
        /// Up to where it is now.
        position: i64,
    },
    /// Another owner published in the place of this file.
    Beaten(Covered),
    /// An attempt failed and will be repeated.
    Failed {
        /// Why.
        reason: String,
        /// Whether it is the first of its kind since all was well.
        first: bool,
        /// Whether it stays so until somebody looks at the files.
        needs_hands: bool,
    },
    /// What failed works again.
    Recovered {
        /// Since when it had failed.
        since: Timestamp,
    },
}

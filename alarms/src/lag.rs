//! How far whoever reads a rendezvous' topics is behind, in records and in time.

use serde::{Deserialize, Serialize};

/// How far every group of one rendezvous is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lags {
    /// Which rendezvous.
    pub rendezvous: String,
    /// When this was, in microseconds since the epoch.
    pub at_us: i64,
    /// Each group that is known, starter first, in the order of a request's way.
    pub groups: Vec<Lag>,
}

/// How far one group is behind, over all its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// The consumer group as the broker knows it: `hedgerow.wine.collector`.
    pub group: String,
    /// Whose it is: `starter`, `executors`, `collector`, `decoy`, `comparison` or `sealer`.
    pub station: String,
    /// The executors that it is of, if it is not of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub executors: Vec<String>,
    /// The topic it reads.
    pub topic: String,
    /// Records that are not committed yet, of the partitions of which anything ever was.
    pub behind_records: u64,
    /// The age of the oldest of them; `None` if there is none, or it could not be read in time.
    pub behind_us: Option<u64>,
    /// Partitions of which this group never committed anything: how far it is behind there nobody knows.
    pub unknown_partitions: u32,
}

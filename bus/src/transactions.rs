//! Records and commits that become visible together or not at all.
//!
//! Not for the path of a request: a transaction costs milliseconds, and whoever reads what it writes waits for its end.

use std::{fmt, sync::Arc};

use rdkafka::consumer::ConsumerGroupMetadata;
use wire::Record;

use crate::{BoxFuture, Commit, TopicPartition, embedded::Standing};

/// Writes transactions under an id that only one at a time may have. Owned by one loop.
pub trait Transactions: Send {
    /// Writes `records` in their order, and commits `commits` in the group of the member `by`: all of it becomes visible
    /// together, or nothing ever does. Nothing happens if `by` is no longer as it stood when it was asked for.
    ///
    /// One at a time. Dropped, the future no longer waits, and what was begun goes on.
    fn transact(
        &mut self,
        records: Vec<(TopicPartition, Record)>,
        commits: Vec<Commit>,
        by: Membership,
    ) -> BoxFuture<'static, Result<(), TransactError>>;
}

/// Why a transaction did not succeed, sorted by what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactError {
    /// Nothing of it is visible, nor will be. Try again, with whatever is still one's own.
    #[error("{0}")]
    Aborted(String),
    /// Nothing of it is visible, nor will be: one of the records is larger than its topic allows.
    #[error("a record is larger than the topic allows")]
    TooLarge,
    /// Somebody else has opened the id, or whether all of it is visible is not known. Nothing more can be written here.
    /// Who opens the id again, which settles what was open, and then joins the group anew is told by `Assigned` what
    /// came of it.
    #[error("{0}")]
    Broken(String),
}

/// How a member stands in its group at a moment. Only the bus that it is from can make something of it.
#[derive(Clone)]
pub struct Membership(pub(crate) Kind);

/// In which sort of group.
#[derive(Clone)]
pub(crate) enum Kind {
    Embedded(Standing),
    Kafka(Arc<ConsumerGroupMetadata>),
}

impl fmt::Debug for Membership {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Membership")
    }
}

//! What can go wrong with a bus, sorted by what the caller can do about it.

/// An error of a bus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The log cannot be reached now; the client goes on trying. Wait, say for what, and call again.
    #[error("{0}")]
    Unavailable(String),
    /// The producer's queue is full: shed now.
    #[error("the producer's queue is full")]
    QueueFull,
    /// The record can never be taken: it is larger than the topic allows.
    #[error("the record is larger than the topic allows")]
    TooLarge,
    /// The offset asked for is not in the log (retention, truncation, a topic made anew).
    #[error("offset {offset} of {partition} is not in the log, which holds {low} to {high}")]
    OffsetGone {
        /// Which partition.
        partition: crate::TopicPartition,
        /// Which offset.
        offset: i64,
        /// The first offset held.
        low: i64,
        /// Behind the last offset held.
        high: i64,
    },
    /// The configuration, the topics or the rights are wrong: stop and say so.
    #[error("{0}")]
    Fatal(String),
}

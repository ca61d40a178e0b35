//! Records and commits that become visible together or not at all.
//!
//! Not for the path of a request: a transaction costs milliseconds, and whoever reads what it writes waits for its end.

use std::{fmt, sync::Arc, time::Duration};

use rdkafka::consumer::ConsumerGroupMetadata;
use wire::{Record, Timestamp};

use crate::{BoxFuture, Clock, Commit, TopicPartition, embedded::Standing};

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
    #[error("a record is larger than the topic {0} allows")]
    TooLarge(Arc<str>),
    /// Nothing of it is visible, nor will be: this topic may not be written to.
    #[error("the topic {0} may not be written to")]
    Forbidden(Arc<str>),
    /// Somebody else has opened the id, or whether all of it is visible is not known. Nothing more can be written here.
    /// Who opens the id again, which settles what was open, and then joins the group anew is told by `Assigned` what
    /// came of it.
    #[error("{0}")]
    Broken(String),
}

/// Transactions one after the other, and each with what its owner must know at its end.
pub struct Attempts<T> {
    transactions: Box<dyn Transactions>,
    clock: Clock,
    under_way: Option<(T, BoxFuture<'static, Result<(), TransactError>>)>,
    /// When transactions began to be given up, one after the other.
    failing_since: Option<Timestamp>,
    not_before: Timestamp,
}

/// How long before a transaction that was given up is tried again.
const PAUSE: Duration = Duration::from_millis(20);
/// After so long of that the group is joined anew. A member that does not ask for events for ten seconds is put out.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

impl<T> Attempts<T> {
    /// Returns none yet, to be written through `transactions`.
    #[must_use]
    pub fn new(transactions: Box<dyn Transactions>, clock: Clock) -> Self {
        Self { transactions, clock, under_way: None, failing_since: None, not_before: Timestamp::EPOCH }
    }

    /// Returns whether one was begun whose end was not told.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Returns when the next may begin, while none is under way.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Begins one. [`Attempts::outcome`] returns `carried` with its end.
    pub fn begin(&mut self, carried: T, records: Vec<(TopicPartition, Record)>, commits: Vec<Commit>, by: Membership) {
        debug_assert!(self.under_way.is_none(), "one at a time");
        self.under_way = Some((carried, self.transactions.transact(records, commits, by)));
    }

    /// Waits for what is under way and returns what came of it; for ever if nothing is. Cancel-safe.
    ///
    /// Where transactions have been given up for five seconds, the last of them is told as [`TransactError::Broken`].
    pub async fn outcome(&mut self) -> (T, Result<(), TransactError>) {
        let Some((_, waiting)) = &mut self.under_way else { return std::future::pending().await };
        let outcome = waiting.await;
        let Some((carried, _)) = self.under_way.take() else { return std::future::pending().await };
        (carried, self.judge(outcome))
    }

    fn judge(&mut self, outcome: Result<(), TransactError>) -> Result<(), TransactError> {
        let now = self.clock.now();
        match outcome {
            Ok(()) => self.failing_since = None,
            Err(_) => self.not_before = now.after(PAUSE),
        }
        match outcome {
            Err(TransactError::Aborted(why)) if now.since(*self.failing_since.get_or_insert(now)) >= GIVEN_UP_AFTER => {
                Err(TransactError::Broken(why))
            }
            other => other,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bus as _, EmbeddedBus, TopicSpec};

    /// Gives up whatever it is asked for, until it is told that the log is well.
    struct Refusing {
        is_well: bool,
    }

    impl Transactions for Refusing {
        fn transact(
            &mut self,
            _: Vec<(TopicPartition, Record)>,
            _: Vec<Commit>,
            _: Membership,
        ) -> BoxFuture<'static, Result<(), TransactError>> {
            let is_well = self.is_well;
            Box::pin(async move { if is_well { Ok(()) } else { Err(TransactError::Aborted("not now".into())) } })
        }
    }

    fn refusing(clock: &Clock) -> Attempts<u32> {
        Attempts::new(Box::new(Refusing { is_well: false }), clock.clone())
    }

    async fn attempt(attempts: &mut Attempts<u32>, carried: u32) -> Result<(), TransactError> {
        let bus = EmbeddedBus::new(attempts.clock.clone());
        let topic = TopicSpec { name: "topic".into(), partitions: 1, retention: None, compacted: false };
        bus.create_topics(&[topic]).await.unwrap();
        let member = bus.member("group", "topic").await.unwrap();
        attempts.begin(carried, Vec::new(), Vec::new(), member.membership().unwrap());
        assert!(attempts.is_under_way());
        let (returned, outcome) = attempts.outcome().await;
        assert_eq!((returned, attempts.is_under_way()), (carried, false));
        outcome
    }

    #[tokio::test]
    async fn what_was_given_up_is_tried_again_a_little_later_and_not_for_ever() {
        let clock = Clock::standing_at(Timestamp::from_micros(1_000_000));
        let mut attempts = refusing(&clock);
        assert!(matches!(attempt(&mut attempts, 1).await, Err(TransactError::Aborted(_))));
        assert_eq!(attempts.not_before(), clock.now().after(PAUSE));
        clock.advance(GIVEN_UP_AFTER.saturating_sub(Duration::from_millis(1)));
        assert!(matches!(attempt(&mut attempts, 2).await, Err(TransactError::Aborted(_))));
        clock.advance(Duration::from_millis(1));
        assert_eq!(attempt(&mut attempts, 3).await, Err(TransactError::Broken("not now".into())));
    }

    #[tokio::test]
    async fn one_that_succeeds_ends_the_patience_with_those_before_it() {
        let clock = Clock::standing_at(Timestamp::from_micros(1_000_000));
        let mut attempts = refusing(&clock);
        assert!(attempt(&mut attempts, 1).await.is_err());
        attempts.transactions = Box::new(Refusing { is_well: true });
        assert_eq!(attempt(&mut attempts, 2).await, Ok(()));
        attempts.transactions = Box::new(Refusing { is_well: false });
        clock.advance(GIVEN_UP_AFTER);
        assert!(matches!(attempt(&mut attempts, 3).await, Err(TransactError::Aborted(_))));
    }
}

//! Which topic it is that a transaction may not write to. One such fails all of it, purges what was for the others, and
//! librdkafka names it in no error: so it is found by trying, half of the topics at a time.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use rdkafka::{error::KafkaError, producer::Producer as _, types::RDKafkaErrorCode as Code};
use wire::Record;

use super::{ABORT_WITHIN, TRANSACT_WITHIN, Writer};
use crate::TopicPartition;

impl Writer {
    /// Returns whether the transaction that is under way has failed because something may not be written to.
    pub(super) fn is_forbidden(&self) -> bool {
        // No other can begin, and the refusal says what is the matter with this one.
        let refused = self.client.begin_transaction();
        matches!(refused, Err(KafkaError::Transaction(why)) if why.code() == Code::TopicAuthorizationFailed)
    }

    /// Returns a topic of `records` that may not be written to, if it is one of them that was forbidden. Nothing of what is
    /// tried is ever committed.
    pub(super) fn forbidden(&self, records: &[(TopicPartition, Record)]) -> Option<Arc<str>> {
        let of_topics: BTreeMap<&str, &(TopicPartition, Record)> =
            records.iter().map(|entry| (&*entry.0.topic, entry)).collect();
        let all: Vec<(TopicPartition, Record)> = of_topics.into_values().cloned().collect();
        let mut suspects = &all[..];
        while suspects.len() > 1 {
            let (some, others) = suspects.split_at(suspects.len() / 2);
            suspects = if self.is_refused(some)? { some } else { others };
        }
        // What was not allowed may have been to commit.
        self.is_refused(suspects)?.then(|| suspects.first().map(|(to, _)| Arc::clone(&to.topic))).flatten()
    }

    /// Returns whether these may not be written; `None` if nothing can be tried.
    fn is_refused(&self, records: &[(TopicPartition, Record)]) -> Option<bool> {
        self.client.begin_transaction().ok()?;
        let tried = self.send(records).and_then(|()| self.settle(Instant::now() + TRANSACT_WITHIN));
        let is_refused = tried.is_err() && self.is_forbidden();
        self.client.abort_transaction(ABORT_WITHIN).ok()?;
        Some(is_refused)
    }
}

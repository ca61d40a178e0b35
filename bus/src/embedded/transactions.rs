//! Transactions: one moment under all locks that matter.

use std::{collections::BTreeMap, sync::Arc};

use futures::FutureExt;
use wire::Record;

use super::{Log, faults, faults::SendFault, lock, partition, partition::Partition};
use crate::{BoxFuture, BusError, Commit, Membership, TopicPartition, TransactError, Transactions, transactions::Kind};

pub(super) struct EmbeddedTransactions {
    log: Arc<Log>,
    id: String,
    /// Which opening of the id this is.
    opening: u64,
}

/// The records of a transaction, by where they go: in this order their partitions are locked.
type Batches = BTreeMap<TopicPartition, (Arc<Partition>, Vec<Record>)>;

// === impl EmbeddedTransactions ===

impl EmbeddedTransactions {
    pub(super) fn open(log: &Arc<Log>, id: &str, topics: &[&str]) -> Result<Self, BusError> {
        topics.iter().try_for_each(|name| log.topic(name).map(drop))?;
        let mut openings = lock(&log.openings);
        if openings.len() >= super::NAMES_MAX && !openings.contains_key(id) {
            return super::fatal(format!("transactional id {id} would be one more than {}", super::NAMES_MAX));
        }
        let opening = openings.entry(id.to_owned()).or_default();
        *opening += 1;
        Ok(Self { log: Arc::clone(log), id: id.to_owned(), opening: *opening })
    }

    fn transact_now(
        &self,
        records: Vec<(TopicPartition, Record)>,
        commits: &[Commit],
        by: &Membership,
    ) -> Result<(), TransactError> {
        if self.log.faults.is_interrupted() {
            return Err(aborted(&faults::interrupted()));
        }
        let mut openings = lock(&self.log.openings);
        if openings.get(&self.id) != Some(&self.opening) {
            return Err(TransactError::Broken(format!("somebody else has opened {}", self.id)));
        }
        let fault = records.first().and_then(|(to, _)| self.log.faults.on_transaction(&to.topic));
        if matches!(fault, Some(SendFault::Refused | SendFault::Failed)) {
            return Err(TransactError::Aborted("a test has made the transaction fail".to_owned()));
        }
        let batches = self.batches(records)?;
        let Kind::Embedded(member) = &by.0 else {
            return Err(TransactError::Aborted("the member is one of another bus".to_owned()));
        };
        if !member.commit_with(commits, || Partition::append_together(batches.into_values().collect())) {
            return Err(TransactError::Aborted("the member does not own what it would commit".to_owned()));
        }
        if fault == Some(SendFault::AcknowledgementLost) {
            openings.entry(self.id.clone()).and_modify(|opening| *opening += 1);
            return Err(TransactError::Broken("a test has lost what came of the transaction".to_owned()));
        }
        Ok(())
    }

    fn batches(&self, records: Vec<(TopicPartition, Record)>) -> Result<Batches, TransactError> {
        let mut batches = Batches::new();
        for (to, record) in records {
            if self.log.faults.is_forbidden(&to.topic) {
                return Err(TransactError::Forbidden(to.topic));
            }
            if partition::size(&record) > self.log.limits.record_bytes {
                return Err(TransactError::TooLarge(to.topic));
            }
            let partition = self.log.partition(&to).map_err(|error| aborted(&error))?;
            batches.entry(to).or_insert_with(|| (partition, Vec::new())).1.push(record);
        }
        Ok(batches)
    }
}

impl Transactions for EmbeddedTransactions {
    fn transact(
        &mut self,
        records: Vec<(TopicPartition, Record)>,
        commits: Vec<Commit>,
        by: Membership,
    ) -> BoxFuture<'static, Result<(), TransactError>> {
        futures::future::ready(self.transact_now(records, &commits, &by)).boxed()
    }
}

fn aborted(error: &BusError) -> TransactError {
    TransactError::Aborted(error.to_string())
}

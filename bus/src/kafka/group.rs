//! librdkafka's callbacks, made entries of the inbox.
//!
//! What the group gives and what is read are two lists. A gift is accepted at once and nothing of it is read; what is
//! taken back is let go of only when the consumer's loop has told its caller, so that a partition never has two owners.

use std::sync::Arc;

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};

use super::inbox::{Inbox, Told};
use crate::{Committed, TopicPartition};

/// The callbacks of one consumer.
pub(super) struct Callbacks {
    pub(super) inbox: Arc<Inbox>,
}

// === impl Callbacks ===

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.inbox.count_callback();
        super::log(level, facility, line);
    }

    fn stats_raw(&self, _: &[u8]) {
        self.inbox.count_callback();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.inbox.note(reason);
        tracing::debug!(target: "librdkafka", %error, reason);
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(&self, client: &BaseConsumer<Self>, what: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        self.inbox.count_callback();
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            note(client.incremental_assign(&TopicPartitionList::new()));
            self.inbox.tell(Told::Given(listed(partitions)));
        } else if self.inbox.is_closed() {
            // Nobody is there to be told.
            note(client.assignment().and_then(|reading| client.incremental_unassign(&reading)));
        } else {
            self.inbox.tell(Told::Taken(listed(partitions)));
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.inbox.count_callback();
        if let Err(error) = result {
            tracing::debug!(%error, "a commit was lost; the next one makes up for it");
        }
        self.inbox.tell(Told::CommitReturned);
    }
}

/// Lists `partitions` in our terms; those of one topic share its name.
pub(super) fn listed(partitions: &TopicPartitionList) -> Vec<TopicPartition> {
    let mut listed: Vec<TopicPartition> = Vec::with_capacity(partitions.count());
    for element in partitions.elements() {
        let known = listed.last().filter(|last| *last.topic == *element.topic()).map(|last| Arc::clone(&last.topic));
        let topic = known.unwrap_or_else(|| element.topic().into());
        listed.push(TopicPartition { topic, partition: element.partition() });
    }
    listed
}

/// Lists `partitions` in librdkafka's terms.
pub(super) fn native<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut native = TopicPartitionList::new();
    for partition in partitions {
        native.add_partition(&partition.topic, partition.partition);
    }
    native
}

/// Lists what is to be committed in librdkafka's terms.
pub(super) fn positions(commits: impl IntoIterator<Item = (TopicPartition, Committed)>) -> TopicPartitionList {
    let mut all = TopicPartitionList::new();
    for (partition, committed) in commits {
        let mut element = all.add_partition(&partition.topic, partition.partition);
        if element.set_offset(Offset::Offset(committed.offset)).is_ok() && !committed.metadata.is_empty() {
            element.set_metadata(&committed.metadata);
        }
    }
    all
}

/// librdkafka refuses such changes only when the client is closing or broken, which it tells by other ways too.
pub(super) fn note(changed: KafkaResult<()>) {
    if let Err(error) = changed {
        tracing::debug!(%error, "what is read could not be changed");
    }
}

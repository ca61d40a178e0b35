//! The bus contract, proved of a real Kafka cluster.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

#[path = "contract/laws.rs"]
#[macro_use]
mod laws;

use std::sync::Arc;

use broker::Broker;
use hedgerow_bus::{Bus, KafkaBus, KafkaSettings};

async fn kafka() -> Arc<dyn Bus> {
    open(&[]).await
}

contract!(kafka);

/// Clusters older than Kafka 4.0 have only these groups.
mod classic {
    use super::{Arc, Bus, laws, open};

    async fn kafka() -> Arc<dyn Bus> {
        let quick = ("session.timeout.ms", "1000");
        open(&[("group.protocol", "classic"), quick, ("heartbeat.interval.ms", "300")]).await
    }

    contract! { kafka:
        groups::two_members_share_the_partitions,
        groups::a_member_that_closes_leaves_its_partitions_to_the_others,
        groups::members_together_read_everything_once,
        groups::a_commit_of_what_was_revoked_has_no_effect,
        transactions::what_a_transaction_writes_and_commits_is_there_together,
        transactions::who_has_left_its_group_writes_and_commits_nothing,
    }
}

async fn open(options: &[(&str, &str)]) -> Arc<dyn Bus> {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    let mut settings = KafkaSettings::new(brokers);
    settings.options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Arc::new(KafkaBus::connect(settings).unwrap())
}

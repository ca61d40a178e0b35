//! The bus contract, proved of a real Kafka cluster.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

#[path = "contract/laws.rs"]
#[macro_use]
mod laws;

use std::sync::Arc;

use broker::Broker;
use hedgerow_bus::{Bus, KafkaBus, KafkaSettings};

async fn kafka() -> Arc<dyn Bus> {
    let brokers = Broker::shared().unwrap_or_else(|error| panic!("{error}"));
    Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap())
}

contract!(kafka);

/// Clusters older than Kafka 4.0 have only these groups.
mod classic {
    use super::{Arc, Broker, Bus, KafkaBus, KafkaSettings, laws};

    async fn kafka() -> Arc<dyn Bus> {
        let brokers = Broker::shared().unwrap_or_else(|error| panic!("{error}"));
        let mut settings = KafkaSettings::new(brokers);
        settings.options.insert("group.protocol".to_owned(), "classic".to_owned());
        settings.options.insert("session.timeout.ms".to_owned(), "1000".to_owned());
        settings.options.insert("heartbeat.interval.ms".to_owned(), "300".to_owned());
        Arc::new(KafkaBus::connect(settings).unwrap())
    }

    contract! { kafka:
        groups::two_members_share_the_partitions,
        groups::a_member_that_closes_leaves_its_partitions_to_the_others,
        groups::members_together_read_everything_once,
        groups::a_commit_of_what_was_revoked_has_no_effect,
    }
}

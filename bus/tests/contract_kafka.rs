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

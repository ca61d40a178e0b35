//! Every case on a real Kafka.

use std::sync::Arc;

use broker::Broker;
use bus::{Clock, KafkaBus, KafkaSettings};
use hedgerow::app::Role;

use crate::{
    cases,
    rendezvous::{ALL, AROUND, Rendezvous, UNARCHIVED},
};

async fn start(policy: &str, roles: &[Role]) -> Rendezvous {
    // Starting a JVM takes seconds, during which the runtime has other tests to run.
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let bus = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
    Rendezvous::start(bus, Clock::system(), policy, roles).await
}

crate::cases::each!(start);

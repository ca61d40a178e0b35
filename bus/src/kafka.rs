//! The real one: a Kafka cluster, through rdkafka.

/// A Kafka cluster.
pub struct KafkaBus {}
/// How to reach it.
pub struct KafkaSettings {}

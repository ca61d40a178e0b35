//! Kafka's error codes, sorted by what a caller can do.

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};

use crate::BusError;

/// Says what `error` means for whoever wanted `what`: "ask for the partitions of wine.requests".
pub(super) fn sorted(what: &str, error: &KafkaError) -> BusError {
    // An administrator's errors carry their code where `rdkafka_error_code` does not look.
    let code = if let KafkaError::AdminOp(code) = error { Some(*code) } else { error.rdkafka_error_code() };
    code.map_or_else(|| BusError::Fatal(format!("cannot {what}: {error}")), |code| sorted_code(what, code))
}

/// Says what `code` means for whoever wanted `what`.
pub(super) fn sorted_code(what: &str, code: Code) -> BusError {
    match code {
        Code::QueueFull => BusError::QueueFull,
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => BusError::TooLarge,
        code if is_fatal(code) => BusError::Fatal(format!("cannot {what}: {code}")),
        code => BusError::Unavailable(format!("cannot {what}: {code}")),
    }
}

/// Returns whether waiting cannot help: the configuration, the topics or the rights are wrong.
pub(super) fn is_fatal(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownPartition
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::InvalidTopic
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::InvalidConfig
            | Code::InvalidArgument
            | Code::PolicyViolation
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::UnsupportedFeature
            | Code::Fatal
    )
}

/// Returns whether it may mean that no broker can be reached.
pub(super) fn is_absence(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve | Code::OperationTimedOut | Code::SSL
    )
}

//! What things are called in spans: the messaging conventions of OpenTelemetry, which are being renamed, and our own.

use std::fmt;

use crate::span::Attribute;

/// The log that carried the records.
pub(crate) const SYSTEM: &str = "messaging.system";
/// `send` or `process`.
pub(crate) const OPERATION: &str = "messaging.operation.name";
/// The same, of a closed set.
pub(crate) const OPERATION_TYPE: &str = "messaging.operation.type";
/// The topic.
pub(crate) const DESTINATION: &str = "messaging.destination.name";
/// The partition, as text.
pub(crate) const PARTITION: &str = "messaging.destination.partition.id";
/// The group that reads.
pub(crate) const GROUP: &str = "messaging.consumer.group.name";
/// The request's id.
pub(crate) const CONVERSATION: &str = "messaging.message.conversation_id";
/// The sort of a failure.
pub(crate) const ERROR: &str = "error.type";

/// Which names of the messaging conventions are used: `OTEL_SEMCONV_STABILITY_OPT_IN` says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conventions {
    /// Those of most instrumentations so far.
    #[default]
    Established,
    /// Those that will be stable.
    Renamed,
    /// Both.
    Both,
}

// === impl Conventions ===

impl Conventions {
    /// Reads a list of opt-ins, of which `messaging` and `messaging/dup` concern us.
    #[must_use]
    pub fn opted_in(list: &str) -> Self {
        let has = |wanted: &str| list.split(',').any(|one| one.trim() == wanted);
        if has("messaging/dup") {
            Self::Both
        } else if has("messaging") {
            Self::Renamed
        } else {
            Self::Established
        }
    }

    /// Returns the attributes under the names that are used.
    pub fn named(self, attributes: Vec<Attribute>) -> impl Iterator<Item = Attribute> {
        attributes.into_iter().flat_map(move |(name, value)| {
            let renamed = renamed(name).filter(|_| self != Self::Established);
            let kept = (renamed.is_none() || self == Self::Both).then(|| (name, value.clone()));
            kept.into_iter().chain(renamed.map(|renamed| (renamed, value)))
        })
    }
}

/// Semantic conventions 1.45.
fn renamed(name: &str) -> Option<&'static str> {
    (name == SYSTEM).then_some("messaging.system.name")
}

/// Returns `send wine.requests`.
pub(crate) fn name(operation: &str, destination: impl fmt::Display) -> String {
    format!("{operation} {destination}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn names(opted_in: &str) -> Vec<&'static str> {
        let attributes = vec![(SYSTEM, Value::from("kafka")), (OPERATION, Value::from("send"))];
        Conventions::opted_in(opted_in).named(attributes).map(|(name, _)| name).collect()
    }

    #[test]
    fn whoever_opts_in_gets_the_new_names_or_both() {
        assert_eq!(names(""), ["messaging.system", "messaging.operation.name"]);
        assert_eq!(names("http,messaging"), ["messaging.system.name", "messaging.operation.name"]);
        assert_eq!(
            names("messaging, messaging/dup"),
            ["messaging.system", "messaging.system.name", "messaging.operation.name"]
        );
    }
}

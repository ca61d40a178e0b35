//! The names of a rendezvous' topics and consumer groups, derived from its own.

use crate::{ExecutorId, RendezvousName};

/// The topics of one rendezvous. `requests`, `responses` and `results` have equally many partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    name: RendezvousName,
    /// Where callers without a connection put inputs.
    pub inputs: String,
    /// The one write that fans out.
    pub requests: String,
    /// What executors said.
    pub responses: String,
    /// One valid record per request.
    pub results: String,
    /// The valid results again, each once, for consumers that read only what is committed.
    pub sealed: String,
    /// How far the canaries of each partition have been compared, in one partition of its own.
    pub comparisons: String,
    /// What could not be understood, with the reason.
    pub dead_letters: String,
    /// What collectors counted, slice of time by slice of time; one partition.
    pub measures: String,
}

/// What the names of a rendezvous' topics end in.
const SUFFIXES: [&str; 9] =
    ["inputs", "requests", "responses", "results", "sealed", "comparisons", "dead-letters", "measures", "state"];

/// Returns whether a topic of that name belongs to a rendezvous, to hedgerow, or to Kafka and what is built on it: those
/// call theirs `__consumer_offsets`, `_schemas`.
pub(crate) fn is_reserved(topic: &str) -> bool {
    let suffix = topic.rsplit_once('.').map(|(_, suffix)| suffix);
    topic.starts_with("hedgerow.") || topic.starts_with('_') || suffix.is_some_and(|last| SUFFIXES.contains(&last))
}

impl Topics {
    /// Returns the topics of `name`.
    #[must_use]
    pub fn of(name: &RendezvousName) -> Self {
        let topic = |suffix: &str| format!("{name}.{suffix}");
        Self {
            name: name.clone(),
            inputs: topic("inputs"),
            requests: topic("requests"),
            responses: topic("responses"),
            results: topic("results"),
            sealed: topic("sealed"),
            comparisons: topic("comparisons"),
            dead_letters: topic("dead-letters"),
            measures: topic("measures"),
        }
    }

    /// Returns the topic that `executor` keeps its state in, key by key, compacted: `wine.heater.state`.
    #[must_use]
    pub fn state(&self, executor: &ExecutorId) -> String {
        format!("{}.{executor}.state", self.name)
    }

    /// Returns the consumer group of a station that serves the whole rendezvous: `hedgerow.wine.collector`.
    #[must_use]
    pub fn group(&self, station: &str) -> String {
        format!("hedgerow.{}.{station}", self.name)
    }

    /// Returns the group of one process' executors that share a fetch: `only` those, or all. It names them, so that
    /// processes with different executors never split a topic between them and leave partitions unanswered. All of them
    /// have one name whoever they are, so that an edit that adds one leaves no group and joins no other.
    #[must_use]
    pub fn executors_group(&self, only: Option<&[ExecutorId]>) -> String {
        let Some(executors) = only else { return self.group("executors") };
        let mut names: Vec<&str> = executors.iter().map(ExecutorId::as_str).collect();
        names.sort_unstable();
        self.group(&format!("executors.{}", names.join("+")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_of_a_rendezvous_is_reserved() {
        let name = RendezvousName::new("wine").unwrap();
        // Whoever adds one finds it missing here.
        let topics = Topics::of(&name);
        let Topics { name: _, inputs, requests, responses, results, sealed, comparisons, dead_letters, measures } =
            &topics;
        let state = &topics.state(&ExecutorId::new("heater").unwrap());
        for topic in [inputs, requests, responses, results, sealed, comparisons, dead_letters, measures, state] {
            assert!(is_reserved(topic), "{topic}");
        }
    }
}

//! What a process needs, and which of it is there: the values behind the page `/health`.

use serde::{Deserialize, Serialize};

/// What this process needs, and whether it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// When this was, in microseconds since the epoch.
    pub at_us: i64,
    /// Whether nothing is down.
    pub is_healthy: bool,
    /// What is needed; what concerns everybody first, then by rendezvous.
    pub dependencies: Vec<Dependency>,
}

/// One thing that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name; with its kind and rendezvous it says which one this is.
    pub name: String,
    /// What it is.
    pub kind: DependencyKind,
    /// The rendezvous that it serves; `None` if it serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendezvous: Option<String>,
    /// Whether it is there.
    pub state: State,
    /// Since when it is in that state, in microseconds since the epoch; `None` if this process does not know.
    pub since_us: Option<i64>,
    /// Why it is taken to be in that state, in one sentence; empty if there is nothing to say.
    pub why: String,
}

/// What a dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependencyKind {
    /// The log.
    Bus,
    /// The control topic, which versions come from.
    Control,
    /// Whoever decides requests.
    Collector,
    /// A model: down while its breaker is open.
    Executor,
    /// The folder or store that inputs are archived in.
    Archive,
    /// Whoever compares canaries.
    Comparison,
    /// Whoever is told of alerts.
    Receiver,
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Up,
    /// It is not.
    Down,
    /// Nothing was heard that would tell.
    Unknown,
}

// === impl Health ===

impl Health {
    /// Returns the health that follows from `dependencies` at `at_us`. Only what the whole process cannot do without makes
    /// it unhealthy: a model that fails is dealt with by the policy, and a load balancer must not take the process away for it.
    #[must_use]
    pub fn of(dependencies: Vec<Dependency>, at_us: i64) -> Self {
        let is_fatal = |one: &Dependency| one.state == State::Down && one.kind.is_vital();
        Self { at_us, is_healthy: !dependencies.iter().any(is_fatal), dependencies }
    }
}

// === impl DependencyKind ===

impl DependencyKind {
    /// Returns its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bus => "bus",
            Self::Control => "control",
            Self::Collector => "collector",
            Self::Executor => "executor",
            Self::Archive => "archive",
            Self::Comparison => "comparison",
            Self::Receiver => "receiver",
        }
    }

    /// Returns whether nothing works without it.
    #[must_use]
    pub fn is_vital(self) -> bool {
        matches!(self, Self::Bus | Self::Control)
    }
}

// === impl State ===

impl State {
    /// Returns its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_works_without_makes_a_process_unhealthy() {
        let is_healthy = |kind, state| {
            let (name, since_us, why) = (String::new(), None, String::new());
            Health::of(vec![Dependency { name, kind, rendezvous: None, state, since_us, why }], 0).is_healthy
        };
        assert!(is_healthy(DependencyKind::Bus, State::Up));
        assert!(is_healthy(DependencyKind::Bus, State::Unknown));
        assert!(!is_healthy(DependencyKind::Bus, State::Down));
        assert!(!is_healthy(DependencyKind::Control, State::Down));
        assert!(is_healthy(DependencyKind::Executor, State::Down));
        assert!(is_healthy(DependencyKind::Collector, State::Down));
    }
}

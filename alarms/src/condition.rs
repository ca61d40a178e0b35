//! Something that is wrong now, in the words of whoever is told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that is wrong, as long as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What kind of thing.
    pub kind: Kind,
    /// With which rendezvous; `None` if it concerns the whole process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendezvous: Option<String>,
    /// With what of it: an executor, a canary, an objective, a dependency. With kind and rendezvous it says which condition
    /// this is, today and after a restart.
    pub subject: String,
    /// How soon somebody must look.
    pub severity: Severity,
    /// Since when, in microseconds since the epoch, as far as this process knows.
    pub since_us: i64,
    /// One sentence for people.
    pub summary: String,
    /// The console's page about it: `/rendezvous/wine`.
    pub path: String,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An objective's error budget burns too fast.
    BurnRate,
    /// An executor is not waited for.
    BreakerOpen,
    /// A canary's verdict is there: it is better or worse than its reference.
    CanaryVerdict,
    /// The decoy does not get on with the archive.
    ArchiveStalled,
    /// A version on trial was withdrawn.
    PolicyWithdrawn,
    /// Something that is needed is not there.
    DependencyDown,
}

/// How soon somebody must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is good to know.
    Info,
    /// In the next days.
    Ticket,
    /// Now.
    Page,
}

// === impl Condition ===

impl Condition {
    /// Returns what is the same for the same condition in every process and after every restart: receivers that know what
    /// they were told already go by it.
    #[must_use]
    pub fn key(&self) -> String {
        let rendezvous = self.rendezvous.as_deref().unwrap_or("-");
        format!("hedgerow/{}/{rendezvous}/{}", self.kind.as_str(), self.subject)
    }
}

// === impl Kind ===

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::BurnRate,
        Self::BreakerOpen,
        Self::CanaryVerdict,
        Self::ArchiveStalled,
        Self::PolicyWithdrawn,
        Self::DependencyDown,
    ];

    /// Returns its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BurnRate => "burn_rate",
            Self::BreakerOpen => "breaker_open",
            Self::CanaryVerdict => "canary_verdict",
            Self::ArchiveStalled => "archive_stalled",
            Self::PolicyWithdrawn => "policy_withdrawn",
            Self::DependencyDown => "dependency_down",
        }
    }

    /// Returns it as people write it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BurnRate => "error budget burns:",
            Self::BreakerOpen => "not waited for:",
            Self::CanaryVerdict => "verdict about a canary:",
            Self::ArchiveStalled => "archive stalled:",
            Self::PolicyWithdrawn => "trial withdrawn:",
            Self::DependencyDown => "not there:",
        }
    }

    /// Returns whether it is news rather than trouble: nobody is reminded of it.
    #[must_use]
    pub fn is_news(self) -> bool {
        matches!(self, Self::CanaryVerdict | Self::PolicyWithdrawn)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

// === impl Severity ===

impl Severity {
    /// Returns its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Ticket => "ticket",
            Self::Page => "page",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_one_in_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for severity in [Severity::Info, Severity::Ticket, Severity::Page] {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
    }
}

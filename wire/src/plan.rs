//! Who was asked about a request, and when each may start: fixed at fan-out, so that a model added or removed
//! meanwhile changes nothing for requests in flight.
//!
//! As text, in one header: `forest,boost+5000,~next`; `+` gives a later start in microseconds, `~` marks a canary.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use crate::{ExecutorId, InvalidName};

/// The executors that were asked, in the policy's order. Copies share them: most requests are asked alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan(Arc<[Asked]>);

/// One executor that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub executor: ExecutorId,
    /// Whether its answer may be chosen.
    pub role: Role,
    /// How long after the request's birth it may start.
    pub start_after: Duration,
}

/// What an executor's answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// May be chosen.
    Candidate,
    /// Is only compared.
    Canary,
}

// === impl Role ===

impl Role {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Canary => "canary",
        }
    }
}

// === impl Plan ===

impl Plan {
    /// Returns a plan that asks `asked`, in this order.
    #[must_use]
    pub fn new(asked: Vec<Asked>) -> Self {
        Self(asked.into())
    }

    /// Returns everybody that was asked.
    #[must_use]
    pub fn asked(&self) -> &[Asked] {
        &self.0
    }

    /// Returns how `executor` was asked, or `None` if it was not.
    #[must_use]
    pub fn find(&self, executor: &ExecutorId) -> Option<&Asked> {
        self.0.iter().find(|asked| asked.executor == *executor)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, asked) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let canary = if asked.role == Role::Canary { "~" } else { "" };
            write!(out, "{comma}{canary}{}", asked.executor)?;
            if !asked.start_after.is_zero() {
                write!(out, "+{}", asked.start_after.as_micros())?;
            }
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').filter(|part| !part.is_empty()).map(Asked::parse).collect::<Result<_, _>>().map(Self)
    }
}

// === impl Asked ===

impl Asked {
    fn parse(text: &str) -> Result<Self, InvalidName> {
        let (name, start) = text.split_once('+').unwrap_or((text, "0"));
        let (name, role) = name.strip_prefix('~').map_or((name, Role::Candidate), |name| (name, Role::Canary));
        let micros = start.parse().map_err(|_| InvalidName(text.to_owned()))?;
        Ok(Self { executor: ExecutorId::new(name)?, role, start_after: Duration::from_micros(micros) })
    }
}

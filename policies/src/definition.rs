//! One rendezvous as its file defines it: what comes in, who is asked, how is decided.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use wire::{Budget, ExecutorId, Plan, PolicyRef, RendezvousName, Role};

use crate::{Diagnostics, Policy, example::Example};

/// A rendezvous, checked.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name and the version of its policy.
    pub policy_ref: PolicyRef,
    /// How long an answer may take, unless the request asks for less.
    pub budget: Budget,
    /// What a request must look like.
    pub input: InputSchema,
    /// Who is asked, in the file's order.
    pub executors: Vec<ExecutorSpec>,
    /// Whether and where inputs are archived.
    pub decoy: Option<DecoySpec>,
    /// How is decided.
    pub policy: Arc<Policy>,
    /// What share of the results must come how soon.
    pub objectives: Vec<Objective>,
    /// The examples written in the file.
    pub examples: Vec<Example>,
}

/// What a request must look like: one JSON object with exactly these members, each a finite number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSchema {
    /// The members, in the order in which models take them.
    pub features: Vec<Arc<str>>,
}

/// One executor.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutorSpec {
    /// Its name.
    pub id: ExecutorId,
    /// Whether its answers may be chosen.
    pub role: Role,
    /// The candidate a canary is compared with; `None` for candidates.
    pub canary_of: Option<ExecutorId>,
    /// How long after a request's birth it may start.
    pub start_after: Duration,
    /// How many requests it works on at a time.
    pub concurrency: NonZeroUsize,
    /// What it runs.
    pub kind: ExecutorKind,
}

/// What an executor runs.
#[derive(Clone, Debug, PartialEq)]
pub enum ExecutorKind {
    /// An ONNX model in this process; the path is relative to the policy file's folder.
    Onnx(PathBuf),
    /// A model on an Open Inference Protocol v2 server: the URL of its `infer`.
    Http(String),
    /// Answers with the request's own body.
    Echo,
    /// Answers always the same JSON object, after `delay`.
    Constant {
        /// The answer, as JSON text.
        answer: Arc<str>,
        /// How long it takes.
        delay: Duration,
    },
}

/// Where inputs are archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoySpec {
    /// The folder, relative to the one that the process keeps its data in.
    pub archive: PathBuf,
    /// The longest time that an input waits before its file is written.
    pub every: Duration,
    /// How long files are kept; `None` keeps them for ever.
    pub keep: Option<Duration>,
}

/// A promise about latency, to measure results against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// How soon.
    pub within: Duration,
    /// The share that must be: above 0, at most 1.
    pub share: f64,
    /// Over how long a time.
    pub window: Duration,
}

// === impl Definition ===

impl Definition {
    /// Reads a policy file, `source` being the name to show in diagnostics: the definition, or every problem at once.
    pub fn parse(source: &str, text: &str) -> Result<Self, Diagnostics> {
        crate::lower::definition(source, text)
    }

    /// Returns the rendezvous' name.
    #[must_use]
    pub fn name(&self) -> &RendezvousName {
        &self.policy_ref.rendezvous
    }

    /// Returns the plan that each request of this version is stamped with.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::new(self.executors.iter().map(ExecutorSpec::asked).collect())
    }
}

// === impl ExecutorSpec ===

impl ExecutorSpec {
    pub(crate) fn asked(&self) -> wire::Asked {
        wire::Asked { executor: self.id.clone(), role: self.role, start_after: self.start_after }
    }
}

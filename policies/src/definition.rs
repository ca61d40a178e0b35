//! One rendezvous as its file defines it: what comes in, who is asked, how is decided.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use wire::{Attributes, Budget, ExecutorId, ModelName, Plan, PolicyRef, RendezvousName, Role};

use crate::{
    BreakerSpec, CanarySpec, Diagnostics, Memory, Policy, RankedList, Share, Start,
    clause::{Asking, Condition},
    example::Example,
};

/// What checking a file came to.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it means, if it means something.
    pub definition: Option<Definition>,
    /// Everything that there is to say about it: the errors if it means nothing, otherwise warnings.
    pub problems: Diagnostics,
}

/// A rendezvous, checked.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name and the version of its policy.
    pub policy_ref: PolicyRef,
    /// The file's text.
    pub text: Arc<str>,
    /// How long an answer may take, unless the request or its case asks for less.
    pub budget: Budget,
    /// What a request must look like.
    pub input: InputSchema,
    /// What a caller may say beside the input, as text: for cases and for the key.
    pub attributes: Vec<Arc<str>>,
    /// The ranked list that answers have, if they have one and canaries are compared by it.
    pub list: Option<RankedList>,
    /// Who is asked, in the file's order.
    pub executors: Vec<ExecutorSpec>,
    /// Who is asked, unless a case applies; made of `executors` once.
    pub(crate) everybody: Plan,
    /// Whether and where inputs are archived.
    pub decoy: Option<DecoySpec>,
    /// How is decided, unless a case applies.
    pub policy: Arc<Policy>,
    /// Requests that are decided about otherwise; the first whose condition holds applies.
    pub cases: Vec<Case>,
    /// Where a request says whom or what it is about, for the last known answer and for executors that keep state.
    pub key: Option<KeyPath>,
    /// How many people besides its author must approve a change of this policy.
    pub approvals: u32,
    /// What share of the results must come how soon.
    pub objectives: Vec<Objective>,
    /// The examples written in the file.
    pub examples: Vec<Example>,
}

/// What a request must look like: one JSON object with exactly these members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputSchema {
    /// The members that are finite numbers, in the order in which models take them.
    pub features: Vec<Arc<str>>,
    /// The members that are texts, in the order in which models take them.
    pub texts: Vec<Arc<str>>,
}

/// Requests that are decided about in a way of their own.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: Arc<str>,
    /// Which requests it is about.
    pub(crate) when: Arc<Condition>,
    /// How long an answer may take; never longer than the rendezvous' budget.
    pub budget: Budget,
    /// Who is asked, in the file's order.
    pub plan: Plan,
    /// How is decided.
    pub policy: Arc<Policy>,
}

/// Where a request says whom or what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPath {
    /// In a feature.
    Feature(Arc<str>),
    /// In an attribute.
    Attribute(Arc<str>),
}

/// How a request is to be treated: decided once, when it is fanned out.
#[derive(Clone, Debug)]
pub struct Route {
    /// The case that applies, by name.
    pub case: Option<Arc<str>>,
    /// How long its answer may take at most.
    pub budget: Budget,
    /// Who is asked.
    pub plan: Plan,
    /// Whom or what it is about.
    pub key: Option<Arc<str>>,
}

/// One executor.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutorSpec {
    /// Its name.
    pub id: ExecutorId,
    /// Whether its answers may be chosen.
    pub role: Role,
    /// How a canary is compared; `None` for candidates.
    pub canary: Option<CanarySpec>,
    /// When it may start.
    pub start: Start,
    /// It starts later for at most this share of the requests that ask it; `None` is no limit.
    pub hedges: Option<Share>,
    /// How many requests, or batches of them, it works on at a time.
    pub concurrency: NonZeroUsize,
    /// How many requests that wait at the same time it is given in one call at most; `None` leaves that to the model.
    pub max_batch: Option<NonZeroUsize>,
    /// What it runs.
    pub kind: ExecutorKind,
    /// Models of one family err together: a quota can ask for agreement across families.
    pub family: Option<Arc<str>>,
    /// What one answer costs, in whatever unit the policy's scores weigh it; 0 unless said.
    pub cost: f64,
    /// Those whose answers it is given beside the input, in its order; none for most.
    pub hears: Vec<ExecutorId>,
    /// How long after a request's birth it waits for them.
    pub wait: Duration,
    /// When it is no longer waited for; `None` if it always is, or never, as a canary.
    pub breaker: Option<BreakerSpec>,
    /// What it keeps about each key from one request to the next; `None` for those that remember nothing.
    pub state: Option<StateSpec>,
}

/// What belongs to an executor's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateSpec {
    /// The topic whose newest record about a key is that key's setting.
    pub settings: Option<Arc<str>>,
    /// The topic that its commands are written to.
    pub commands: Option<Arc<str>>,
}

/// What an executor runs.
#[derive(Clone, Debug, PartialEq)]
pub enum ExecutorKind {
    /// An ONNX model in this process; the path is relative to the policy file's folder.
    Onnx(PathBuf),
    /// A model on a server elsewhere.
    Server(ServerSpec),
    /// A function in a Python file, called in worker processes of its own.
    Python {
        /// The file, relative to the policy file's folder.
        file: PathBuf,
        /// The function's name.
        function: Arc<str>,
    },
    /// A WebAssembly component in this process.
    Wasm {
        /// The file, relative to the policy file's folder.
        file: PathBuf,
        /// How much memory an instance of it may have.
        memory: Memory,
    },
    /// A published model, under its name in the control topic.
    Model {
        /// Its name.
        name: ModelName,
        /// Which of its versions; `None` follows the live one.
        version: Option<Arc<str>>,
    },
    /// Whatever a program that is not ours answers, which reads the requests itself: nothing of it is loaded here.
    Elsewhere,
    /// Rust that was compiled into the process, under the name by which it is known there.
    Rust(Arc<str>),
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

/// A model on a server, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSpec {
    /// What the server speaks.
    pub protocol: Protocol,
    /// Where the model is: what stands behind the protocol's name in the policy.
    pub url: String,
    /// What it is told so that it lets us in; `None` says nothing.
    pub credentials: Option<Credentials>,
    /// How often a call that failed is made again, as long as the budget lasts.
    pub retries: u8,
}

/// What a model's server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The Open Inference Protocol v2 as JSON over HTTP; the URL is that of the model's `infer`.
    Http,
    /// The same over gRPC; the URL's path is the model's name.
    Grpc,
    /// TensorFlow Serving's REST; the URL ends in `:predict`.
    TensorFlow,
    /// Openscoring's REST, which evaluates PMML in a JVM; the URL's path ends in `/model/` and the model's name.
    Pmml,
}

/// Where a secret is to be found. A policy never holds one: everybody may read policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Where it is.
    pub secret: SecretRef,
    /// The header that it is sent in as it is; `None` sends `authorization: Bearer …`.
    pub header: Option<Arc<str>>,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// In an environment variable of whoever runs the executor.
    Env(Arc<str>),
    /// In a file on that machine, relative to the policy file's folder.
    File(PathBuf),
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
    /// Whether a degraded result (a default, the last known answer, an error) keeps it too.
    pub degraded_is_good: bool,
}

// === impl Protocol ===

impl Protocol {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Grpc, Self::TensorFlow, Self::Pmml];

    /// Returns what a policy calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::TensorFlow => "tensorflow",
            Self::Pmml => "pmml",
        }
    }
}

// === impl Objective ===

impl Objective {
    /// Returns whether a result keeps it that came `after` its request's birth. Whoever counts what is good asks this.
    #[must_use]
    pub fn is_kept(&self, is_prediction: bool, after: Duration) -> bool {
        (is_prediction || self.degraded_is_good) && after <= self.within
    }
}

// === impl Definition ===

impl Definition {
    /// Reads a policy file, `source` being the name to show in diagnostics: the definition, or every problem at once.
    pub fn parse(source: &str, text: &str) -> Result<Self, Diagnostics> {
        let Checked { definition, problems } = Self::check(source, text);
        definition.ok_or(problems)
    }

    /// Reads a policy file with everything there is to say about it, warnings too.
    #[must_use]
    pub fn check(source: &str, text: &str) -> Checked {
        crate::lower::check(source, text)
    }

    /// Reads a policy file as it lies on the disk: whatever is no text, or far too large, is a mistake like others.
    #[must_use]
    pub fn check_file(source: &str, bytes: &[u8]) -> Checked {
        crate::lower::check_file(source, bytes)
    }

    /// Returns whether somebody here keeps state, so that all requests about one key go one way.
    #[must_use]
    pub fn keeps_state(&self) -> bool {
        self.executors.iter().any(|spec| spec.state.is_some())
    }

    /// Returns the rendezvous' name.
    #[must_use]
    pub fn name(&self) -> &RendezvousName {
        &self.policy_ref.rendezvous
    }

    /// Returns the same definition as the version that it became by being published.
    #[must_use]
    pub fn at_version(mut self, version: u64) -> Self {
        self.policy_ref.version = version;
        self
    }

    /// Returns what is declared of the executor `name`, if there is one.
    #[must_use]
    pub fn executor(&self, name: &str) -> Option<&ExecutorSpec> {
        self.executors.iter().find(|spec| spec.id.as_str() == name)
    }

    /// Returns how a request with this valid `body` is to be treated: one JSON object of features. `within` is how long
    /// its answer may take, if the caller asks for less than the policy's budget. A condition that cannot be told, as
    /// when it divides by a feature that is 0, does not hold.
    #[must_use]
    pub fn route(&self, body: &[u8], attributes: &Attributes, within: Option<Budget>) -> Route {
        let budget = within.map_or(self.budget, |within| within.min(self.budget));
        if self.cases.is_empty() && self.key.is_none() {
            return Route { case: None, budget, plan: self.plan(), key: None };
        }
        let asking = Asking::read(body, &self.input, attributes, budget);
        let key = self.key.as_ref().and_then(|key| key.of(&asking, &self.input));
        match self.cases.iter().find(|case| case.when.holds(&asking)) {
            Some(case) => Route {
                case: Some(Arc::clone(&case.name)),
                budget: budget.min(case.budget),
                plan: case.plan.clone(),
                key,
            },
            None => Route { case: None, budget, plan: self.plan(), key },
        }
    }

    /// Returns how is decided about requests of `case`; `None` if there is no such case.
    #[must_use]
    pub fn policy_for(&self, case: Option<&str>) -> Option<&Arc<Policy>> {
        let Some(name) = case else { return Some(&self.policy) };
        self.cases.iter().find(|case| &*case.name == name).map(|case| &case.policy)
    }

    /// Returns the plan of the requests that no case is about.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.everybody.clone()
    }
}

// === impl InputSchema ===

impl InputSchema {
    /// Returns the schema of requests with these numbers and these texts.
    #[must_use]
    pub fn of(features: &[&str], texts: &[&str]) -> Self {
        let names = |all: &[&str]| all.iter().map(|name| Arc::from(*name)).collect();
        Self { features: names(features), texts: names(texts) }
    }

    /// Returns all members: the numbers, and behind them the texts.
    pub fn members(&self) -> impl Iterator<Item = &Arc<str>> {
        self.features.iter().chain(&self.texts)
    }
}

// === impl KeyPath ===

impl KeyPath {
    /// Returns what `asking` has there; nothing where a text is empty or not said.
    fn of(&self, asking: &Asking<'_>, input: &InputSchema) -> Option<Arc<str>> {
        match self {
            Self::Attribute(name) => asking.attributes.get(name).filter(|said| !said.is_empty()).map(Arc::from),
            Self::Feature(name) => {
                let place = |names: &[Arc<str>]| names.iter().position(|known| known == name);
                if let Some(place) = place(&input.texts) {
                    return asking.text(place).filter(|text| !text.is_empty()).map(Arc::from);
                }
                Some(asking.number(place(&input.features)?)?.to_string().into())
            }
        }
    }
}

#[cfg(test)]
mod tests;

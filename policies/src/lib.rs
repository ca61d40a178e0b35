//! The policy language and its meaning: from YAML, with every mistake named, to one verdict per request.
//!
//! Pure: time is an argument, there is no I/O, and it builds for `wasm32-unknown-unknown`. Reading order: `document`
//! (as written) → `lower` (checks) → `definition` and `policy` (as meant) → `evidence` → `clause` → `evaluation` →
//! `verdict` → `example`.

mod breaker;
mod canary;
mod circumstances;
mod clause;
mod definition;
mod diagnostic;
mod document;
pub mod duration;
pub mod edit;
mod evaluation;
mod evidence;
mod example;
mod explanation;
mod history;
mod learning;
mod list;
mod load;
mod lower;
mod meaning;
mod memory;
mod policy;
mod recorded;
mod rehearing;
mod sample;
mod schema;
pub mod sequence;
mod start;
mod time_curve;
mod trial;
mod verdict;
mod versions;
mod what_if;

pub use breaker::BreakerSpec;
pub use canary::{CanaryActs, CanarySpec, Margins, PromoteWhen};
pub use circumstances::{Circumstances, LastKnown, Latencies, Quantile};
/// The largest policy file, in bytes.
pub const FILE_BYTES_MAX: usize = document::FILE_MAX;

pub use definition::{
    Case, Checked, Credentials, DecoySpec, Definition, ExecutorKind, ExecutorSpec, InputSchema, KeyPath, Objective,
    Protocol, Route, SecretRef, ServerSpec, StateSpec,
};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use evaluation::{Evaluation, Heard, Step};
pub use evidence::{canonical_eq, canonical_text};
pub use example::{Example, ExampleOutcome, Expectation, Miss};
pub use explanation::{ClauseTold, ExecutorTold, Explanation, ReplayTold, StateTold, VerdictTold, WithMore, rfc3339};
pub use history::{
    Effect, Entry, History, NoVersion, PolicyShown, PolicyView, Refusal, Refused, RefusedView, State, TextView,
    TrialView, VersionView, admit,
};
pub use learning::{Learned, Learning, Lesson, Mistold, Truths};
pub use list::{NoList, RankedList};
pub use load::Load;
pub use meaning::{Change, ChangeKind, Difference, Origin, Outcome, Replay, diff};
pub use memory::Memory;
pub use policy::Policy;
pub use recorded::{Given, Recorded};
pub use rehearing::{Rehearing, Standing, Unreplayable};
pub use sample::Sampled;
pub use schema::SCHEMA;
pub use start::{Start, UsualStart};
pub use time_curve::{TimeCurve, TimeCurveReport, TimePoint};
pub use trial::{ArmTally, Opinion, PairTally, Share, Trial, TrialJudgement, TrialMode, TrialTally, Worsening};
pub use verdict::{
    ClauseBody, ClauseKind, ClauseNote, Completeness, DecidedBy, DecisionBody, Fallen, LastKnownBody, PatienceBody,
    Reason, Receipt, ReceiptBody, ReceiptEntry, ReceiptState, ResultBody, Verdict,
};
pub use versions::{Version, Versions};
pub use what_if::{ArmTold, ExampleTold, OutcomeTold, WhatIf, WhatIfReport};

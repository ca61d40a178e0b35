//! The policy language and its meaning: from YAML, with every mistake named, to one verdict per request.
//!
//! Pure: time is an argument, there is no I/O, and it builds for `wasm32-unknown-unknown`. Reading order: `document`
//! (as written) → `lower` (checks) → `definition` and `policy` (as meant) → `evidence` → `clause` → `evaluation` →
//! `verdict` → `example`.

mod clause;
mod definition;
mod diagnostic;
mod document;
mod evaluation;
mod evidence;
mod example;
mod lower;
mod policy;
mod verdict;

pub use definition::{DecoySpec, Definition, ExecutorKind, ExecutorSpec, InputSchema, Objective};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use evaluation::{Evaluation, Heard, Step};
pub use example::{Example, ExampleOutcome, Expectation};
pub use policy::Policy;
pub use verdict::{
    ClauseBody, ClauseKind, ClauseNote, Completeness, DecidedBy, DecisionBody, Reason, Receipt, ReceiptBody,
    ReceiptEntry, ReceiptState, ResultBody, Verdict,
};

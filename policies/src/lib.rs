//! The policy language and its meaning: from YAML, with every mistake named, to one verdict per request.
//!
//! Pure: time is an argument, there is no I/O, and it builds for `wasm32-unknown-unknown`. Reading order: `document`
//! (as written) → `lower` (checks) → `definition` and `policy` (as meant) → `clause` → `evidence` → `evaluation` → `verdict`.

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

pub use definition::{DecoySpec, Definition, ExecutorKind, ExecutorSpec, InputSchema};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use evaluation::{Evaluation, Heard, Step};
pub use example::{ExampleOutcome, Expectation};
pub use policy::Policy;
pub use verdict::{
    ClauseKind, ClauseNote, Completeness, DecidedBy, Reason, Receipt, ReceiptEntry, ReceiptState, Verdict,
};

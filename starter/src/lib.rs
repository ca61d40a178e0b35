//! The front doors: an input becomes a request, written once; a caller who waits gets the one result.
//!
//! Reading order: `input` (raw bytes, checked) → `plan` (the request) → `serving` (by which version) → `waiting` (who
//! waits for what) → `admission` (how many may be in flight) → `gate` (who is) → `starter` (one caller's way) → `run`
//! (the loops beside the callers) → `http` (the door for everybody else).

mod admission;
mod gate;
pub mod http;
mod input;
mod metrics;
mod plan;
mod progress;
mod refusal;
mod run;
mod serving;
mod starter;
mod waiting;

pub use admission::{Admission, AdmissionKind, Ended};
pub use input::{
    AttributeProblem, Digest, Input, InputReader, InvalidInput, InvalidReason, OpenInference, Parameter, Protocol,
    ReplyProblem, Said, TensorProblem, Wanted, budget,
};
pub use metrics::Metrics;
pub use plan::{Origin, Planner, Stated};
pub use progress::Progress;
pub use refusal::{Refusal, ShedBy};
pub use run::{Loops, StarterError, StarterStation, open};
pub use starter::{Answered, Inferred, Limits, RawInput, Row, Starter};
pub use waiting::{Noted, Seat, Ticket, Waiting};

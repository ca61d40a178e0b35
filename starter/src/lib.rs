//! The front doors: an input becomes a request, written once; a caller who waits gets the one result.
//!
//! Reading order: `input` (raw bytes, checked) → `plan` (the request) → `waiting` (who waits for what) → `starter` (one
//! caller's way) → `run` (the loops beside the callers) → `http` (the door for everybody else).

pub mod http;
mod input;
mod metrics;
mod plan;
mod progress;
mod refusal;
mod run;
mod starter;
mod waiting;

pub use input::{Input, InputReader, InvalidInput, InvalidReason, OpenInference, Protocol, TensorProblem};
pub use metrics::Metrics;
pub use plan::{Origin, Planner};
pub use refusal::Refusal;
pub use run::{Loops, StarterError, StarterStation, open};
pub use starter::{Answered, Limits, RawInput, Starter};

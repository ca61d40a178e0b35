//! The trace of one request: what the log holds about it, told as a tree of spans after OpenTelemetry's conventions.
//!
//! Pure: records go in, spans come out; no clock, no I/O. Law: *the log is the trace*. Whoever reads the same records
//! tells the same spans under the same ids, now or a day later, here or elsewhere.
//! Reading order: `tree` (what spans there are) → `span` (what one is) → `conventions` (what things are called) →
//! `sampling` (whose traces are kept) → `told` (what a collector hands over).
//! How spans are sent it deliberately does not know.

mod conventions;
mod sampling;
mod span;
mod told;
mod tree;

pub use conventions::Conventions;
pub use sampling::{Kept, Miss, Sampling, Share};
pub use span::{Attribute, Event, Kind, Link, Span, Station, Status, Value};
pub use told::{Late, Told, Whole};
pub use tree::{Place, late, spans};

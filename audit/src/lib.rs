//! Proves the promise from the topics alone: for each accepted request exactly one valid result, or each violation with
//! its offsets.
//!
//! Pure: records with their offsets and append times go in, in each topic's order and the topics in any; findings come
//! out. It deliberately does not know how records are read, nor what time it is: it is told up to when results were read.
//!
//! Laws, each tested by name:
//! - *Nothing planted is overlooked*: each kind of violation is found with its offsets.
//! - *The same as a naive reading*: whatever lies in the log, counts and offsets are those of a quadratic reference.
//! - *A cut log accuses nobody*: what is found in the rest of a log is found in the whole log too; what the rest cannot
//!   tell is counted as unjudged.
//! - *Bounded*: per partition so many ids and no more (`Limits`); what had to be forgotten is unjudged, not guessed.

mod finding;
mod memory;
mod page;
mod partition;
mod report;
mod rights;
mod scope;

pub use finding::{DegradedTold, GarbageTold, Kind, LateTold, PlaceTold, Unjudged, Violation};
pub use partition::PartitionAudit;
pub use report::{Counts, DeadLetters, PartitionTold, Report};
pub use rights::{FenceTold, Standing};
pub use scope::{Beginning, Ending, Limits, Place, Scope};

#[cfg(test)]
mod tests;

//! The comparison: reads what canaries and their references said, counts it beside the pipeline, and writes down what
//! was counted, from where it goes on whatever kills it.
//!
//! Nobody waits for it, and nothing that it does changes a result. What it writes (`NAME.comparisons`) is both the
//! report's numbers and the place to go on from, in one record: so no pair is counted twice and none is lost.
//! Reading order: `feed` (one topic, no further ahead than the others) → `partition` (three of them, counted) →
//! `publishing` (when that is worth writing down) → `kept` (what is written) → `compared` (all partitions added up) →
//! `run` (the loop, which decides nothing) → `referee` (what is done about canaries by itself).

mod compared;
mod feed;
mod kept;
mod metrics;
mod partition;
mod publishing;
mod referee;
mod run;

pub use compared::{Compared, read};
pub use kept::{Kept, KeptError};
pub use metrics::Metrics;
pub use partition::{Action, Partition, Start, Told};
pub use run::{ComparisonError, ComparisonStation, LOOK_BACK, begin_at, run, topics_of};

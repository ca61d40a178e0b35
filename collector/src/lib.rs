//! The collector: for each request one verdict, and for each verdict one result in the log.
//!
//! Reading order: `rendezvous` (requests meet their responses) → `breakers` (who is not waited for) → `ledger` (who may write the result) → `partition`
//! (both, for one partition) → `surroundings` (what all partitions share: versions, how early is in time, how fast
//! executors are, what was answered last) → `run` (the loop) → `metrics`.

mod breaker;
mod breakers;
pub mod ledger;
mod memory;
mod metrics;
mod partition;
mod recent;
pub mod rendezvous;
mod run;
mod speeds;
mod surroundings;
mod traced;
mod watermarks;
mod way_back;

pub use memory::Memory;
pub use metrics::{Fact, Metrics, Outcome};
pub use partition::{Output, Partition, Source};
pub use run::{CollectorError, CollectorStation, Traces, run};
pub use speeds::Speeds;
pub use surroundings::Surroundings;
pub use traced::Traced;
pub use watermarks::{UnreadableNote, Watermarks};
pub use way_back::WayBack;

//! The collector: for each request one verdict, and for each verdict one result in the log.
//!
//! Reading order: `rendezvous` (requests meet their responses) → `ledger` (who may write the result) → `partition`
//! (both, for one partition) → `way_back` (how early is in time) → `run` (the loop) → `metrics`.

pub mod ledger;
mod metrics;
mod partition;
pub mod rendezvous;
mod run;
mod watermarks;
mod way_back;

pub use metrics::Metrics;
pub use run::{CollectorError, CollectorStation, run};
pub use watermarks::{UnreadableNote, Watermarks};
pub use way_back::WayBack;

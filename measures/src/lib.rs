//! What became of requests, counted over time: how objectives stand, and which stage is to blame where they do not.
//!
//! Pure: no clock, no I/O. What was recorded of a request goes in, counts come out, and counts add up: over processes,
//! over partitions, over time.
//! Reading order: `times` (histograms) → `series` (slices of time) → `objective` (budgets and how fast they burn) →
//! `blame` (one request's time, stage by stage).
//! How records are read and how counts are shown it deliberately does not know.

mod blame;
mod objective;
mod series;
mod times;

pub use blame::{Split, Stage};
pub use objective::{Alert, Burn, Results, Standing};
pub use series::Series;
pub use times::Times;

//! What became of requests, counted over time: how objectives stand, and which stage is to blame where they do not.
//!
//! Pure: no clock, no I/O. What was recorded of a request goes in, counts come out, and counts add up: over processes,
//! over partitions, over time.
//! Reading order: `times` (histograms) → `series` (slices of time) → `objective` (budgets and how fast they burn) →
//! `blame` (one request's time, stage by stage) → `executor`, `uses` and `sum` (all that is counted) → `diary` (slice by slice,
//! by one process and by all) → `feed` (as it is told) → `overview` (what people look at).
//! How records are read and how counts are shown it deliberately does not know.

mod blame;
mod diary;
mod executor;
mod feed;
mod objective;
mod overview;
mod series;
mod sum;
mod times;
mod uses;

pub use blame::{Awaited, Passage, Split, Stage, Stages};
pub use diary::{Chronicle, Diary, Slice};
pub use executor::{Executor, Failed};
pub use feed::Feed;
pub use objective::{Alert, Burn, Results, Rule, Standing};
pub use overview::{Blame, Latency, Overview, Point, Promise, Rate, Runner, Share};
use series::{COUNT as LEVELS, Series};
pub use sum::{Decided, Spent, Sum};
pub use times::{Malformed, Times};
pub use uses::{Used, Uses, VERSIONS_MAX};

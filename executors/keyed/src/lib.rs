//! What an executor keeps about each key: one partition of requests, and all that must survive whoever serves it.
//!
//! Pure. The station reads requests, takes steps and writes transactions as it is told here, and decides nothing.
//! Reading order: `kept` (a record of the topic that holds the state) → `place` (what is committed with it) → `known` →
//! `settings` → `partition`.

mod kept;
mod known;

mod partition;
mod place;
mod settings;

pub use kept::{Kept, Unreadable};
pub use known::{BYTES_MAX, KEYS_MAX};
pub use partition::{ANSWER_MAX, Asked, Partition, STATE_MAX, Taken};
pub use place::Place;
pub use settings::Settings;

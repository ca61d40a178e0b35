//! Deterministic simulation: every station's pure part over a simulated log with a virtual clock and one seed.
//!
//! It is the production code that is played, and no model of it: `collector::Partition`, an executor's `Progress`, the
//! starter's `Planner` and `Waiting`, `decoy::Partition`, the sealer's `Partition` and `Batch`, `policies::History`. Around it everything is simulated and comes from one seed:
//! the log, the group, what becomes of what is sent, who dies when. Afterwards the story is judged: `invariants` has one
//! file for each promise.
//!
//! Law: the same seed gives the same story, to the letter.
//! Reading order: `weather` (how bad it gets) → `world` → `net` → `processes` → `story` → `invariants`.

pub mod dice;
pub mod group;
pub mod invariants;
pub mod log;
pub mod net;
pub mod policies;
pub mod processes;
pub mod reference;
pub mod seeds;
pub mod sights;
pub mod story;
pub mod truth;
pub mod weather;
pub mod world;

pub use invariants::{Broken, is_in_order, judge};
pub use sights::{Sight, Sights};
pub use world::{Played, play, play_unread};

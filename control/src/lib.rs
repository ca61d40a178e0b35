//! How policies change while they run: one follower in each process folds the control topic into the versions that
//! its stations see; whoever wants a change writes it there and learns from the same fold what came of it.
//!
//! Nothing here decides what a change leads to: that is `policies::History`, pure. Reading order: `follower` →
//! `shelf` → `publish` → `published` (models) → `door`.

pub mod door;
mod follower;
mod metrics;
mod publish;
mod published;
mod shelf;

pub use door::Access;
pub use follower::{FollowError, Follower, topics};
pub use metrics::Metrics;
pub use policies::{PolicyView, RefusedView, TrialView, VersionView};
pub use publish::{Outcome, PublishError, RefusedChange};
pub use published::{ModelBytes, ModelOutcome, RefusedModelChange, WantedModel};

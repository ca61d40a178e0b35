//! What an executor is, for those who run models: the trait, the input that it is asked about, and how a model's outputs
//! become an answer. A kind of one's own needs this crate and no other of ours.
//!
//! Reading order: `executor` (the trait) → `answer` → the two kinds that run no model, `echo` and `constant`; for one that
//! remembers, `keyed`.

pub mod answer;
mod constant;
mod echo;
mod executor;
mod features;
mod keyed;
mod version;

use std::sync::Arc;

pub use constant::Constant;
pub use echo::Echo;
pub use executor::{Executor, Input, failed};
pub use features::zeros;
pub use futures::future::BoxFuture;
pub use keyed::{Keyed, Memory, Step, Turn};
pub use version::version_of;
use wire::Timestamp;

/// The time as the log has it, for whoever must know how much of a budget is left.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

//! What is wrong, and whom to tell: conditions, health, lag, and who is told of which, when and how often.
//!
//! Pure: no clock, no I/O.
//! Reading order: `condition` (what is wrong) → `notifier` (who is told, and when) → `payload` (in which words) → `health` and
//! `lag` (what pages show beside it).
//! Where all this is learned of it deliberately does not know.

mod condition;
mod health;
mod lag;
mod notifier;
mod payload;

pub use condition::{Condition, Kind, Severity};
pub use health::{Dependency, DependencyKind, Health, State};
pub use lag::{Lag, Lags};
pub use notifier::{Answer, Delivery, Notice, Notifier, Observation, Rules, Scope, Word};
pub use payload::{generic, slack};

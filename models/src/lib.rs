//! Models as data: which are published, in which versions, and which of these serves; folded out of the control topic;
//! and what each did.
//!
//! Pure. It knows neither the log nor a clock nor where bytes come from. Reading order: `registry` → `entry` →
//! `refusal` → `reference` → `view` → `numbers` → `stats`.

mod entry;
mod numbers;
mod reference;
mod refusal;
mod registry;
mod stats;
mod view;

pub use entry::{Entry, State};
pub use numbers::{Batches, Duration, Numbers};
pub use reference::{Pick, Reference, ReferenceError};
pub use refusal::{Refusal, Refused};
pub use registry::{Effect, Model, Registry, Unresolved};
pub use stats::{Counted, ModelStats, RunBy, VersionStats};
pub use view::{Lineage, ModelView, RefusedView, VersionView};

/// Returns bytes as hexadecimal digits: how hashes are written.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}

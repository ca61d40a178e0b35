//! A model in Rust that remembers nothing: whoever is asked about a wine looks which ones are most like it, and says which
//! grower has most of them.
//!
//! `neighbours` is all there is to it.

mod neighbours;

pub use neighbours::Neighbours;

use std::sync::Arc;

use executors::Kinds;

/// Returns what is compiled in: `rust: neighbours`.
#[must_use]
pub fn kinds() -> Kinds {
    Kinds::default().with("neighbours", |spec, schema| Ok(Arc::new(Neighbours::new(&spec.id, schema)?)))
}

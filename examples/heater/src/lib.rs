//! A thermostat: an executor that keeps state. Below what is wanted it switches a heater on, above it off, and in
//! between it leaves it as it is.
//!
//! `thermostat` is pure and all there is to it; `house` is three rooms in winter, to see it work.

pub mod house;
mod thermostat;

pub use thermostat::{Setting, Stands, Switch, Thermostat, decide};

use std::sync::Arc;

use executors::Kinds;

/// Returns what is compiled in: `rust: thermostat`.
#[must_use]
pub fn kinds() -> Kinds {
    Kinds::default().with_keyed("thermostat", |spec| Ok(Arc::new(Thermostat::new(&spec.id))))
}

//! The log in this process: for one machine, for tests and for the simulation.

/// A log in this process.
pub struct EmbeddedBus {}

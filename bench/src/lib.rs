//! What the benchmark's two programs share: the work of the pure core, and the line that a measurement is reported in.

pub mod joining;

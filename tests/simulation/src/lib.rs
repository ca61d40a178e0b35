//! Deterministic simulation: every station's pure part over a simulated log with a virtual clock and one seed.

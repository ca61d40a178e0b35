//! What is measured: one file each.

pub(crate) mod pure_core;

//! Logs that are made up, and what must be found in them.

mod cut;
mod differential;
mod log;
mod planted;
mod told;

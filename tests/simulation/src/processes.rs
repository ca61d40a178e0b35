//! The stations as processes that live, die and begin again: the production code's pure parts, each driven as its own
//! loop drives it.

pub mod collector;
pub mod crew;
pub mod decoy;
pub mod executor;
pub mod sealer;
pub mod starter;
pub mod vandal;

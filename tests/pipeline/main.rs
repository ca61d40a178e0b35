//! Whole rendezvous, from an input to one result, on the embedded bus and on a real Kafka.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod acting;
mod alerts;
mod audit;
mod cases;
mod clocks;
mod comparing;
mod edits;
mod embedded;
mod explain;
mod fields;
mod garbage;
mod judges;
mod kafka;
mod learn;
mod model_stats;
mod models;
mod processes;
mod python;
mod receiver;
mod rendezvous;
mod replying;
mod results;
mod schemas;
mod sdk;
mod sealing;
mod self_test;
mod sockets;
mod stopping;
mod telemetry;
mod top;
mod traces;
mod wasm;

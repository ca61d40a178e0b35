//! hedgerow: several models, one answer, on time.
//!
//! The stations are crates of their own; here they are wired together ([`app`]), reached ([`settings`]), commanded
//! ([`cli`]) and put under load ([`load`], [`observer`]). Nothing here decides anything about a request.

pub mod alerting;
pub mod app;
pub mod auditing;
pub mod canaries;
pub mod cli;
pub mod console;
pub mod door;
pub mod doors;
pub mod explain;
pub mod health;
pub mod lagging;
pub mod load;
pub mod measuring;
pub mod observer;
pub mod otlp;
pub mod oversight;
pub mod policy_file;
pub mod publications;
pub mod recordings;
pub mod results;
pub mod scrape;
pub mod self_test;
pub mod settings;
pub mod station;
pub mod timekeeping;
pub mod value_of_time;

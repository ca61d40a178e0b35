//! What other tools are told about rendezvous: Prometheus' rules from their objectives, a dashboard for Grafana, and
//! their topics as an `AsyncAPI` document.
//!
//! Pure, and the same text for the same policies. Every metric in it is one of `docs/metrics.md`; when a budget burns too
//! fast is said by `measures::Rule`, as for the console.
//! Reading order: `query` (what is asked of Prometheus) → `alerts` → `grafana`; `asyncapi`.

mod alerts;
mod asyncapi;
mod grafana;
mod query;

pub use alerts::alerts;
pub use asyncapi::asyncapi;
pub use grafana::dashboard;

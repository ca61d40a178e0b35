//! What other tools are told about rendezvous: Prometheus' rules from their objectives, and a dashboard for Grafana.
//!
//! Pure, and the same text for the same policies. Every metric in it is one of `docs/metrics.md`; when a budget burns too
//! fast is said by `measures::Rule`, as for the console.
//! Reading order: `query` (what is asked of Prometheus) → `alerts` → `grafana`.

mod alerts;
mod grafana;
mod query;

pub use alerts::alerts;
pub use grafana::dashboard;

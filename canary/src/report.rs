//! Everything there is to say about one canary, as one value that JSON, Markdown, pages and terminals are rendered from.
//!
//! Laws: the first thing it says is the verdict and why; each number stands beside how many requests it rests on; what
//! was left out is counted by why. Its field names are stable and described by `SCHEMA`.

mod build;
mod course;
mod digest;
mod lists;
mod told;

pub use lists::{LikenessTold, ListsTold};
pub use told::{
    AgreementTold, CourseTold, Curve, DifferenceTold, DriftTold, FailuresTold, ImpactTold, Interval, LatencyTold,
    MatrixTold, MetricTold, NoiseTold, NumbersTold, QuantileTold, Report, RequestsTold, SegmentTold, SideTold,
};

/// The schema of a report: JSON Schema, draft 2020-12.
pub const SCHEMA: &str = include_str!("../report.schema.json");

#[cfg(test)]
mod tests;

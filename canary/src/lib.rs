//! A canary beside its reference: every answer of both to the same request, what they come to, and what to do about it.
//!
//! Pure: no clock, no I/O. Records and the time go in, a `Report` comes out.
//! Reading order: `pairing` (records of three topics meet, each request once) → `pair` (what one request shows) →
//! `ranking` (how alike two lists are) →
//! `tally` (counts alone, so that no order matters and partitions add up) → `statistics` (what counts prove, however
//! often one looks) → `segments` (where it is worse) → `judge` (the verdict) → `report` (all of it, to be rendered) →
//! `comparison` (all of that for one partition, with checkpoints) → `acting` (a canary that stands otherwise) → `referee`
//! (what is done by itself).
//! Where records are read, what YAML says and how a report looks it deliberately does not know.

mod acting;
mod cells;
mod comparison;
mod judge;
mod matchup;
mod pair;
mod pairing;
mod ranking;
mod referee;
mod report;
mod segments;
pub mod statistics;
mod tally;
#[cfg(test)]
mod testing;

pub use acting::{Acted, act};
pub use cells::Cells;
pub use comparison::{Checkpoint, Comparison, Known};
pub use judge::{Finding, Metric, Verdict, conclude, findings};
pub use matchup::Matchup;
pub use pair::{Excluded, Impact, Pair, Said, Side};
pub use pairing::{Limits, Pairing, Place, Positions, Settled, Topic};
pub use policies::Margins;
pub use ranking::{Likeness, Ranking};
pub use referee::{REFEREE, Ruling, may_act, rule};
pub use report::{
    AgreementTold, CourseTold, Curve, DifferenceTold, DriftTold, FailuresTold, ImpactTold, Interval, LatencyTold,
    LikenessTold, ListsTold, MatrixTold, MetricTold, NoiseTold, NumbersTold, QuantileTold, Report, RequestsTold,
    SCHEMA, SegmentTold, SideTold,
};
pub use segments::{Segment, Segments};
pub use tally::{Ledger, Tally};

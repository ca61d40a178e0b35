//! The decoy: an executor that answers nothing and archives exactly what was asked, once, as Parquet.
//!
//! `segment` and `partition` decide (pure: time and positions in, actions out), `archive` publishes files so that no
//! two writers can ever overlap, `run` is the loop between the bus and the archive.

mod archive;
mod metrics;
mod partition;
mod run;
mod segment;

pub use archive::{Archive, ArchiveError, ArchivedRecord, Label, Published, Sealed, Survey, read};
pub use metrics::Metrics;
pub use partition::{Action, Partition, Report};
pub use run::{DecoyError, DecoyStation, run};
pub use segment::{Covered, Limits};

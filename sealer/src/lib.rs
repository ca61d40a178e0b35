//! The sealer: copies valid results, each once and in a transaction, to where plain consumers read them.
//!
//! Whoever reads the results must run the reader's rule (`wire::ResultsReader`). For consumers that cannot, the sealer
//! runs it for them: off the path of a request, tens of milliseconds behind it. Where it stands is committed in the same
//! transaction as what it copied, so that whatever happens to it each result is copied once.
//!
//! By the same means results go to the topics that their callers named: the replier is a sealer with another destination.

mod batch;
mod metrics;
mod partition;
mod place;
mod reply;
mod run;

pub use batch::{Batch, Copied};
pub use metrics::{Metrics, Reason};
pub use partition::{Gone, Heard, Partition, Reach};
pub use place::Place;
pub use run::{Destination, SealerError, SealerStation, run};

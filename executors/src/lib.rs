//! Executors: they score requests with models, on time or not at all.
//!
//! Several in one process share one fetch and one decoding; each has a thread of its own, so that a model that hangs,
//! panics or is slow harms nobody else. What an executor is stands in `executor/`, the kinds beside it. Reading order: `load` → `run` → `fetch` → `crew` → `desk` → `backlog` → `batch` → `work` → `progress`
//! → `parting`; for published models `published` → `rehearsal` → `parity`; what is told of models `uses`; for those who keep state, `keyed`; for judges, who hear others, `hearing` → `judging`; for those who start later, `hedging` → `verdicts`.

mod backlog;
mod batch;
mod crew;
mod desk;
mod ear;
mod fetch;
mod hearing;
mod hedging;
mod judging;
mod keyed;
mod kinds;
mod load;
mod metrics;
mod parity;
mod parked;
mod parting;
mod post;
mod progress;
mod published;
mod rehearsal;
mod run;
mod thread;
mod uses;
mod verdicts;
mod work;

pub use executor::{Constant, Echo, Executor, Input, Keyed, Memory, Step, Turn};
pub use kinds::Kinds;
pub use load::{LoadError, Loader, Loading, by_kind};
pub use metrics::Metrics;
pub use parked::{CAPACITY, Parked};
pub use post::{Post, Published, wanted};
pub use progress::Progress;
pub use run::{ExecutorsError, ExecutorsStation, run, run_with};

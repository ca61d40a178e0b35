//! Executors: they score requests with models, on time or not at all.
//!
//! Several in one process share one fetch and one decoding; each has a thread of its own, so that a model that hangs,
//! panics or is slow harms nobody else. Reading order: `executor` (the trait) → the kinds (`onnx`, `http`, `echo`,
//! `constant`) → `run` → `fetch` → `crew` → `desk` → `backlog` → `batch` → `work` → `progress`
//! → `parting`; for judges, who hear others, `hearing` → `judging`; for those who start later, `hedging` → `verdicts`.

mod answer;
mod backlog;
mod batch;
mod constant;
mod crew;
mod desk;
mod ear;
mod echo;
mod executor;
mod features;
mod fetch;
mod hearing;
mod hedging;
mod http;
mod judging;
mod load;
mod metrics;
mod onnx;
mod parked;
mod parting;
mod post;
mod progress;
mod run;
mod thread;
mod verdicts;
mod work;

pub use constant::Constant;
pub use echo::Echo;
pub use executor::{Executor, Input};
pub use http::{Http, HttpError, Takes};
pub use load::{LoadError, Loader, Loading, by_kind};
pub use metrics::Metrics;
pub use onnx::{LibraryError, Onnx, OnnxError};
pub use parked::{CAPACITY, Parked};
pub use post::{Post, wanted};
pub use progress::Progress;
pub use run::{ExecutorsError, ExecutorsStation, run, run_with};

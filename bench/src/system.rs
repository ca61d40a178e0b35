//! What can be measured: whatever takes a question and answers it once.

mod bare;
mod counter;
mod hedgerow;
mod in_process;
mod peer;
mod plain;
mod published;
mod ray;
mod stations;
mod streams;

use std::sync::atomic::{AtomicU32, Ordering};

use bus::BoxFuture;

use crate::cpu::Whose;

pub(crate) use self::{
    bare::{Bare, Shape},
    hedgerow::{Hedgerow, Order, Voting},
    in_process::InProcess,
    plain::Plain,
    published::Published,
    ray::Ray,
    streams::{Guarantee, Streams},
};

/// A system that runs, until it is stopped.
pub(crate) trait System: Send + Sync {
    /// Returns what it is called in a line.
    fn name(&self) -> &'static str;

    /// Asks one question, once it is polled: whatever asking takes is done by the caller's own task, in every system.
    fn ask(&self) -> BoxFuture<'static, Answer>;

    /// Returns whose processor time is its own.
    fn whose(&self) -> Whose {
        Whose::All
    }

    /// Returns what else it can tell of the `asked` requests that it was given, by name.
    fn tells(&self, _asked: u64) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// Stops it, and returns what its log says; `None` if it has none that could say anything.
    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>>;
}

/// What came of one question, as whoever asked it saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What the executors said.
    Prediction,
    /// They said too little in time, and that was said in time.
    Default,
    /// It was not taken on.
    Shed,
    /// Nothing.
    Nothing,
}

/// What a log of results holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Requests with a valid result.
    pub(crate) answered: u64,
    /// Valid results beyond the first of a request.
    pub(crate) second: u64,
}

/// Returns a name that no system has had, in this run or in another on the same broker: each measurement has topics of its
/// own, which are read from their beginning.
pub(crate) fn fresh(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

//! An executor that remembers: one step takes what is known about a key, its setting and an input to an answer, and to
//! what is known from then on.

use bytes::Bytes;
use futures::future::BoxFuture;
use wire::{Failure, ModelVersion, Timestamp};

use crate::executor::Input;

/// Answers inputs by what it knows about their keys. The station keeps what it knows, gives it every request that asks
/// it in the order of the log, one after the other, and takes each step into account exactly once, whatever crashes.
///
/// So a step must do nothing but return: what it would do otherwise may be done again, or for a step that never counts.
pub trait Keyed: Send + Sync + 'static {
    /// Returns what follows from an input, or why nothing does; then everything stays as it was.
    fn step<'a>(&'a self, turn: Turn<'a>) -> BoxFuture<'a, Result<Step, Failure>>;

    /// Returns which model takes the steps.
    fn model(&self) -> ModelVersion;
}

/// All that a step may look at.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Whom or what the input is about.
    pub key: &'a str,
    /// What is known about it, one JSON value; `None` if nothing is.
    pub state: Option<&'a [u8]>,
    /// The newest record about the key in the topic of settings, as it is there; `None` if there is none.
    pub setting: Option<&'a [u8]>,
    /// The input.
    pub input: &'a Input,
    /// When the request was taken in: the only time that is the same whenever the step is taken.
    pub born: Timestamp,
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The answer, one JSON object.
    pub answer: Bytes,
    /// What is known about the key from now on.
    pub state: Memory,
    /// What is to be done about it, for the topic of commands: written there once, and together with the state.
    pub command: Option<Bytes>,
}

/// What becomes of what is known about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It stays.
    Same,
    /// It is this JSON value now.
    Is(Bytes),
    /// Nothing is known any more.
    Forgotten,
}

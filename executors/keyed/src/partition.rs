//! One partition of the requests, served in the order of the log: what is known about each key, and what is not answered.
//!
//! Pure. Laws, each tested by name:
//! - *Each step once*: whatever crashes when, and whoever serves on after it has lost the partition, what is known in the
//!   end is what every request led to, each taken once and in order; so are the commands.
//! - *Each request answered*, and whoever answers it again says the same: an answer is kept with what it led to, until the
//!   log has it.
//! - *Bounded*: keys, bytes, and the size of what a step returns; answers are held until nobody waits for them.
//!
//! Who serves it writes, in one transaction, the records that `on_stepped` returned and `place`; a member of the group that
//! has lost the partition cannot. Only then he sends responses. So what a step led to is known to every successor before
//! anybody else hears of it, and a step that nobody will know of has said nothing. A successor reads the records until the
//! one whose number the place tells, sends what was not answered, and goes on with the first request behind.

use std::collections::BTreeMap;

use bytes::Bytes;
use executor::{Memory, Step, failed};
use wire::{Failure, ModelVersion, Reply, RequestId, Timestamp};

use crate::{
    kept::{Kept, json},
    known::Known,
    place::Place,
};

/// What is known about one key is this large at most, in bytes.
pub const STATE_MAX: usize = 64 << 10;
/// An answer is this large at most; it lies in one record with what is known.
pub const ANSWER_MAX: usize = 256 << 10;

/// A partition, as far as it was served.
#[derive(Clone, Debug)]
pub struct Partition {
    known: Known,
    /// The first request that no step was taken for; `None` if there never was one.
    next: Option<i64>,
    /// The number of the last record.
    number: u64,
    /// What was answered and is not in the log of responses for sure, by the request's offset.
    open: BTreeMap<i64, Kept>,
    restoring: Option<Restoring>,
}

/// How much of the state is still to be read.
#[derive(Clone, Copy, Debug)]
struct Restoring {
    /// The number of its last record; `None` if that was not committed, or no more: all there is.
    until: Option<u64>,
    /// Before this request everything is answered.
    answered: i64,
}

/// A request that a step is taken for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where it lies.
    pub offset: i64,
    /// The request.
    pub request: RequestId,
    /// Whom or what it is about.
    pub key: Option<String>,
    /// When its result is due.
    pub due: Timestamp,
}

/// A step that was taken: what is to be written in the next transaction.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is known from then on, and what is to be answered once that is written.
    pub kept: Kept,
    /// What is to be written to the topic of commands.
    pub command: Option<Bytes>,
}

// === impl Partition ===

impl Partition {
    /// Opens a partition that the group has committed up to there, with that note, or never; `has_records` says whether
    /// there are any of its state.
    #[must_use]
    pub fn open(committed: Option<(i64, &str)>, has_records: bool) -> Self {
        let place = committed.and_then(|(next, note)| Place::parse(next, note));
        let restoring = match place {
            Some(place) => Restoring { until: Some(place.kept), answered: place.next },
            // The group forgets what was committed long ago, or an operator has moved the offset.
            None => Restoring { until: None, answered: committed.map_or(0, |(next, _)| next) },
        };
        let is_needed = has_records && restoring.until != Some(0);
        Self {
            known: Known::default(),
            next: place.map(|place| place.applied).or(committed.map(|(next, _)| next)),
            number: 0,
            open: BTreeMap::new(),
            restoring: is_needed.then_some(restoring),
        }
    }

    /// Hears a record of the state, before the partition is served.
    pub fn on_kept(&mut self, kept: Kept) {
        let Some(restoring) = self.restoring else { return };
        // Old offsets of a topic that was created again are not told from new ones, numbers are.
        if restoring.until.is_some_and(|until| kept.number > until) {
            return;
        }
        if let Some(key) = &kept.key {
            self.known.put(key, kept.state.clone());
        }
        self.number = self.number.max(kept.number);
        if restoring.until.is_none() {
            self.next = self.next.max(Some(kept.offset + 1));
        }
        if kept.offset >= restoring.answered {
            self.open.insert(kept.offset, kept);
        }
        if restoring.until == Some(self.number) {
            self.restoring = None;
        }
    }

    /// Takes what was read of the state for all there is; returns whether that is less than there should be.
    pub fn on_end(&mut self) -> bool {
        self.restoring.take().is_some_and(|restoring| restoring.until.is_some())
    }

    /// Returns whether all of its state was read, so that it can be served.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.restoring.is_none()
    }

    /// Returns whether it was committed how much there is of its state.
    #[must_use]
    pub fn is_known_to_end(&self) -> bool {
        self.restoring.is_some_and(|restoring| restoring.until.is_some())
    }

    /// Returns the first request to be read; `None` for the oldest that the log holds.
    #[must_use]
    pub fn start(&self) -> Option<i64> {
        self.next
    }

    /// Returns what was answered and is not in the log for sure: it is to be sent again, if it was ever sent.
    pub fn unanswered(&self) -> impl Iterator<Item = &Kept> {
        self.open.values()
    }

    /// Returns whether the record at `offset` is one that was not dealt with.
    #[must_use]
    pub fn is_new(&self, offset: i64) -> bool {
        self.next.is_none_or(|next| next <= offset)
    }

    /// Passes over a record that asks for nothing here.
    pub fn on_passed(&mut self, offset: i64) {
        self.next = Some(offset + 1);
    }

    /// Returns what is known about `key`.
    #[must_use]
    pub fn known(&self, key: &str) -> Option<&Bytes> {
        self.known.get(key)
    }

    /// Returns how many keys something is known about.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.known.len()
    }

    /// Takes a step into account; what came of it is to be written, then to be sent.
    pub fn on_stepped(&mut self, asked: Asked, model: ModelVersion, outcome: Result<Step, Failure>) -> Taken {
        let Asked { offset, request, key, due } = asked;
        debug_assert!(self.is_new(offset), "steps are taken in the order of the log");
        let outcome = outcome.and_then(|step| self.check(key.as_deref(), step));
        let (reply, command) = match outcome {
            Ok(Step { answer, state, command }) => {
                if let Some(key) = &key {
                    match state {
                        Memory::Same => {}
                        Memory::Is(state) => self.known.put(key, Some(state)),
                        Memory::Forgotten => self.known.put(key, None),
                    }
                }
                (Reply::Answer(answer), command)
            }
            Err(failure) => (Reply::Failure(failure), None),
        };
        (self.number, self.next) = (self.number + 1, Some(offset + 1));
        let state = key.as_deref().and_then(|key| self.known.get(key)).cloned();
        let kept = Kept { number: self.number, offset, key, state, request, due, model, reply };
        self.open.insert(offset, kept.clone());
        Taken { kept, command }
    }

    /// The log has the response about `offset`, or nobody waits for it.
    pub fn on_answered(&mut self, offset: i64) {
        self.open.remove(&offset);
    }

    /// Forgets answers that nobody waits for any more.
    pub fn expire(&mut self, now: Timestamp) {
        self.open.retain(|_, kept| kept.due > now);
    }

    /// The log holds nothing before `low`, or ends before what was read: goes on there, with all that is known.
    pub fn on_gone(&mut self, low: i64) {
        self.next = Some(low);
        self.open.clear();
    }

    /// Returns where it stands with all steps that were taken, to be committed together with their records.
    #[must_use]
    pub fn place(&self) -> Place {
        let applied = self.next.unwrap_or(0);
        let next = self.open.first_key_value().map_or(applied, |(offset, _)| (*offset).min(applied));
        Place { next, applied, kept: self.number }
    }

    fn check(&self, key: Option<&str>, step: Step) -> Result<Step, Failure> {
        let Step { answer, state, command } = &step;
        let told = |what: &str, size: usize, most: usize| {
            failed(format!("{what} of {size} bytes is too large: at most {most}"))
        };
        if json(answer).is_none() {
            return Err(failed("the answer is not JSON"));
        }
        if answer.len() > ANSWER_MAX {
            return Err(told("an answer", answer.len(), ANSWER_MAX));
        }
        if let Some(command) = command.as_ref().filter(|command| command.len() > ANSWER_MAX) {
            return Err(told("a command", command.len(), ANSWER_MAX));
        }
        if let (Memory::Is(state), Some(key)) = (state, key) {
            if json(state).is_none() {
                return Err(failed("what is to be known is not JSON"));
            }
            if state.len() > STATE_MAX {
                return Err(told("what is to be known", state.len(), STATE_MAX));
            }
            if !self.known.has_room(key, state.len()) {
                return Err(failed(format!("there is no room for what is to be known about `{key}`: too many keys")));
            }
        }
        Ok(step)
    }
}

#[cfg(test)]
mod tests;

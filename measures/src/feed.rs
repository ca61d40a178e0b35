//! What one process tells of what it counted, as records of the rendezvous' topic of measures: whoever reads what all
//! processes told has the sum, also of those that are gone.

use uuid::Uuid;
use wire::{Measured, Record, RendezvousName, Timestamp};

use crate::{Diary, Slice, Sum};

/// What is told by one station of one process.
#[derive(Debug)]
pub struct Feed {
    rendezvous: RendezvousName,
    /// Names this station in this process, and never another.
    process: Uuid,
    diary: Diary,
}

// === impl Feed ===

impl Feed {
    /// Returns one that told nothing yet; `process` was never used before.
    #[must_use]
    pub fn new(rendezvous: RendezvousName, process: Uuid) -> Self {
        Self { rendezvous, process, diary: Diary::default() }
    }

    /// Adds what was counted since the last time.
    pub fn add(&mut self, counted: &Sum, now: Timestamp) {
        self.diary.add(counted, now);
    }

    /// Returns what is to be told now, or `all` that is not told yet. Nobody waits for it, and what the log does not take is
    /// told again with what is counted next.
    pub fn tell(&mut self, now: Timestamp, all: bool) -> Vec<Record> {
        self.diary.tell(now, all).iter().map(|slice| self.record(slice)).collect()
    }

    fn record(&self, slice: &Slice) -> Record {
        let counted = serde_json::to_vec(slice).expect("counts are numbers and words").into();
        let (rendezvous, process) = (self.rendezvous.clone(), self.process);
        Measured { rendezvous, process, level: slice.level, place: slice.place(), counted }.encode()
    }
}

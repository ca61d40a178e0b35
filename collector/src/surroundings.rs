//! What all partitions of a process share: the versions of the policy, and what was measured and remembered.
//!
//! Pure, but for the memory's lock. Law: a request is opened with what is known at that moment, and never looks again.

use std::{sync::Arc, time::Duration};

use policies::{Circumstances, Definition, Versions};
use wire::{Budget, Decoder, Request, Timestamp};

use crate::{memory::Memory, speeds::Speeds, traced::Traced, way_back::WayBack};

/// What is known around the requests.
#[derive(Debug)]
pub struct Surroundings {
    /// Every version of the policy that was heard of.
    pub versions: Arc<Versions>,
    /// How long results take to their readers.
    pub way_back: WayBack,
    /// How long executors take.
    pub speeds: Speeds,
    /// What was answered last about each key.
    pub memory: Memory,
    /// What is kept for traces.
    pub traces: Traced,
    /// Reads the records.
    pub decoder: Decoder,
}

// === impl Surroundings ===

impl Surroundings {
    /// Returns those of a process that has measured nothing.
    #[must_use]
    pub fn new(versions: Arc<Versions>) -> Self {
        let mut speeds = Speeds::default();
        speeds.on_versions(&versions);
        let (way_back, memory) = (WayBack::default(), Memory::default());
        Self { versions, way_back, speeds, memory, traces: Traced::default(), decoder: Decoder::default() }
    }

    /// Takes note of an edit.
    pub fn on_versions(&mut self, versions: Arc<Versions>) {
        self.speeds.on_versions(&versions);
        self.versions = versions;
    }

    /// Forgets what is old and draws the conclusions; to be called about twice a second.
    pub fn on_time(&mut self, now: Timestamp) {
        self.way_back.on_time(now);
        self.speeds.on_time(now);
        self.traces.on_time(now);
    }

    /// Returns how much earlier than its deadline a request of this budget should be decided.
    #[must_use]
    pub fn lead(&self, budget: Budget) -> Duration {
        self.way_back.lead(budget)
    }

    /// Returns what `request` is to know besides its responses; whom it does not wait for, its partition says.
    #[must_use]
    pub fn circumstances(&self, request: &Request) -> Circumstances {
        let last_known = request.key.as_deref().and_then(|key| self.memory.get(key));
        Circumstances { latencies: Arc::clone(self.speeds.latencies()), last_known, open_breakers: Vec::new() }
    }

    /// Returns the newest version that can be read.
    #[must_use]
    pub fn newest(&self) -> Arc<Definition> {
        let newest = self.versions.get(self.versions.newest());
        newest.unwrap_or_else(|| Arc::clone(self.versions.live()))
    }
}

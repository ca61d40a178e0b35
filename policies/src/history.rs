//! The versions of one rendezvous' policy, folded out of the control topic: who changed what, and what came of it.
//!
//! Pure. It knows neither the log nor a clock: records come in the log's order, each with the instant of its append.
//! Laws, each tested by name:
//! - *One history*: whoever folds the same records has the same versions, whenever and in however many steps.
//! - *Compare and set*: of applies that expect the same version at most one is taken.
//! - *Refused is nothing*: a change that is refused changes nothing but the list of what was refused.
//! - *Never back*: numbers only grow, and the live version's number only grows.
//! - *Nobody alone*: under `approvals: n` no version takes effect that n others than its author have not approved.
//! - *Compaction is harmless*: without all but the last tallies of each partition, and the last speeds, the fold is the
//!   same.
//!
//! What ends what: a version that goes live supersedes the live one, a trial, and older proposals; one that goes on
//! trial supersedes the trial before it and older proposals. So an urgent `apply` never waits for a trial, and a trial
//! that was compared with what is no longer live cannot be promoted over something newer.
//!
//! Validity is part of the fold, so every reader must know the language that is written: upgrade all processes of a
//! rendezvous before anybody uses what only the new release reads.

mod entry;
mod refusal;
mod view;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use wire::{Action, Apply, ApplyMode, Change, ControlRecord, PolicyRef, RendezvousName, Speeds, Tally, Timestamp};

use crate::{Definition, Latencies, Share, Trial, TrialMode, TrialTally, Versions};

pub use entry::{Entry, State};
pub use refusal::{Refusal, Refused};
pub use view::{NoVersion, PolicyShown, PolicyView, RefusedView, TextView, TrialView, VersionView};

/// The versions of one rendezvous, and how they came to be.
#[derive(Clone, Debug)]
pub struct History {
    name: RendezvousName,
    /// By number; the newest `VERSIONS_MAX`.
    entries: BTreeMap<u64, Entry>,
    live: Option<Arc<Definition>>,
    trial: Option<Trial>,
    /// What was announced last of how long executors take.
    usual: Arc<Latencies>,
    /// The last `REFUSED_MAX`.
    refused: VecDeque<Refused>,
}

/// What a record led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Effect {
    /// A version is live.
    Live {
        /// Which.
        version: u64,
    },
    /// A version is on trial.
    OnTrial {
        /// Which.
        version: u64,
    },
    /// A version waits for approval.
    Proposed {
        /// Which.
        version: u64,
        /// How many more people must approve.
        missing: u32,
    },
    /// A trial or a proposal has ended.
    Withdrawn {
        /// Which version's.
        version: u64,
    },
    /// A partition's count was taken in.
    Counted {
        /// Of which version.
        version: u64,
    },
    /// It is known how long executors take; no version changes by it.
    Measured,
}

/// Older versions than these many are forgotten: no request is in flight that long.
const VERSIONS_MAX: usize = 10_000;
/// Of these many newest versions what was read is kept; older ones are read again when somebody asks.
const READ_MAX: u64 = 64;
const REFUSED_MAX: usize = 100;
/// No topic has more partitions than this.
const PARTITIONS_MAX: i32 = 10_000;

// === impl History ===

impl History {
    /// Returns the history of a rendezvous that has none yet.
    #[must_use]
    pub fn of(name: RendezvousName) -> Self {
        let (entries, usual, refused) = Default::default();
        Self { name, entries, live: None, trial: None, usual, refused }
    }

    /// Takes the log's next record about this rendezvous in, `at` being the instant of its append.
    pub fn fold(&mut self, record: &ControlRecord, at: Timestamp) -> Result<Effect, Refusal> {
        match record {
            ControlRecord::Tally(tally) => self.on_tally(tally),
            ControlRecord::Speeds(speeds) => self.on_speeds(speeds),
            ControlRecord::Change(change) => {
                let effect = self.on_change(change, at);
                if let Err(why) = &effect {
                    self.refuse(change, at, why);
                }
                effect
            }
        }
    }

    /// Returns the rendezvous' name.
    #[must_use]
    pub fn name(&self) -> &RendezvousName {
        &self.name
    }

    /// Returns the number of the newest version, live or not; 0 if there is none.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(version, _)| *version)
    }

    /// Returns the version that decides about new requests.
    #[must_use]
    pub fn live(&self) -> Option<&Arc<Definition>> {
        self.live.as_ref()
    }

    /// Returns the version on trial.
    #[must_use]
    pub fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// Returns every version that is remembered, oldest first.
    #[must_use]
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.values()
    }

    /// Returns version `version`.
    #[must_use]
    pub fn entry(&self, version: u64) -> Option<&Entry> {
        self.entries.get(&version)
    }

    /// Returns what was registered after `version`: what whoever knew no newer one has missed.
    pub fn since(&self, version: u64) -> impl Iterator<Item = &Entry> {
        self.entries.range(version.saturating_add(1)..).map(|(_, entry)| entry)
    }

    /// Returns the changes that were refused last, oldest first.
    #[must_use]
    pub fn refused(&self) -> impl DoubleEndedIterator<Item = &Refused> {
        self.refused.iter()
    }

    /// Returns the versions as stations see them; `None` before the first one is live.
    #[must_use]
    pub fn versions(&self) -> Option<Arc<Versions>> {
        let live = Arc::clone(self.live.as_ref()?);
        let all = self.entries.iter().map(|(version, entry)| (*version, Arc::clone(&entry.text))).collect();
        Some(Arc::new(Versions::new(all, live, self.trial.clone()).knowing(Arc::clone(&self.usual))))
    }

    fn on_change(&mut self, change: &Change, at: Timestamp) -> Result<Effect, Refusal> {
        match &change.action {
            Action::Apply(apply) => self.on_apply(change, apply, at),
            Action::Approve { version } => self.on_approve(*version, &change.author, at),
            Action::Promote { version } => self.on_promote(*version, at),
            Action::Withdraw { version, reason } => self.on_withdraw(*version, &change.author, reason),
        }
    }

    fn on_apply(&mut self, change: &Change, apply: &Apply, at: Timestamp) -> Result<Effect, Refusal> {
        let newest = self.newest();
        if apply.expected != newest {
            return Err(Refusal::Conflict { expected: apply.expected, newest });
        }
        self.check_mode(apply.mode)?;
        let needs = self.approvals_needed(apply)?;
        let next = PolicyRef { rendezvous: self.name.clone(), version: newest + 1 };
        let definition = Arc::new(admit(&next, &apply.text)?);
        self.register(Entry::proposed(change, apply, definition, at, needs));
        self.settle(newest + 1, at)
    }

    fn on_approve(&mut self, version: u64, author: &str, at: Timestamp) -> Result<Effect, Refusal> {
        let entry = self.entries.get_mut(&version).filter(|entry| entry.state == State::Proposed);
        let entry = entry.ok_or(Refusal::NotProposed { version })?;
        if entry.author.trim() == author.trim() {
            return Err(Refusal::OwnChange { version });
        }
        entry.approve(author);
        self.settle(version, at)
    }

    fn on_promote(&mut self, version: u64, at: Timestamp) -> Result<Effect, Refusal> {
        let definition = self.on_trial(version).ok_or(Refusal::NotOnTrial { version })?;
        self.go_live(definition, at);
        Ok(Effect::Live { version })
    }

    fn on_withdraw(&mut self, version: u64, author: &str, reason: &str) -> Result<Effect, Refusal> {
        let on_trial = self.on_trial(version).is_some();
        let entry = self.entries.get_mut(&version);
        let entry = entry.filter(|entry| on_trial || entry.state == State::Proposed);
        let entry = entry.ok_or(Refusal::NothingToWithdraw { version })?;
        entry.state = State::Withdrawn { by: author.to_owned(), why: reason.to_owned() };
        if on_trial {
            self.trial = None;
        }
        Ok(Effect::Withdrawn { version })
    }

    fn on_tally(&mut self, tally: &Tally) -> Result<Effect, Refusal> {
        let version = tally.policy.version;
        let counted: TrialTally = serde_json::from_slice(&tally.counted)
            .map_err(|error| Refusal::Tally { version, problem: error.to_string() })?;
        let entry = self.entries.get_mut(&version).filter(|_| tally.partition < PARTITIONS_MAX);
        let entry = entry.ok_or(Refusal::Unknown { version })?;
        entry.tallies.insert(tally.partition, counted);
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.definition.policy_ref.version == version) {
            trial.tallies.clone_from(&entry.tallies);
        }
        Ok(Effect::Counted { version })
    }

    fn on_speeds(&mut self, speeds: &Speeds) -> Result<Effect, Refusal> {
        let usual = Latencies::from_json(&speeds.measured).map_err(|problem| Refusal::Speeds { problem })?;
        self.usual = Arc::new(usual);
        Ok(Effect::Measured)
    }

    fn check_mode(&self, mode: ApplyMode) -> Result<(), Refusal> {
        match mode {
            ApplyMode::Share(parts) if Share::new(parts).is_none() => Err(Refusal::NoShare { parts }),
            ApplyMode::Shadow | ApplyMode::Share(_) if self.live.is_none() => Err(Refusal::NothingLive),
            ApplyMode::Live | ApplyMode::Shadow | ApplyMode::Share(_) => Ok(()),
        }
    }

    /// What was live before was approved before, so going back to it waits for nobody.
    fn approvals_needed(&self, apply: &Apply) -> Result<u32, Refusal> {
        let needed = self.live.as_ref().map_or(0, |live| live.approvals);
        let Some(version) = apply.rolls_back else { return Ok(needed) };
        let entry = self.entries.get(&version).ok_or(Refusal::Unknown { version })?;
        if entry.text.text() != &apply.text {
            return Err(Refusal::NotThatText { version });
        }
        Ok(if entry.live_since.is_some() { 0 } else { needed })
    }

    fn register(&mut self, entry: Entry) {
        let version = entry.version;
        self.entries.insert(version, entry);
        if let Some(old) = version.checked_sub(READ_MAX).and_then(|old| self.entries.get_mut(&old)) {
            old.text = Arc::new(old.text.unread());
        }
        while self.entries.len() > VERSIONS_MAX {
            self.entries.pop_first();
        }
    }

    /// Puts a proposed version to its use if nobody's approval is missing.
    fn settle(&mut self, version: u64, at: Timestamp) -> Result<Effect, Refusal> {
        let entry = self.entries.get(&version).ok_or(Refusal::Unknown { version })?;
        let missing = entry.missing();
        if missing > 0 {
            return Ok(Effect::Proposed { version, missing });
        }
        let definition = Arc::clone(entry.text.definition().ok_or(Refusal::Unknown { version })?);
        let mode = match entry.mode {
            ApplyMode::Live => {
                self.go_live(definition, at);
                return Ok(Effect::Live { version });
            }
            ApplyMode::Shadow => TrialMode::Shadow,
            ApplyMode::Share(parts) => TrialMode::Share(Share::new(parts).ok_or(Refusal::NoShare { parts })?),
        };
        self.go_on_trial(definition, mode);
        Ok(Effect::OnTrial { version })
    }

    fn go_live(&mut self, definition: Arc<Definition>, at: Timestamp) {
        let version = definition.policy_ref.version;
        self.supersede(version, |entry| entry.state != State::Proposed || entry.version < version);
        if let Some(entry) = self.entries.get_mut(&version) {
            entry.state = State::Live;
            entry.live_since = Some(at);
        }
        self.trial = None;
        self.live = Some(definition);
    }

    fn go_on_trial(&mut self, definition: Arc<Definition>, mode: TrialMode) {
        let version = definition.policy_ref.version;
        let waits = |entry: &Entry| entry.state == State::Proposed && entry.version < version;
        self.supersede(version, |entry| entry.state.is_trial() || waits(entry));
        if let Some(entry) = self.entries.get_mut(&version) {
            entry.state = mode.into();
        }
        self.trial = Some(Trial { definition, mode, tallies: BTreeMap::new() });
    }

    fn supersede(&mut self, by: u64, which: impl Fn(&Entry) -> bool) {
        for entry in self.entries.values_mut().filter(|entry| entry.state.is_open() && entry.version != by) {
            if which(entry) {
                entry.state = State::Superseded { by };
            }
        }
    }

    fn on_trial(&self, version: u64) -> Option<Arc<Definition>> {
        let definition = &self.trial.as_ref()?.definition;
        (definition.policy_ref.version == version).then(|| Arc::clone(definition))
    }

    fn refuse(&mut self, change: &Change, at: Timestamp, why: &Refusal) {
        if self.refused.len() == REFUSED_MAX {
            self.refused.pop_front();
        }
        let (author, message) = (change.author.clone(), change.message.clone());
        self.refused.push_back(Refused { change: change.id, author, message, at, why: why.clone() });
    }
}

/// Reads `text` as the version that it would be: what it says, or why it cannot be one. It must read without mistakes,
/// its examples must come out as it says, and it must be the policy of that very rendezvous.
pub fn admit(version: &PolicyRef, text: &str) -> Result<Definition, Refusal> {
    let definition = Definition::parse(&version.to_string(), text)
        .map_err(|problems| Refusal::Invalid { problems: problems.to_string() })?;
    if *definition.name() != version.rendezvous {
        return Err(Refusal::OtherRendezvous { named: definition.name().to_string() });
    }
    let failed = definition.play_examples().into_iter().filter(|example| !example.passed);
    let failed: Vec<String> = failed.map(|example| example.name).collect();
    if failed.is_empty() { Ok(definition.at_version(version.version)) } else { Err(Refusal::Examples { failed }) }
}

#[cfg(test)]
mod tests;

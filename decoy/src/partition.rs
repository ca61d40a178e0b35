//! One partition on its way into the archive.
//!
//! Pure: told what happened and when, it says what to do next (`poll_action`); it opens no file and reads no clock.
//! Laws, each tested by name:
//! - *The archive says where*: reading starts where the archive ends, whatever the group committed.
//! - *One file at a time*: the next file is written when the one before is durable.
//! - *Bounded*: while a file waits to be written, one more fills; then reading stops, and starts again where it stopped.
//! - *Nothing is given up*: a file that cannot be written is tried again until it is durable or somebody else's is.

mod action;
mod filling;

use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};

use bus::{Received, StartAt, TopicPartition};
use wire::{
    Timestamp,
    mutation::{self, Mutation::BeatenGoesOn},
};

pub use self::action::{Action, Report};
use self::filling::Filling;
use crate::{
    archive::{ArchiveError, Label, Published, Sealed, Survey},
    segment::{Admission, Begin, Limits, Segment},
};

/// One partition on its way into the archive.
#[derive(Debug)]
pub struct Partition {
    name: TopicPartition,
    committed: Option<i64>,
    has_moved: bool,
    stage: Stage,
    trouble: Option<Trouble>,
    draining: bool,
    actions: VecDeque<Action>,
}

#[derive(Debug)]
enum Stage {
    /// Somebody looks at what the archive holds.
    Surveying,
    /// Nobody looks again before this instant.
    Waiting { until: Timestamp },
    /// Records come in.
    Archiving(Box<Archiving>),
}

#[derive(Debug)]
struct Archiving {
    /// The newest archived record, which the log must still hold as it was archived.
    proof: Option<Proof>,
    filling: Filling,
    writing: Option<Writing>,
    paused: bool,
}

#[derive(Clone, Copy, Debug)]
struct Proof {
    offset: i64,
    appended: Timestamp,
}

#[derive(Debug)]
enum Writing {
    UnderWay(Arc<Sealed>),
    Again { sealed: Arc<Sealed>, at: Timestamp },
}

#[derive(Debug)]
struct Trouble {
    with: With,
    since: Timestamp,
    attempts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    Survey,
    Log,
    Writing,
}

const FIRST_PATIENCE: Duration = Duration::from_millis(100);
const LONGEST_PATIENCE: Duration = Duration::from_secs(10);

// === impl Partition ===

impl Partition {
    /// Begins with a look at the archive.
    ///
    /// `committed` is where the group had come to: for display, but less in the archive than that is worth a warning.
    /// Of an archive that `has_moved` here it is where the other folder ended.
    #[must_use]
    pub fn open(name: TopicPartition, committed: Option<i64>, has_moved: bool) -> Self {
        let actions = VecDeque::from([Action::Survey]);
        Self { name, committed, has_moved, stage: Stage::Surveying, trouble: None, draining: false, actions }
    }

    /// Takes the next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The archive was looked at.
    pub fn on_surveyed(&mut self, survey: Result<Survey, ArchiveError>, now: Timestamp) {
        match survey {
            Ok(survey) => {
                self.recovered(With::Survey);
                self.archive_behind(survey.newest.as_ref());
            }
            Err(error) => self.wait(With::Survey, error.to_string(), error.needs_hands(), now),
        }
    }

    /// A record came in.
    pub fn on_record(&mut self, received: &Received, now: Timestamp, limits: &Limits) {
        let Stage::Archiving(archiving) = &mut self.stage else { return };
        if archiving.paused {
            return;
        }
        if let Some(proof) = archiving.proof.take()
            && proof.offset == received.offset
        {
            return self.on_proof(proof.appended == received.appended, now);
        }
        match archiving.filling.admit(received, now, limits) {
            Admission::Again => return,
            Admission::After(gap) => self.actions.push_back(Action::Report(Report::Gap(gap))),
            Admission::Next => {}
        }
        let full = archiving.filling.segment.is_full(limits);
        self.recovered(With::Log);
        if full {
            self.roll();
        }
    }

    /// The log does not hold the offset asked for; it holds those from `held.start` to before `held.end`.
    pub fn on_gone(&mut self, held: &Range<i64>, now: Timestamp) {
        let Stage::Archiving(archiving) = &mut self.stage else { return };
        let segment = &mut archiving.filling.segment;
        if segment.next() > held.end {
            let reason = format!("the log ends at {}, the archive at {}: {FOREIGN}", held.end, segment.next());
            return self.wait(With::Log, reason, true, now);
        }
        archiving.proof = None;
        if let Some(gap) = segment.skip_to(held.start) {
            self.actions.push_back(Action::Report(Report::Gap(gap)));
        }
        self.actions.push_back(Action::Start(StartAt::Offset(segment.next())));
    }

    /// The partition could not be started or stopped.
    pub fn on_refused(&mut self, reason: String, now: Timestamp) {
        self.wait(With::Log, reason, false, now);
    }

    /// An attempt to publish ended.
    pub fn on_written(&mut self, written: Result<Published, ArchiveError>, now: Timestamp, limits: &Limits) {
        let Stage::Archiving(archiving) = &mut self.stage else { return };
        let Some(Writing::UnderWay(sealed)) = archiving.writing.take() else { return };
        match written {
            Ok(Published::Durable { bytes }) => self.on_durable(&sealed.label, bytes, now, limits),
            Ok(Published::Beaten) if mutation::is(BeatenGoesOn) => self.on_durable(&sealed.label, 0, now, limits),
            Ok(Published::Beaten) => {
                self.actions.push_back(Action::Report(Report::Beaten(sealed.label.covered)));
                self.stage = Stage::Surveying;
                self.actions.extend([Action::Pause, Action::Survey]);
            }
            Err(error) => {
                let at = now.after(self.patience(With::Writing));
                if let Stage::Archiving(archiving) = &mut self.stage {
                    archiving.writing = Some(Writing::Again { sealed, at });
                }
                self.failed(With::Writing, error.to_string(), error.needs_hands(), now);
            }
        }
    }

    /// Time passed.
    pub fn on_time(&mut self, now: Timestamp) {
        match &mut self.stage {
            Stage::Waiting { until } if *until <= now => {
                self.stage = Stage::Surveying;
                self.actions.push_back(Action::Survey);
            }
            Stage::Archiving(archiving) => match &archiving.writing {
                Some(Writing::Again { sealed, at }) if *at <= now => {
                    let sealed = Arc::clone(sealed);
                    archiving.writing = Some(Writing::UnderWay(Arc::clone(&sealed)));
                    self.actions.push_back(Action::Write(sealed));
                }
                None if archiving.filling.is_due(now) => self.roll(),
                _ => {}
            },
            Stage::Surveying | Stage::Waiting { .. } => {}
        }
    }

    /// No more records will come: write what is in hand.
    pub fn on_stop(&mut self) {
        self.draining = true;
        if let Stage::Archiving(archiving) = &self.stage
            && archiving.writing.is_none()
        {
            self.roll();
        }
    }

    /// Returns the next instant worth an `on_time`.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Surveying => None,
            Stage::Waiting { until } => Some(*until),
            Stage::Archiving(archiving) => match &archiving.writing {
                None => archiving.filling.segment.due(),
                Some(Writing::Again { at, .. }) => Some(*at),
                Some(Writing::UnderWay(_)) => None,
            },
        }
    }

    /// Returns whether a look at the archive or a file is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match &self.stage {
            Stage::Surveying => true,
            Stage::Waiting { .. } => false,
            Stage::Archiving(archiving) => matches!(archiving.writing, Some(Writing::UnderWay(_))),
        }
    }

    /// Returns whether a look at the archive is under way.
    #[must_use]
    pub fn is_surveying(&self) -> bool {
        matches!(self.stage, Stage::Surveying)
    }

    /// Returns whether something fails.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.trouble.is_some()
    }

    /// Returns the offset below which everything is durable, if that is known.
    #[must_use]
    pub fn durable(&self) -> Option<i64> {
        let Stage::Archiving(archiving) = &self.stage else { return None };
        Some(match &archiving.writing {
            Some(Writing::UnderWay(sealed) | Writing::Again { sealed, .. }) => sealed.label.position,
            None => archiving.filling.segment.position(),
        })
    }

    fn archive_behind(&mut self, newest: Option<&Label>) {
        let elsewhere = self.committed.filter(|_| self.has_moved);
        let begin = newest.map(Label::next).or(elsewhere).map_or(Begin::Anywhere, Begin::At);
        let proof = newest.map(|label| Proof { offset: label.covered.last, appended: label.appended });
        let from = match (proof, begin) {
            (Some(proof), _) => StartAt::Offset(proof.offset),
            (None, Begin::At(next)) => StartAt::Offset(next),
            (None, Begin::Anywhere) => StartAt::Beginning,
        };
        let position = begin.position();
        if let Some(committed) = self.committed.take_if(|committed| *committed > position) {
            self.actions.push_back(Action::Report(Report::Shrunk { committed, position }));
        }
        let filling = Filling::open(Segment::open(begin));
        self.stage = Stage::Archiving(Box::new(Archiving { proof, filling, writing: None, paused: false }));
        self.actions.push_back(Action::Start(from));
        if let Begin::At(next) = begin {
            self.actions.push_back(Action::Commit(next));
        }
    }

    fn on_proof(&mut self, holds: bool, now: Timestamp) {
        if holds {
            self.recovered(With::Log);
        } else {
            let reason = format!("the newest archived record is not the log's record of that offset: {FOREIGN}");
            self.wait(With::Log, reason, true, now);
        }
    }

    fn on_durable(&mut self, label: &Label, bytes: usize, now: Timestamp, limits: &Limits) {
        self.recovered(With::Writing);
        self.actions.push_back(Action::Commit(label.next()));
        self.actions.push_back(Action::Report(Report::Archived { records: label.rows, bytes }));
        let Stage::Archiving(archiving) = &self.stage else { return };
        if self.draining || archiving.filling.segment.is_full(limits) || archiving.filling.is_due(now) {
            self.roll();
        }
        self.go_on();
    }

    /// Seals what is filling, if anything, or stops reading until there is room for another file.
    fn roll(&mut self) {
        let Stage::Archiving(archiving) = &mut self.stage else { return };
        if archiving.writing.is_some() {
            archiving.paused = true;
            self.actions.push_back(Action::Pause);
            return;
        }
        if let Some(sealed) = archiving.filling.seal(&self.name) {
            archiving.writing = Some(Writing::UnderWay(Arc::clone(&sealed)));
            self.actions.push_back(Action::Write(sealed));
        }
    }

    fn go_on(&mut self) {
        if let Stage::Archiving(archiving) = &mut self.stage
            && archiving.paused
            && !self.draining
        {
            archiving.paused = false;
            self.actions.push_back(Action::Start(StartAt::Offset(archiving.filling.segment.next())));
        }
    }

    /// Lets go of everything in hand, which lies in the log, and looks at the archive again later.
    fn wait(&mut self, with: With, reason: String, needs_hands: bool, now: Timestamp) {
        if matches!(self.stage, Stage::Archiving(_)) {
            self.actions.push_back(Action::Pause);
        }
        self.stage = Stage::Waiting { until: now.after(self.patience(with)) };
        self.failed(with, reason, needs_hands, now);
    }

    fn patience(&self, with: With) -> Duration {
        let attempts =
            self.trouble.as_ref().filter(|trouble| trouble.with == with).map_or(0, |trouble| trouble.attempts);
        FIRST_PATIENCE.saturating_mul(1 << attempts.min(10)).min(LONGEST_PATIENCE)
    }

    fn failed(&mut self, with: With, reason: String, needs_hands: bool, now: Timestamp) {
        let first = !matches!(&self.trouble, Some(trouble) if trouble.with == with);
        let trouble = self.trouble.get_or_insert(Trouble { with, since: now, attempts: 0 });
        trouble.attempts = if first { 1 } else { trouble.attempts.saturating_add(1) };
        trouble.with = with;
        self.actions.push_back(Action::Report(Report::Failed { reason, first, needs_hands }));
    }

    fn recovered(&mut self, with: With) {
        if let Some(trouble) = self.trouble.take_if(|trouble| trouble.with == with) {
            self.actions.push_back(Action::Report(Report::Recovered { since: trouble.since }));
        }
    }
}

const FOREIGN: &str = "another log? move the archive away, or name another folder";

#[cfg(test)]
mod tests;

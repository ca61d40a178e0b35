//! A decoy as a process: the production code's partitions, driven as `decoy::run` drives them, beside an archive as
//! `decoy::archive` describes it: a file is claimed by its position, then settled, by anybody.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bus::StartAt;
use decoy::{Action, ArchiveError, Covered, Label, Limits, Partition, Published, Report, Sealed, Survey};

use super::crew::{Around, Did, Duty};
use crate::{log::Topic, net::Net, sights::Sight};

/// Files are small, so that there are many.
const LIMITS: Limits = Limits { rows: 3, bytes: 1 << 20, every: Duration::from_millis(300) };

/// What one decoy has in hand.
#[derive(Default)]
pub struct Decoy {
    partitions: BTreeMap<i32, Reading>,
}

struct Reading {
    /// Which of the many times that somebody was given it.
    turn: u64,
    partition: Partition,
    /// Where it reads on, if it reads.
    at: Option<i64>,
}

/// The archive, and what is being done with it.
#[derive(Default)]
pub struct Shelf {
    /// By partition: what its files say about themselves.
    pub files: BTreeMap<i32, Vec<Label>>,
    /// What no decoy may ever say, said.
    pub alarms: Vec<String>,
    claims: BTreeMap<(i32, i64), Label>,
    tasks: BTreeMap<u64, Task>,
    begun: u64,
    turns: u64,
}

#[derive(Clone)]
struct Task {
    turn: u64,
    partition: i32,
    what: What,
}

#[derive(Clone)]
enum What {
    Survey,
    Claim(Arc<Sealed>),
    Settle(Arc<Sealed>),
}

// === impl Decoy ===

impl Duty for Decoy {
    const READS: Topic = Topic::Requests;

    type Store = Shelf;

    fn on_assigned(&mut self, partition: i32, around: &mut Around<'_, Shelf>) -> bool {
        let committed = around.group.committed(partition, 0).map(|(offset, _)| offset);
        let name = around.net.logs.name(Topic::Requests, partition);
        around.store.turns += 1;
        let turn = around.store.turns;
        self.partitions
            .insert(partition, Reading { turn, partition: Partition::open(name, committed, false), at: None });
        true
    }

    fn on_revoked(&mut self, partition: i32) -> bool {
        self.partitions.remove(&partition);
        true
    }

    fn can_leave(&self) -> bool {
        true
    }

    fn work(&mut self, around: &mut Around<'_, Shelf>) -> Did {
        let now = around.net.now;
        let mut behind = Vec::new();
        for (index, reading) in &mut self.partitions {
            reading.partition.on_time(now);
            if let Some(action) = reading.partition.poll_action() {
                reading.act(*index, action, around);
                return Did::Something;
            }
            let end = around.net.logs.span(Topic::Requests, *index).end;
            behind.extend(reading.at.is_some_and(|at| at < end).then_some(*index));
        }
        if behind.is_empty() {
            return Did::Nothing(self.partitions.values().filter_map(|reading| reading.partition.deadline()).min());
        }
        let index = *around.dice.pick(&behind);
        let Some(reading) = self.partitions.get_mut(&index) else { return Did::Something };
        for _ in 0..around.dice.between(1, 8) {
            let Some(received) = reading.at.and_then(|at| around.net.logs.read(Topic::Requests, index, at)) else {
                break;
            };
            reading.at = Some(received.offset + 1);
            // What comes although it was stopped is ignored.
            reading.partition.on_record(&received, now, &LIMITS);
        }
        Did::Something
    }

    fn on_step(number: u64, hands: Option<&mut Self>, around: &mut Around<'_, Shelf>) {
        if around.is_paused {
            return around.step(number, 40, 60);
        }
        let Some(Task { turn, partition: index, what }) = around.store.tasks.remove(&number) else { return };
        let now = around.net.now;
        let fails = around.dice.chance(around.net.weather.failed);
        let failed = || ArchiveError::Unavailable("the disk is not well".to_owned());
        let Some(hands) = hands else {
            // What was being written when its writer died may be there, whole.
            if let What::Claim(sealed) = what
                && around.dice.chance(300)
            {
                around.store.claim(index, &sealed.label);
            }
            return;
        };
        let written = match what {
            What::Survey => {
                let survey = if fails { Err(failed()) } else { Ok(around.survey(index)) };
                if let Some(partition) = hands.given(index, turn) {
                    partition.on_surveyed(survey, now);
                }
                return;
            }
            What::Claim(_) if fails => Err(failed()),
            What::Claim(sealed) => {
                around.store.claim(index, &sealed.label);
                if !around.dice.chance(around.net.weather.ack_lost) {
                    return around.begin(Task { turn, partition: index, what: What::Settle(sealed) });
                }
                Err(failed())
            }
            What::Settle(sealed) if around.store.settle(index, &sealed.label) => Ok(Published::Durable { bytes: 1 }),
            What::Settle(_) => {
                around.net.saw(Sight::FileBeaten);
                Ok(Published::Beaten)
            }
        };
        if let Some(partition) = hands.given(index, turn) {
            partition.on_written(written, now, &LIMITS);
        }
    }

    fn is_done(store: &Shelf, net: &Net) -> bool {
        let end = |partition| store.files.get(&partition).and_then(|files| files.last()).map_or(0, Label::next);
        (0..net.logs.partitions()).all(|partition| end(partition) >= net.logs.span(Topic::Requests, partition).end)
    }
}

impl Decoy {
    /// Returns a partition, if it is still the one that it was given then.
    fn given(&mut self, index: i32, turn: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(&index).filter(|reading| reading.turn == turn).map(|reading| &mut reading.partition)
    }
}

// === impl Reading ===

impl Reading {
    fn act(&mut self, index: i32, action: Action, around: &mut Around<'_, Shelf>) {
        let turn = self.turn;
        match action {
            Action::Survey => around.begin(Task { turn, partition: index, what: What::Survey }),
            Action::Write(sealed) => around.begin(Task { turn, partition: index, what: What::Claim(sealed) }),
            Action::Start(StartAt::Offset(at)) => self.at = Some(at),
            Action::Start(_) => self.at = Some(0),
            Action::Pause => self.at = None,
            Action::Commit(offset) => {
                let archived = around.store.files.get(&index).and_then(|files| files.last()).map_or(0, Label::next);
                if offset > archived {
                    around.store.alarms.push(format!("{offset} of {index} is committed, and {archived} archived"));
                }
                let is_lost = around.dice.chance(around.net.weather.commits_lost);
                if !is_lost && around.group.owns(around.member, index) {
                    around.group.keep(index, offset, String::new());
                }
            }
            Action::Report(report) => {
                let is_alarm = match &report {
                    Report::Gap(_) | Report::Shrunk { .. } => true,
                    Report::Failed { needs_hands, .. } => *needs_hands,
                    Report::Archived { .. } | Report::Beaten(_) | Report::Recovered { .. } => false,
                };
                if is_alarm {
                    around.store.alarms.push(format!("{report:?} of {index}"));
                }
            }
        }
    }
}

// === impl Around ===

impl Around<'_, Shelf> {
    /// Finishes what others began, and looks where the archive ends.
    fn survey(&mut self, index: i32) -> Survey {
        if self.store.resolve_all(index) {
            self.net.saw(Sight::ClaimSettledByAnother);
        }
        Survey { newest: self.store.files.get(&index).and_then(|files| files.last().cloned()) }
    }

    fn begin(&mut self, task: Task) {
        self.store.begun += 1;
        let number = self.store.begun;
        self.store.tasks.insert(number, task);
        // Now and then the disk takes its time.
        let longest = if self.dice.chance(200) { 400 } else { 20 };
        self.step(number, 1, longest);
    }
}

// === impl Shelf ===

impl Shelf {
    /// First step: takes the place behind a position, unless it is taken.
    fn claim(&mut self, index: i32, label: &Label) {
        self.claims.entry((index, label.position)).or_insert_with(|| label.clone());
    }

    /// Second step, whoever has claimed; returns whether the file of this label is there.
    fn settle(&mut self, index: i32, label: &Label) -> bool {
        self.resolve(index, label.position);
        self.reaching(index, label.position).any(|covered| covered == label.covered)
    }

    fn resolve(&mut self, index: i32, position: i64) {
        let is_free = self.reaching(index, position).next().is_none();
        if let Some(label) = self.claims.remove(&(index, position)).filter(|_| is_free) {
            let files = self.files.entry(index).or_default();
            files.push(label);
            files.sort_unstable_by_key(|label| label.covered);
        }
    }

    /// Settles what others began; returns whether there was anything.
    fn resolve_all(&mut self, index: i32) -> bool {
        let claimed: Vec<i64> = self.claims.keys().filter(|(of, _)| *of == index).map(|(_, at)| *at).collect();
        for position in &claimed {
            self.resolve(index, *position);
        }
        !claimed.is_empty()
    }

    fn reaching(&self, index: i32, position: i64) -> impl Iterator<Item = Covered> {
        let files = self.files.get(&index).into_iter().flatten();
        files.map(|label| label.covered).filter(move |covered| covered.last >= position)
    }
}

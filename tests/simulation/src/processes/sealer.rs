//! A sealer as a process: the production code's partitions, places and batches, driven as `sealer::run` drives them.
//!
//! A transaction is sent, binds its offsets to the group's generation, and ends; who has sent it may die or stand still
//! between any two of these, and may not learn what came of it. While it is open nobody is told where the partitions
//! stand that it is about, as on Kafka.

use std::{collections::BTreeMap, time::Duration};

use sealer::{Batch, Copied, Heard, Partition, Place, Reach};
use wire::{Record, Timestamp};

use super::crew::{Around, Did, Duty};
use crate::{
    log::{Topic, Who},
    net::Net,
    sights::Sight,
};

/// So far back repeats are recognised: short, so that it is reached.
pub const REACH: Reach = Reach { results: 4, step: 1, window: 16 };

const PAUSE: Duration = Duration::from_millis(20);
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

/// What one sealer has in hand.
#[derive(Default)]
pub struct Sealer {
    partitions: BTreeMap<i32, Partition>,
    batch: Batch,
    under_way: Option<Batch>,
    outcome: Option<Outcome>,
    failing_since: Option<Timestamp>,
    not_before: Timestamp,
}

/// The sealed topic, and the transactions that are open.
#[derive(Default)]
pub struct Vault {
    /// By partition: what `read_committed` shows.
    pub sealed: BTreeMap<i32, Vec<Record>>,
    open: BTreeMap<u64, Transaction>,
    begun: u64,
}

struct Transaction {
    by: Who,
    member: u64,
    records: Vec<(i32, Record)>,
    places: Vec<(i32, Place)>,
    stage: Stage,
    fate: Fate,
    /// Whether its end goes on its way even if its sender dies.
    on_wire: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sent,
    Bound,
    /// Nobody ends it any more: the log gives it up.
    Expiring,
}

#[derive(Clone, Copy)]
enum Fate {
    Fine,
    Aborted,
    AckLost,
    Lost,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Aborted,
    Broken,
}

// === impl Sealer ===

impl Duty for Sealer {
    const READS: Topic = Topic::Results;

    type Store = Vault;

    fn on_assigned(&mut self, partition: i32, around: &mut Around<'_, Vault>) -> bool {
        if around.store.holds_up(partition) {
            around.net.saw(Sight::SealerHeldUp);
            return false;
        }
        let committed = around.group.committed(partition, 0);
        let committed = committed.as_ref().map(|(offset, note)| (*offset, note.as_str()));
        around.net.tell(|| format!("{:?} seals {partition} from {committed:?}", around.who));
        self.partitions.insert(partition, Partition::open_with(REACH, committed));
        true
    }

    fn on_revoked(&mut self, partition: i32) -> bool {
        // What is under way ends first.
        if self.under_way.is_some() {
            return false;
        }
        self.partitions.remove(&partition);
        self.batch.forget(&bus::TopicPartition::new(Topic::Results.name(), partition));
        true
    }

    fn work(&mut self, around: &mut Around<'_, Vault>) -> Did {
        if let Some(outcome) = self.outcome.take() {
            return self.on_outcome(outcome, around);
        }
        let due = self.batch.due().map(|due| due.max(self.not_before)).filter(|_| self.under_way.is_none());
        if due.is_some_and(|due| due <= around.net.now) {
            self.send(around);
            return Did::Something;
        }
        let end = |partition| around.net.logs.span(Topic::Results, partition).end;
        let behind =
            |(index, partition): (&i32, &Partition)| (partition.start().unwrap_or(0) < end(*index)).then_some(*index);
        let behind: Vec<i32> = self.partitions.iter().filter_map(behind).collect();
        if behind.is_empty() || self.batch.is_full() {
            return Did::Nothing(due);
        }
        let index = *around.dice.pick(&behind);
        self.read(index, around);
        Did::Something
    }

    fn on_step(number: u64, hands: Option<&mut Self>, around: &mut Around<'_, Vault>) {
        let told = around.go_on(number, hands.is_some());
        if let (Some(hands), Some(_)) = (hands, told) {
            hands.outcome = told;
        }
    }

    fn can_leave(&self) -> bool {
        self.under_way.is_none()
    }

    fn is_done(store: &Vault, net: &Net) -> bool {
        store.sealed.values().map(Vec::len).sum::<usize>() >= net.reference.results.len()
    }
}

impl Sealer {
    fn read(&mut self, index: i32, around: &mut Around<'_, Vault>) {
        let (name, now) = (around.net.logs.name(Topic::Results, index), around.net.now);
        let Some(partition) = self.partitions.get_mut(&index) else { return };
        for _ in 0..around.dice.between(1, 8) {
            let Some(received) = around.net.logs.read(Topic::Results, index, partition.start().unwrap_or(0)) else {
                break;
            };
            match partition.on_record(received.offset, &received.record) {
                Heard::Known => {
                    around.net.saw(Sight::ReadAgain);
                    continue;
                }
                Heard::Copy => {
                    let (appended, record) = (received.appended, received.record);
                    let (from, to) = (name.clone(), bus::TopicPartition::new("sealed", index));
                    self.batch.push(Copied { from, to, appended, record }, now);
                }
                Heard::Repeat | Heard::Void | Heard::Fence | Heard::Garbage(_) => {}
            }
            self.batch.reach(&name, partition.place(), now);
        }
    }

    fn send(&mut self, around: &mut Around<'_, Vault>) {
        let batch = std::mem::take(&mut self.batch);
        let weather = &around.net.weather;
        let fates = [(weather.failed, Fate::Aborted), (weather.ack_lost, Fate::AckLost), (weather.late, Fate::Lost)];
        let drawn = fates.into_iter().find(|(chance, _)| around.dice.chance(*chance));
        let transaction = Transaction {
            by: around.who,
            member: around.member,
            records: batch.records().iter().map(|copied| (copied.from.partition, copied.record.clone())).collect(),
            places: batch.places().map(|(name, place)| (name.partition, *place)).collect(),
            stage: Stage::Sent,
            fate: drawn.map_or(Fate::Fine, |(_, fate)| fate),
            on_wire: around.dice.chance(600),
        };
        around.net.tell(|| {
            let sends = transaction.records.len();
            format!("{:?} seals {sends} results: {:?}", transaction.by, transaction.places)
        });
        self.under_way = Some(batch);
        around.store.begun += 1;
        let number = around.store.begun;
        around.store.open.insert(number, transaction);
        around.step(number, 1, 6);
    }

    fn on_outcome(&mut self, outcome: Outcome, around: &mut Around<'_, Vault>) -> Did {
        let Some(batch) = self.under_way.take() else { return Did::Something };
        let now = around.net.now;
        match outcome {
            Outcome::Done => self.failing_since = None,
            Outcome::Aborted => {
                around.net.saw(Sight::TransactionAborted);
                let later = std::mem::take(&mut self.batch);
                self.batch = batch.then(later);
                self.not_before = now.after(PAUSE);
                if now.since(*self.failing_since.get_or_insert(now)) >= GIVEN_UP_AFTER {
                    return Did::Anew;
                }
            }
            Outcome::Broken => {
                around.net.saw(Sight::TransactionUnknown);
                // Opening the same id again settles what is open under it.
                around.store.open.retain(|_, transaction| transaction.by != around.who);
                return Did::Anew;
            }
        }
        Did::Something
    }
}

// === impl Vault ===

impl Vault {
    /// Returns whether it is not known yet where a partition stands.
    fn holds_up(&self, partition: i32) -> bool {
        let bound = self.open.values().filter(|transaction| transaction.stage != Stage::Sent);
        bound.flat_map(|transaction| &transaction.places).any(|(index, _)| *index == partition)
    }
}

// === impl Around ===

impl Around<'_, Vault> {
    /// Takes a transaction one step further; returns what its sender hears.
    fn go_on(&mut self, number: u64, lives: bool) -> Option<Outcome> {
        let mut transaction = self.store.open.remove(&number)?;
        let owns = |(index, _): &(i32, Place)| self.group.owns(transaction.member, *index);
        match transaction.stage {
            // It dies with its sender, who had not told the group of it.
            Stage::Sent if !lives => return None,
            Stage::Sent if self.is_paused => self.step(number, 40, 60),
            Stage::Sent if matches!(transaction.fate, Fate::Aborted) || !transaction.places.iter().all(owns) => {
                return Some(Outcome::Aborted);
            }
            Stage::Sent => {
                transaction.stage = Stage::Bound;
                // Now and then the log takes its time.
                let longest = if self.dice.chance(300) { 600 } else { 6 };
                self.step(number, 1, longest);
            }
            Stage::Bound => {
                let is_ended = transaction.on_wire || (lives && !self.is_paused);
                let is_lost = matches!(transaction.fate, Fate::Lost);
                if is_ended && !is_lost {
                    let is_heard = !matches!(transaction.fate, Fate::AckLost);
                    self.commit(transaction);
                    return Some(if is_heard { Outcome::Done } else { Outcome::Broken });
                }
                transaction.stage = Stage::Expiring;
                self.step(number, 1_000, 3_000);
                self.store.open.insert(number, transaction);
                return is_lost.then_some(Outcome::Broken);
            }
            Stage::Expiring => return Some(Outcome::Broken),
        }
        self.store.open.insert(number, transaction);
        None
    }

    fn commit(&mut self, transaction: Transaction) {
        self.net.tell(|| format!("what {:?} sealed is there: {:?}", transaction.by, transaction.places));
        for (index, record) in transaction.records {
            self.store.sealed.entry(index).or_default().push(record);
        }
        for (index, place) in transaction.places {
            self.group.keep(index, place.next, place.note());
        }
    }
}

//! Makes an embedded bus fail on demand, in the ways a real one does.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;
use wire::Record;

use super::{lock, partition::Partition};
use crate::{Acknowledge, BusError};

/// How many sends are kept while the bus is interrupted, before `QueueFull`.
const KEPT_MAX: usize = 100_000;

/// The handle by which tests make a bus fail. Nothing fails until it is told to.
#[derive(Default)]
pub struct Faults {
    /// Whether sends have to come by here; false on every healthy bus, so that they need no lock.
    armed: AtomicBool,
    interrupted: AtomicBool,
    plan: Mutex<Plan>,
}

/// How a send fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFault {
    /// `send` itself returns `QueueFull`.
    Refused,
    /// The record is not taken in, and acknowledged as `Unavailable`.
    Failed,
    /// The record is taken in, and yet acknowledged as `Unavailable`.
    AcknowledgementLost,
    /// The record is taken in, and acknowledged when `Faults::release` is called.
    AcknowledgementHeld,
}

/// A record on its way past the faults.
pub(super) struct Sending {
    pub(super) partition: Arc<Partition>,
    pub(super) record: Record,
    pub(super) acknowledge: Acknowledge,
    pub(super) kept: Arc<Kept>,
}

/// How many records of one producer are not acknowledged.
#[derive(Default)]
pub(super) struct Kept {
    count: AtomicUsize,
    fewer: Notify,
}

#[derive(Default)]
struct Plan {
    sends: Vec<Planned>,
    forbidden: Vec<String>,
    /// What was sent while interrupted, and what is to be acknowledged later; at most `KEPT_MAX` each.
    waiting: VecDeque<Sending>,
    held: VecDeque<(Acknowledge, i64, Arc<Kept>)>,
    /// Who is told of interruptions: every consumer.
    bells: Vec<Weak<Notify>>,
}

struct Planned {
    topic: String,
    left: usize,
    fault: SendFault,
}

// === impl Faults ===

impl Faults {
    /// Makes the next `times` sends to `topic` fail as `fault` says, or transactions whose first record goes there: those
    /// that are refused or fail are aborted, and those whose acknowledgement is lost are there and yet `Broken`.
    pub fn on_send(&self, topic: &str, times: usize, fault: SendFault) {
        lock(&self.plan).sends.push(Planned { topic: topic.to_owned(), left: times, fault });
        self.armed.store(true, Ordering::Release);
    }

    /// Lets no transaction write to `topic`, as a cluster does that forbids it.
    pub fn forbid(&self, topic: &str) {
        lock(&self.plan).forbidden.push(topic.to_owned());
        self.armed.store(true, Ordering::Release);
    }

    /// Acknowledges all that `SendFault::AcknowledgementHeld` holds, in the order sent.
    pub fn release(&self) {
        let held = std::mem::take(&mut lock(&self.plan).held);
        for (acknowledge, offset, kept) in held {
            acknowledge(Ok(offset));
            kept.one_less();
        }
    }

    /// Makes the bus unreachable, as a cluster would be: calls fail as `Unavailable`, consumers are told so once and
    /// then wait, commits are lost, and what is sent is kept, in order, until `restore`.
    pub fn interrupt(&self) {
        self.armed.store(true, Ordering::Release);
        self.interrupted.store(true, Ordering::Release);
        self.ring();
    }

    /// Makes the bus reachable again and delivers what was kept.
    pub fn restore(&self) {
        loop {
            let waiting = {
                let mut plan = lock(&self.plan);
                if plan.waiting.is_empty() {
                    self.interrupted.store(false, Ordering::Release);
                    break;
                }
                std::mem::take(&mut plan.waiting)
            };
            waiting.into_iter().for_each(Sending::deliver_kept);
        }
        self.ring();
    }

    pub(super) fn are_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    pub(super) fn is_forbidden(&self, topic: &str) -> bool {
        self.are_armed() && lock(&self.plan).forbidden.iter().any(|forbidden| forbidden == topic)
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// Rings `bell` when the bus is interrupted and when it is restored, as long as somebody else holds it.
    pub(super) fn tell(&self, bell: &Arc<Notify>) {
        let mut plan = lock(&self.plan);
        plan.bells.retain(|have| have.strong_count() > 0);
        plan.bells.push(Arc::downgrade(bell));
    }

    pub(super) fn send(&self, sending: Sending) -> Result<(), BusError> {
        let mut plan = lock(&self.plan);
        if self.is_interrupted() {
            return plan.keep(sending);
        }
        let fault = plan.fault_for(&sending.partition.id().topic);
        if fault == Some(SendFault::AcknowledgementHeld) {
            return plan.hold(sending);
        }
        drop(plan);
        match fault {
            Some(SendFault::Refused) => return Err(BusError::QueueFull),
            Some(SendFault::Failed) => (sending.acknowledge)(Err(unacknowledged())),
            Some(SendFault::AcknowledgementLost) => {
                sending.partition.append(sending.record);
                (sending.acknowledge)(Err(unacknowledged()));
            }
            Some(SendFault::AcknowledgementHeld) | None => {
                (sending.acknowledge)(Ok(sending.partition.append(sending.record)));
            }
        }
        Ok(())
    }

    /// Returns how a transaction that writes to `topic` is to fail.
    pub(super) fn on_transaction(&self, topic: &str) -> Option<SendFault> {
        if self.are_armed() { lock(&self.plan).fault_for(topic) } else { None }
    }

    fn ring(&self) {
        lock(&self.plan).bells.iter().filter_map(Weak::upgrade).for_each(|bell| bell.notify_one());
    }
}

// === impl Plan ===

impl Plan {
    fn fault_for(&mut self, topic: &str) -> Option<SendFault> {
        let planned = self.sends.iter_mut().find(|planned| planned.topic == topic && planned.left > 0)?;
        planned.left -= 1;
        let fault = planned.fault;
        self.sends.retain(|planned| planned.left > 0);
        Some(fault)
    }

    fn keep(&mut self, sending: Sending) -> Result<(), BusError> {
        if self.waiting.len() >= KEPT_MAX {
            return Err(BusError::QueueFull);
        }
        sending.kept.one_more();
        self.waiting.push_back(sending);
        Ok(())
    }

    fn hold(&mut self, sending: Sending) -> Result<(), BusError> {
        if self.held.len() >= KEPT_MAX {
            return Err(BusError::QueueFull);
        }
        sending.kept.one_more();
        let offset = sending.partition.append(sending.record);
        self.held.push_back((sending.acknowledge, offset, sending.kept));
        Ok(())
    }
}

// === impl Sending ===

impl Sending {
    fn deliver_kept(self) {
        (self.acknowledge)(Ok(self.partition.append(self.record)));
        self.kept.one_less();
    }
}

// === impl Kept ===

impl Kept {
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until there are none.
    pub(super) async fn none(&self) {
        loop {
            let fewer = self.fewer.notified();
            if self.count() == 0 {
                return;
            }
            fewer.await;
        }
    }

    fn one_more(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    fn one_less(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.fewer.notify_waiters();
    }
}

pub(super) fn interrupted() -> BusError {
    BusError::Unavailable("the embedded bus is interrupted".to_owned())
}

fn unacknowledged() -> BusError {
    BusError::Unavailable("the embedded bus did not acknowledge the record".to_owned())
}

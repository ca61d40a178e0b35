//! One partition of the rendezvous: what is decided (`rendezvous`) meets who may write it (`ledger`).
//!
//! Pure: records and instants go in, things to do and facts to count come out. It deliberately does not know how
//! records are fetched, sent or committed (`run`).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bus::Received;
use policies::{Circumstances, Definition, Evaluation, Reason};
use uuid::Uuid;
use wire::{
    DeadLetter, Envelope, Fencing, Plan, Reading, Record, Request, RequestId, Response, ResultKind, ResultRecord,
    Timestamp,
};

use crate::{
    ledger::{Action, Entry, Fenced, Ledger, Spans, Unwritten},
    metrics::{Fact, Outcome},
    rendezvous::{Decision, Output as Met, Rendezvous},
    watermarks::Watermarks,
    way_back::WayBack,
};

/// At most so many dead letters of a partition wait for their acknowledgement; more are counted and let go.
const DEAD_LETTERS_MAX: usize = 10_000;

/// One partition that the group gave us.
#[derive(Debug)]
pub(crate) struct Partition {
    index: i32,
    /// How many partitions there are.
    count: i32,
    definition: Arc<Definition>,
    ledger: Ledger,
    rendezvous: Rendezvous,
    dead_letters: BTreeMap<(Source, i64), Letter>,
    outputs: VecDeque<Output>,
}

/// Which of the three topics a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Requests,
    Responses,
    Results,
}

/// What is to be done, and what happened.
#[derive(Debug)]
pub(crate) enum Output {
    Act(Action),
    WriteDeadLetter(Source, i64, Record),
    Tell(Fact),
}

/// A dead letter that is not acknowledged.
#[derive(Debug)]
struct Letter {
    record: Record,
    failed: bool,
}

// === impl Partition ===

impl Partition {
    /// Takes partition `index` of `count` over; `seed` names this owner and is never used again.
    pub(crate) fn new(
        (index, count): (i32, i32),
        definition: Arc<Definition>,
        committed: Option<Watermarks>,
        seed: Uuid,
    ) -> Self {
        Self {
            index,
            count,
            ledger: Ledger::new(committed, seed),
            rendezvous: Rendezvous::new(definition.policy.clone()),
            definition,
            dead_letters: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Hears a record.
    pub(crate) fn on_record(&mut self, source: Source, received: &Received, now: Timestamp, way_back: &mut WayBack) {
        match source {
            Source::Requests if self.ledger.on_request(received.offset) => self.on_request(received, way_back),
            Source::Responses if self.ledger.on_response(received.offset) => self.on_response(received),
            Source::Requests | Source::Responses => {}
            Source::Results => self.on_results(received, now, way_back),
        }
        self.settle(now);
    }

    /// Hears what the three partitions hold.
    pub(crate) fn on_spans(&mut self, survey: u32, spans: &Spans) {
        if self.ledger.on_spans(survey, spans) {
            self.tell(Fact::RecordsGone);
        }
    }

    /// Hears that the log does not hold what was to be read.
    pub(crate) fn on_offset_gone(&mut self) {
        self.ledger.on_offset_gone();
        self.forget();
    }

    /// Hears that a result was not written for sure.
    pub(crate) fn on_result_unwritten(&mut self, request: RequestId, by: Fencing, why: Unwritten, now: Timestamp) {
        let Some(entry) = self.ledger.on_result_unwritten(request, by, why, now) else { return };
        let (policy, born, budget) = (&self.definition.policy, entry.born, entry.budget);
        // The receipt and the answer are what may be large; without them the record has a fixed size.
        let verdict =
            Evaluation::refuse(policy, &Plan::default(), born, Reason::AllFailed, now, &Circumstances::default());
        let body = verdict.body(&self.definition.policy_ref, None, born, budget);
        let policy = self.definition.policy_ref.clone();
        let record = ResultRecord { request, policy, kind: ResultKind::Default, key: None, fencing: by, body }.encode();
        self.ledger.shrink(request, record);
        self.tell(Fact::Shrunk);
    }

    /// Hears that a fence was not written for sure.
    pub(crate) fn on_fence_unwritten(&mut self, by: Fencing, now: Timestamp) {
        self.ledger.on_fence_unwritten(by, now);
    }

    /// Hears how a dead letter fared: `true` if it is written or never can be.
    pub(crate) fn on_dead_letter(&mut self, source: Source, offset: i64, done: bool) {
        if !done {
            if let Some(letter) = self.dead_letters.get_mut(&(source, offset)) {
                letter.failed = true;
            }
        } else if self.dead_letters.remove(&(source, offset)).is_some() {
            self.let_go(source, offset);
        }
    }

    /// Does what is due at `now`.
    pub(crate) fn on_time(&mut self, now: Timestamp) {
        let again = self.ledger.on_time(now);
        if again > 0 {
            self.tell(Fact::WrittenAgain(again));
        }
        if self.is_running() {
            self.rendezvous.on_time(now);
            self.settle(now);
        }
    }

    /// Sends failed dead letters again and returns from where a successor must read, if that has changed. To be
    /// called about once a second.
    pub(crate) fn on_tick(&mut self, now: Timestamp) -> Option<Watermarks> {
        for ((source, offset), letter) in &mut self.dead_letters {
            if std::mem::take(&mut letter.failed) {
                self.outputs.push_back(Output::WriteDeadLetter(*source, *offset, letter.record.clone()));
            }
        }
        self.ledger.watermarks(self.rendezvous.oldest_orphan(), now)
    }

    /// Returns the next instant worth waking for.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        let deadline = if self.is_running() { self.rendezvous.next_deadline() } else { None };
        [deadline, self.ledger.next_time()].into_iter().flatten().min()
    }

    /// Returns what came of what was told, in order.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.ledger.poll_action().map(Output::Act))
    }

    /// Returns whether the partition is served.
    pub(crate) fn is_running(&self) -> bool {
        self.ledger.running_since().is_some()
    }

    /// Returns whether so many responses wait for their requests that requests should be read first.
    pub(crate) fn is_crowded(&self) -> bool {
        self.rendezvous.is_crowded()
    }

    /// Returns how many requests are open.
    pub(crate) fn open_requests(&self) -> usize {
        self.rendezvous.open_requests()
    }

    /// Returns how many results are written and not confirmed.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.ledger.unconfirmed()
    }

    fn on_request(&mut self, received: &Received, way_back: &WayBack) {
        match understand(received).and_then(|envelope| self.expect_request(envelope)) {
            Ok(request) => {
                let oldest_orphan = self.rendezvous.oldest_orphan();
                let lead = way_back.lead(request.budget);
                if self.rendezvous.on_request(&request, received.appended, received.offset, lead) {
                    self.ledger.hold(received.offset, oldest_orphan);
                }
            }
            Err(reason) => {
                self.ledger.hold(received.offset, self.rendezvous.oldest_orphan());
                self.bury(Source::Requests, received, reason);
            }
        }
    }

    fn on_response(&mut self, received: &Received) {
        match understand(received).and_then(expect_response) {
            Ok(response) if response.request.partition(self.count) != self.index => self.tell(Fact::Misplaced),
            Ok(response) => self.rendezvous.on_response(response, received.appended, received.offset),
            Err(reason) => {
                self.ledger.hold_response(received.offset);
                self.bury(Source::Responses, received, reason);
            }
        }
    }

    fn on_results(&mut self, received: &Received, now: Timestamp, way_back: &mut WayBack) {
        match understand(received) {
            Ok(Envelope::Result(result)) => self.on_result(&result, received, way_back),
            Ok(Envelope::Fence(fence)) => match self.ledger.on_fence(fence, received.offset, received.appended, now) {
                Fenced::TakenOver => self.tell(Fact::TakenOver),
                Fenced::Lost => {
                    self.forget();
                    self.tell(Fact::FencedOff);
                }
                Fenced::Repeated | Fenced::Ignored => {}
            },
            // Whoever put it there, every reader skips it; the log keeps it where it lies.
            Ok(_) | Err(_) => {
                self.ledger.on_garbage(received.offset);
                self.tell(Fact::Void);
            }
        }
    }

    fn on_result(&mut self, result: &ResultRecord, received: &Received, way_back: &mut WayBack) {
        let (reading, due) = self.ledger.on_result(result, received.offset);
        if let Some(due) = due {
            // By the log's time and not by ours: we read it back unhurried. A millisecond more covers what Kafka
            // rounds off that time, and the hop from the log to a reader who waits.
            way_back.record(due, received.appended.after(Duration::from_millis(1)));
        }
        match reading {
            Reading::Void => self.tell(Fact::Void),
            // Once the partition is served all valid results are our own, and known.
            Reading::Valid | Reading::Repeat if self.is_running() => {}
            Reading::Valid | Reading::Repeat => self.rendezvous.on_decided(result.request, received.appended),
        }
    }

    /// Checks that it is a request of this rendezvous and partition.
    fn expect_request(&mut self, envelope: Envelope) -> Result<Request, String> {
        let Envelope::Request(mut request) = envelope else { return Err("it is not a request".to_owned()) };
        let ours = &self.definition.policy_ref;
        if request.policy.rendezvous != ours.rendezvous {
            return Err(format!("it is a request to `{}`", request.policy.rendezvous));
        }
        // A second copy of it elsewhere would be decided twice.
        let home = request.id.partition(self.count);
        if home != self.index {
            return Err(format!("its partition is {home}"));
        }
        if request.policy.version != ours.version {
            self.outputs.push_back(Output::Tell(Fact::OtherVersion));
        }
        request.budget = request.budget.min(self.definition.budget);
        Ok(request)
    }

    /// Writes down what came of the requests: results for the ledger, facts for the counters.
    fn settle(&mut self, now: Timestamp) {
        while let Some(output) = self.rendezvous.poll_output() {
            match output {
                Met::Emit(decision) => self.write(&decision, now),
                Met::Late(_) => self.tell(Fact::Late),
                Met::Ignored(_, heard) => self.tell(Fact::Ignored(heard)),
                Met::Copy(_) => self.tell(Fact::Copy),
                Met::Evicted(count) => self.tell(Fact::Evicted(count)),
            }
        }
    }

    fn write(&mut self, decision: &Decision, now: Timestamp) {
        let Some(fencing) = self.ledger.fencing() else { return };
        let Decision { request, offset, born, budget, verdict, due } = decision;
        let policy = self.definition.policy_ref.clone();
        let body = verdict.body(&policy, None, *born, *budget);
        let record =
            ResultRecord { request: *request, policy, kind: verdict.kind(), key: None, fencing, body }.encode();
        // What fell due before we served says nothing about the way back.
        let due = self.ledger.running_since().and_then(|since| Some(due.unwrap_or(now)).filter(|due| *due >= since));
        self.ledger.write(*request, Entry { offset: *offset, born: *born, budget: *budget, record, due });
        self.tell(Fact::Decided(Outcome::from(verdict), now.since(*born)));
    }

    /// Sends a held record to the dead letters.
    fn bury(&mut self, source: Source, received: &Received, reason: String) {
        self.tell(Fact::DeadLettered);
        if self.dead_letters.len() >= DEAD_LETTERS_MAX {
            return self.let_go(source, received.offset);
        }
        let origin = format!("{}/{}", received.partition, received.offset);
        let record = DeadLetter { origin, reason, original: received.record.clone() }.encode();
        self.outputs.push_back(Output::WriteDeadLetter(source, received.offset, record.clone()));
        self.dead_letters.insert((source, received.offset), Letter { record, failed: false });
    }

    /// Drops what is in hand: it will be read again.
    fn forget(&mut self) {
        self.rendezvous = Rendezvous::new(self.definition.policy.clone());
        self.dead_letters.clear();
    }

    fn let_go(&mut self, source: Source, offset: i64) {
        match source {
            Source::Requests => self.ledger.let_go(offset),
            Source::Responses => self.ledger.let_go_response(offset),
            Source::Results => {}
        }
    }

    fn tell(&mut self, fact: Fact) {
        self.outputs.push_back(Output::Tell(fact));
    }
}

fn understand(received: &Received) -> Result<Envelope, String> {
    Envelope::decode(&received.record).map_err(|error| error.to_string())
}

fn expect_response(envelope: Envelope) -> Result<Response, String> {
    if let Envelope::Response(response) = envelope { Ok(response) } else { Err("it is not a response".to_owned()) }
}

#[cfg(test)]
mod tests;

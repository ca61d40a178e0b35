//! One partition of the rendezvous: what is decided (`rendezvous`) meets who may write it (`ledger`).
//!
//! Pure: records and instants go in, things to do and facts to count come out. It deliberately does not know how
//! records are fetched, sent or committed (`run`).

mod counting;
mod dead_letters;
mod shrunk;
mod spending;
mod strangers;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bus::Received;
use measures::Sum;
use uuid::Uuid;
use wire::{
    Envelope, Fencing, Reading, Record, Request, RequestId, Response, ResultRecord, Tally, Timestamp,
    mutation::{self, Mutation::TimersFireDuringReplay},
};

use crate::{
    breakers::Breakers,
    ledger::{Action, Confirmed, Entry, Fenced, Ledger, Spans, Unwritten},
    metrics::{Fact, Live, Outcome},
    rendezvous::{Decision, Output as Met, Rendezvous},
    surroundings::Surroundings,
    watermarks::Watermarks,
};
use counting::Counting;
use dead_letters::DeadLetters;
use shrunk::shrunk;
use spending::Accounts;
pub(crate) use spending::{Book, Spending};
use strangers::Strangers;

/// At most so many requests are in hand while a predecessor may still serve; a longer backlog is read behind the fence.
const WARM_MAX: usize = 1 << 16;

/// One partition that the group gave us.
#[derive(Debug)]
pub struct Partition {
    index: i32,
    /// How many partitions there are.
    count: i32,
    ledger: Ledger,
    rendezvous: Rendezvous,
    dead_letters: DeadLetters,
    strangers: Strangers,
    accounts: Accounts,
    counting: Counting,
    /// When the fence was written first, until the partition is served.
    fenced: Option<Timestamp>,
    /// Whether somebody else is to take it over.
    leaving: bool,
    outputs: VecDeque<Output>,
}

/// Which of the three topics a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What is asked.
    Requests,
    /// What executors said.
    Responses,
    /// What was decided, and the fences.
    Results,
}

/// What is to be done, and what happened.
#[derive(Debug)]
pub enum Output {
    /// Read, write or ask.
    Act(Action),
    /// Write this into the dead letters; tell by `on_dead_letter` how the record of that offset fared.
    WriteDeadLetter(Source, i64, Record),
    /// Write this into the control topic.
    WriteTally(Tally),
    /// Count it.
    Tell(Fact),
}

// === impl Partition ===

impl Partition {
    /// Takes partition `index` of `count` over; `seed` names this owner and is never used again.
    #[must_use]
    pub fn new(
        (index, count): (i32, i32),
        committed: Option<Watermarks>,
        seed: Uuid,
        surroundings: &mut Surroundings,
    ) -> Self {
        let mut partition = Self {
            index,
            count,
            ledger: Ledger::new(committed, seed),
            rendezvous: Rendezvous::withholding(),
            dead_letters: DeadLetters::default(),
            strangers: Strangers::default(),
            accounts: Accounts::default(),
            counting: Counting::default(),
            fenced: None,
            leaving: false,
            outputs: VecDeque::new(),
        };
        partition.rendezvous.breakers().seed(seed.as_u64_pair().0);
        partition.rendezvous.on_versions(index, surroundings);
        partition
    }

    /// Hears a record.
    pub fn on_record(&mut self, source: Source, received: &Received, now: Timestamp, surroundings: &mut Surroundings) {
        match source {
            Source::Requests if self.ledger.on_request(received.offset) => self.on_request(received, surroundings),
            Source::Responses if self.ledger.on_response(received.offset) => self.on_response(received, surroundings),
            Source::Requests | Source::Responses => {}
            Source::Results => self.on_results(received, now, surroundings),
        }
        if !self.ledger.owns() && self.rendezvous.in_hand() >= WARM_MAX {
            self.ledger.on_full();
        }
        self.settle(now);
    }

    /// Hears that the partition is somebody else's to take over, or ours again: it is served until somebody does.
    pub fn on_leaving(&mut self, leaving: bool) {
        self.leaving = leaving;
    }

    /// Hears that the policy was edited.
    pub fn on_versions(&mut self, now: Timestamp, surroundings: &mut Surroundings) {
        self.rendezvous.on_versions(self.index, surroundings);
        self.settle(now);
    }

    /// Hears what the three partitions hold.
    pub fn on_spans(&mut self, survey: u32, spans: &Spans) {
        if self.ledger.on_spans(survey, spans) {
            self.tell(Fact::RecordsGone);
        }
    }

    /// Hears that the log does not hold what was to be read.
    pub fn on_offset_gone(&mut self, surroundings: &mut Surroundings) {
        self.ledger.on_offset_gone();
        self.forget(surroundings);
    }

    /// Hears that a result was not written for sure.
    pub fn on_result_unwritten(
        &mut self,
        request: RequestId,
        by: Fencing,
        why: Unwritten,
        (now, surroundings): (Timestamp, &Surroundings),
    ) {
        let Some(entry) = self.ledger.on_result_unwritten(request, by, why, now) else { return };
        if let Some(record) = shrunk(entry, now, surroundings) {
            self.ledger.shrink(request, record);
            self.tell(Fact::Shrunk);
        }
    }

    /// Hears that a fence was not written for sure.
    pub fn on_fence_unwritten(&mut self, by: Fencing, now: Timestamp) {
        self.ledger.on_fence_unwritten(by, now);
    }

    /// Hears whether a dead letter was written.
    pub fn on_dead_letter(&mut self, source: Source, offset: i64, written: bool) {
        if self.dead_letters.on_written(source, offset, written) {
            self.let_go(source, offset);
        }
    }

    /// Hears that the log takes no dead letter so large: it is written again without the bytes of its record.
    pub fn on_dead_letter_too_large(&mut self, source: Source, offset: i64) {
        if self.dead_letters.on_too_large(source, offset) {
            self.let_go(source, offset);
        }
    }

    /// Does what is due at `now`.
    pub fn on_time(&mut self, now: Timestamp, surroundings: &mut Surroundings) {
        let again = self.ledger.on_time(now);
        if again > 0 {
            self.tell(Fact::WrittenAgain(again));
        }
        self.time_takeover(now);
        if self.is_running() || mutation::is(TimersFireDuringReplay) {
            self.rendezvous.on_time(now, surroundings);
            self.settle(now);
        }
    }

    /// Sends failed dead letters again, tells what was counted of a trial, and returns from where a successor must
    /// read, if that has changed. To be called about twice a second.
    pub fn on_tick(&mut self, now: Timestamp) -> Option<Watermarks> {
        let again = if self.ledger.owns() { self.dead_letters.again() } else { Vec::new() };
        let again = again.into_iter().map(|(source, offset, record)| Output::WriteDeadLetter(source, offset, record));
        self.outputs.extend(again);
        self.count_trial(now);
        let spent = self.accounts.take(now);
        self.outputs.extend(spent.map(|spent| Output::Tell(Fact::Spent(Box::new(spent)))));
        self.ledger.watermarks(self.rendezvous.oldest_orphan(), now)
    }

    /// Returns what was counted since the last call. To be called about twice a second, and before it goes.
    pub fn take_counted(&mut self, now: Timestamp) -> Sum {
        self.counting.take(now)
    }

    /// Returns the next instant worth waking for.
    #[must_use]
    pub fn next_time(&self) -> Option<Timestamp> {
        let deadline = if self.is_running() { self.rendezvous.next_deadline() } else { None };
        [deadline, self.ledger.next_time()].into_iter().flatten().min()
    }

    /// Returns what came of what was told, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.ledger.poll_action().map(Output::Act))
    }

    /// Returns whether the partition is served.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.ledger.running_since().is_some()
    }

    /// Returns whether nobody else can write its results any more.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.ledger.owns()
    }

    /// Returns the next request to read: where whoever reads them by other means goes on.
    #[must_use]
    pub fn next_request(&self) -> i64 {
        self.ledger.next_request()
    }

    /// Returns the next response to read.
    #[must_use]
    pub fn next_response(&self) -> i64 {
        self.ledger.next_response()
    }

    /// Returns whether so many responses wait for their requests that requests should be read first.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.rendezvous.is_crowded()
    }

    /// Returns the breakers of those who answer in it.
    pub(crate) fn breakers(&mut self) -> &mut Breakers {
        self.rendezvous.breakers()
    }

    /// Returns how many requests are open.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.rendezvous.open_requests()
    }

    /// Returns how many results are written and not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> usize {
        self.ledger.unconfirmed()
    }

    fn on_request(&mut self, received: &Received, surroundings: &mut Surroundings) {
        match understand(received, surroundings).and_then(|envelope| self.expect_request(envelope, surroundings)) {
            Ok(request) => {
                let oldest_orphan = self.rendezvous.oldest_orphan();
                if self.rendezvous.on_request(request, received.appended, received.offset, surroundings) {
                    self.ledger.hold(received.offset, oldest_orphan);
                }
            }
            Err(reason) => {
                self.ledger.hold(received.offset, self.rendezvous.oldest_orphan());
                self.bury(Source::Requests, received, reason);
            }
        }
    }

    fn on_response(&mut self, received: &Received, surroundings: &mut Surroundings) {
        match understand(received, surroundings).and_then(expect_response) {
            Ok(response) if response.request.partition(self.count) != self.index => self.tell(Fact::Misplaced),
            Ok(response) => {
                self.rendezvous.on_response(response, received.appended, received.offset, surroundings);
            }
            Err(reason) => {
                self.ledger.hold_response(received.offset);
                self.bury(Source::Responses, received, reason);
            }
        }
    }

    fn on_results(&mut self, received: &Received, now: Timestamp, surroundings: &mut Surroundings) {
        match understand(received, surroundings) {
            Ok(Envelope::Result(result)) => self.on_result(&result, received, surroundings),
            Ok(Envelope::Fence(fence)) => match self.ledger.on_fence(fence, received.offset, received.appended, now) {
                Fenced::TakenOver => {
                    self.rendezvous.release();
                    self.tell(Fact::TakenOver);
                }
                Fenced::Lost => {
                    self.forget(surroundings);
                    self.tell(if self.leaving { Fact::HandedOver } else { Fact::FencedOff });
                }
                Fenced::Repeated | Fenced::Ignored => {}
            },
            Ok(_) => self.on_garbage(received, "it is neither a result nor a fence", now),
            Err(reason) => self.on_garbage(received, &reason, now),
        }
    }

    /// Whoever put it there, every reader skips it; the log keeps it where it lies, so that to name it is enough.
    fn on_garbage(&mut self, received: &Received, reason: &str, now: Timestamp) {
        self.ledger.on_garbage(received.offset);
        let named = self.strangers.begins(now).then(|| format!("{}/{}: {reason}", received.partition, received.offset));
        self.tell(Fact::Unreadable(named));
    }

    fn on_result(&mut self, result: &ResultRecord, received: &Received, surroundings: &mut Surroundings) {
        let (reading, confirmed) = self.ledger.on_result(result, received.offset);
        if let Some(Confirmed { born, .. }) = confirmed {
            let live = Live(Arc::clone(surroundings.versions.live()));
            self.tell(Fact::Confirmed(result.kind, received.appended.since(born), live));
        }
        if let Some(due) = confirmed.and_then(|confirmed| confirmed.due) {
            // By the log's time and not by ours: we read it back unhurried. A millisecond more covers what Kafka
            // rounds off that time, and the hop from the log to a reader who waits.
            surroundings.way_back.record(due, received.appended.after(Duration::from_millis(1)));
        }
        match reading {
            Reading::Void => self.tell(Fact::Void),
            Reading::Valid if self.ledger.owns() => {
                self.counting.on_given(result, received.appended);
                surroundings.traces.on_result(result, received.appended, self.index);
            }
            // Behind our fence all valid results are our own, and known.
            Reading::Repeat if self.ledger.owns() => {}
            Reading::Valid | Reading::Repeat => {
                surroundings.traces.forget(&result.request);
                if let Some(offset) = self.rendezvous.on_decided(result.request, received.appended) {
                    self.ledger.let_go(offset);
                }
            }
        }
    }

    /// Checks that it is a request of this rendezvous and partition.
    fn expect_request(&self, envelope: Envelope, surroundings: &Surroundings) -> Result<Request, String> {
        let Envelope::Request(request) = envelope else { return Err("it is not a request".to_owned()) };
        if request.policy.rendezvous != *surroundings.versions.live().name() {
            return Err(format!("it is a request to `{}`", request.policy.rendezvous));
        }
        // A second copy of it elsewhere would be decided twice.
        let home = request.id.partition(self.count);
        if home != self.index {
            return Err(format!("its partition is {home}"));
        }
        Ok(request)
    }

    /// Writes down what came of the requests: results for the ledger, facts for the counters.
    fn settle(&mut self, now: Timestamp) {
        while let Some(output) = self.rendezvous.poll_output() {
            match output {
                Met::Emit(decision) => self.write(*decision, now),
                Met::Late(response, after) => {
                    // Before, a predecessor hears it too.
                    if self.ledger.owns() {
                        self.counting.on_late(&response, after, self.accounts.is_canary(&response.executor));
                        self.accounts.on_late(&response, now);
                    }
                    self.tell(Fact::Late);
                }
                Met::Ignored(_, heard) => self.tell(Fact::Ignored(heard)),
                Met::Copy(_) => self.tell(Fact::Copy),
                Met::Evicted(count) => self.tell(Fact::Evicted(count)),
                Met::Parked(_) => self.tell(Fact::Parked),
                Met::Unheard(_) => self.tell(Fact::Unheard),
                Met::NoSuchCase(_) => self.tell(Fact::NoSuchCase),
            }
        }
    }

    fn write(&mut self, decision: Decision, now: Timestamp) {
        let Some(fencing) = self.ledger.fencing() else { return };
        self.accounts.on_verdict(&decision);
        let Decision { request, offset, born, asked, budget, pin, verdict, due } = decision;
        let policy = pin.definition.policy_ref.clone();
        let body = verdict.body(&policy, pin.case.as_deref(), born, budget);
        let (kind, key, reply) = (verdict.kind(), pin.key, pin.reply);
        let record = ResultRecord { request, policy, kind, key, reply, fencing, body }.encode();
        // What fell due before we served says nothing about the way back.
        let due = self.ledger.running_since().and_then(|since| Some(due.unwrap_or(now)).filter(|due| *due >= since));
        self.ledger.write(request, Entry { offset, born, budget, record, due });
        self.tell(Fact::Decided(Outcome::from(&verdict), now.since(born)));
        self.counting.on_verdict(request, verdict, (born, asked), budget);
    }

    /// Sends a held record to the dead letters.
    fn bury(&mut self, source: Source, received: &Received, reason: String) {
        self.tell(Fact::DeadLettered);
        let withheld = !self.ledger.owns();
        match self.dead_letters.bury(source, received, reason, withheld) {
            Some(record) if !withheld => {
                self.outputs.push_back(Output::WriteDeadLetter(source, received.offset, record));
            }
            Some(_) => {}
            None => self.let_go(source, received.offset),
        }
    }

    /// Tells what was counted of a trial, and publishes it now and then.
    fn count_trial(&mut self, now: Timestamp) {
        if !self.is_running() {
            return;
        }
        let contest = self.rendezvous.contest();
        contest.on_time(now);
        let (fresh, tally) = (contest.take_fresh(), contest.publication(self.index, now));
        self.outputs.extend(fresh.map(|fresh| Output::Tell(Fact::Tried(Box::new(fresh)))));
        self.outputs.extend(tally.map(Output::WriteTally));
    }

    /// Tells how long nobody could write: from our fence on, before which a predecessor could, until we serve.
    fn time_takeover(&mut self, now: Timestamp) {
        if let Some(fenced) = self.fenced
            && self.is_running()
        {
            self.fenced = None;
            self.tell(Fact::Serving(now.since(fenced)));
        } else if self.fenced.is_none() && self.ledger.fencing().is_some() && !self.is_running() {
            self.fenced = Some(now);
        }
    }

    /// Drops what is in hand: it will be read again.
    fn forget(&mut self, surroundings: &mut Surroundings) {
        self.fenced = None;
        // Who answers is known from what was read, and not by the right to write.
        let breakers = std::mem::take(self.rendezvous.breakers());
        self.rendezvous = Rendezvous::withholding();
        *self.rendezvous.breakers() = breakers;
        self.rendezvous.on_versions(self.index, surroundings);
        self.dead_letters.clear();
        self.counting.forget();
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

fn understand(received: &Received, surroundings: &mut Surroundings) -> Result<Envelope, String> {
    surroundings.decoder.decode(&received.record).map_err(|error| error.to_string())
}

fn expect_response(envelope: Envelope) -> Result<Response, String> {
    if let Envelope::Response(response) = envelope { Ok(response) } else { Err("it is not a response".to_owned()) }
}

#[cfg(test)]
mod tests;

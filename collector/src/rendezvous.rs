//! Many requests meeting their responses: one partition's worth.
//!
//! Pure: time is an argument. Laws, each tested by name:
//! - *One verdict*: a request read any number of times, with any responses in any order, is emitted once.
//! - *Time first*: a response that the log took in at or after the deadline does not count.
//! - *A second copy of a request* neither resets its clock nor wipes its evidence.
//! - *All that is due goes at once*, compared inclusively, without waiting for a record.
//! - *Pinned*: a request is decided by the version in its header, whatever is live meanwhile. Only one whose version
//!   never comes gets the default of another.
//! - *A trial changes nothing*: with a shadow or without, the same events give the same outputs.
//! - *Withheld*: as long as somebody else may decide, nothing is let out, and what he decides leaves no trace.
//!
//! It deliberately does not know what a policy means (`policies`) nor who may write the result (`ledger`).

mod contest;
mod decided;
mod mailbox;
mod opening;
mod parking;
mod pin;
mod withheld;

use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    time::Duration,
};

use foldhash::fast::RandomState;
use policies::{Evaluation, Heard, Step, Verdict};
use wire::{
    Budget, Request, RequestId, Response, Timestamp,
    mutation::{self, Mutation::LateIsCounted},
};

use crate::{breakers::Breakers, surroundings::Surroundings};
pub(crate) use contest::Contest;
use decided::Decided;
pub(crate) use decided::WINDOW;
use mailbox::{Letter, Mailbox};
use parking::{Parked, Parking, Place};
pub use pin::Pin;
pub(crate) use pin::policy_for;
use withheld::{Tried, Withheld};

/// At most so many requests are open per partition; one more is answered with its default at once.
const OPEN_MAX: usize = 1 << 20;

/// The requests of one partition, meeting their responses.
#[derive(Debug, Default)]
pub struct Rendezvous {
    /// Boxed, because a table that grows has twice the room it needs.
    open: HashMap<RequestId, Box<Open>, RandomState>,
    open_max: OpenMax,
    /// One entry for each open request, so that the first is the next instant worth waking for.
    due: BTreeSet<(Timestamp, RequestId)>,
    parking: Parking,
    mailbox: Mailbox,
    decided: Decided,
    /// Whether executors are waited for here.
    breakers: Breakers,
    contest: Contest,
    /// As long as somebody else may decide.
    withheld: Option<Withheld>,
    /// The latest instant heard of, in the log or from a clock.
    latest: Timestamp,
    outputs: VecDeque<Output>,
}

/// How many requests may be open: `OPEN_MAX` everywhere but in tests.
#[derive(Debug)]
struct OpenMax(usize);

/// One request that is not decided.
#[derive(Debug)]
struct Open {
    /// Taken out only while it is told something.
    evaluation: Option<Evaluation>,
    due: Timestamp,
    offset: i64,
    born: Timestamp,
    asked: Timestamp,
    budget: Budget,
    pin: Pin,
}

/// What came of it.
#[derive(Debug)]
pub enum Output {
    /// A request is decided. This happens once.
    Emit(Box<Decision>),
    /// A response came after the verdict, so long after its request's birth, if that is known.
    Late(Response, Option<Duration>),
    /// A response that changed nothing, and why.
    Ignored(RequestId, Heard),
    /// Another copy of a request.
    Copy(RequestId),
    /// So many responses were put out of the mailbox: their requests never came.
    Evicted(usize),
    /// A request waits for its version.
    Parked(RequestId),
    /// It waited in vain: the verdict that comes with this is the newest known version's default.
    Unheard(RequestId),
    /// A request is of a case that its version does not have: it is decided as if of none.
    NoSuchCase(RequestId),
}

/// A request, decided.
#[derive(Debug)]
pub struct Decision {
    /// Which.
    pub request: RequestId,
    /// Where it lies.
    pub offset: i64,
    /// When it was born.
    pub born: Timestamp,
    /// When the log took it in.
    pub asked: Timestamp,
    /// How long its answer could take.
    pub budget: Budget,
    /// By what.
    pub pin: Pin,
    /// What was decided.
    pub verdict: Verdict,
    /// The instant that was waited for; `None` if a record brought the verdict.
    pub due: Option<Timestamp>,
}

// === impl Rendezvous ===

impl Rendezvous {
    /// Opens a request, which the log took in at `appended`, and lets it hear what came before it. Returns whether it
    /// is the first copy. A request of a version that is not known waits for it.
    pub fn on_request(
        &mut self,
        request: Request,
        appended: Timestamp,
        offset: i64,
        surroundings: &mut Surroundings,
    ) -> bool {
        self.latest = self.latest.max(appended);
        let id = request.id;
        if self.decided.has(&id) || self.open.contains_key(&id) || self.parking.has(&id) {
            self.outputs.push_back(Output::Copy(id));
            return false;
        }
        // A starter whose clock runs ahead must not buy itself time: no request is born after the log took it in
        // (which may be rounded down to a millisecond).
        let place = Place { offset, appended, born: request.born.min(appended.after(Duration::from_millis(1))) };
        surroundings.traces.on_request(&request, place.born, appended);
        match surroundings.versions.get(request.policy.version) {
            Some(definition) => self.open(&request, place, definition, surroundings),
            None => self.park(request, place, surroundings),
        }
        true
    }

    /// Opens what waited for a version that has come, and begins, goes on with or ends a trial. `index` is the
    /// partition's.
    pub fn on_versions(&mut self, index: i32, surroundings: &mut Surroundings) {
        self.breakers.on_versions(&surroundings.versions);
        self.contest.on_versions(&surroundings.versions, index);
        for Parked { request, place, .. } in self.parking.arrived(&surroundings.versions) {
            if let Some(definition) = surroundings.versions.get(request.policy.version) {
                self.open(&request, place, definition, surroundings);
            }
        }
    }

    /// Hears a response that the log took in at `appended`.
    pub fn on_response(
        &mut self,
        response: Response,
        appended: Timestamp,
        offset: i64,
        surroundings: &mut Surroundings,
    ) {
        self.latest = self.latest.max(appended);
        if let Some(open) = self.open.get(&response.request) {
            surroundings.speeds.record(&response, open.born, appended);
            surroundings.traces.on_response(&response, appended);
            self.hear(response, appended);
        } else if self.decided.has(&response.request) {
            self.hear_late(response, appended, surroundings);
        } else {
            let evicted = self.mailbox.keep(response, appended, offset);
            self.report_evicted(evicted);
        }
    }

    /// Plays all that is due at `now`, in one pass.
    pub fn on_time(&mut self, now: Timestamp, surroundings: &mut Surroundings) {
        self.latest = self.latest.max(now);
        while let Some(&(due, id)) = self.due.first()
            && due <= now
        {
            self.play(&id, now);
        }
        while let Some(parked) = self.parking.overdue(now) {
            self.give_up(&parked, surroundings);
        }
        let evicted = self.mailbox.on_time(now);
        self.report_evicted(evicted);
        self.decided.on_time(now);
    }

    /// Returns the next instant worth waking for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let due = self.due.first().map(|(due, _)| *due);
        [due, self.parking.next_deadline()].into_iter().flatten().min()
    }

    /// Returns what came of what was told, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns how many requests are open.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.open.len() + self.parking.len()
    }

    /// Returns whether it would be better to read requests than more responses.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.mailbox.is_crowded()
    }

    /// Returns the offset of the oldest response whose request has not been read.
    #[must_use]
    pub fn oldest_orphan(&self) -> Option<i64> {
        self.mailbox.oldest()
    }

    /// Returns the breakers of those who answer here.
    pub(crate) fn breakers(&mut self) -> &mut Breakers {
        &mut self.breakers
    }

    /// Returns what is counted of a trial.
    pub(crate) fn contest(&mut self) -> &mut Contest {
        &mut self.contest
    }

    /// Lets `request` hear the responses that came before it.
    fn deliver(&mut self, request: &RequestId, surroundings: &mut Surroundings) {
        for Letter { response, appended } in self.mailbox.take(request) {
            if let Some(open) = self.open.get(request) {
                surroundings.speeds.record(&response, open.born, appended);
                surroundings.traces.on_response(&response, appended);
                self.hear(response, appended);
            } else {
                self.hear_late(response, appended, surroundings);
            }
        }
    }

    /// Tells an open request a response. What ended by then is played first: the response may come too late.
    fn hear(&mut self, response: Response, appended: Timestamp) {
        self.contest.on_response(&response, appended);
        let id = response.request;
        let open = self.open.get_mut(&id).expect("the caller found it open");
        let (due, born, evaluation) = (open.due, open.born, open.evaluation.take());
        let evaluation = evaluation.expect("an open request holds its evaluation between events");
        let appended = if mutation::is(LateIsCounted) { open.born } else { appended };
        let (heard, step) = evaluation.observe(&response, appended);
        let played = (due <= appended && heard != Heard::New).then_some((due, appended));
        self.settle(&id, step, played);
        match heard {
            Heard::New | Heard::Unawaited => self.breakers.on_response(&response, born, appended, self.latest),
            Heard::Late => self.breakers.on_late(&response, born, appended, self.latest),
            Heard::Duplicate | Heard::Uninvited => {}
        }
        match heard {
            Heard::New => {}
            Heard::Late => {
                let after = appended.since(born);
                self.outputs.push_back(Output::Late(response, Some(after)));
            }
            Heard::Duplicate | Heard::Uninvited | Heard::Unawaited => {
                self.outputs.push_back(Output::Ignored(id, heard));
            }
        }
    }

    /// Takes note of a response after the verdict: it may be the only way to know how fast, or alive, somebody is.
    fn hear_late(&mut self, response: Response, appended: Timestamp, surroundings: &mut Surroundings) {
        let born = self.decided.born(&response.request);
        if let Some(born) = born {
            surroundings.speeds.record(&response, born, appended);
            self.breakers.on_late(&response, born, appended, self.latest);
        }
        surroundings.traces.on_response(&response, appended);
        self.contest.on_response(&response, appended);
        self.outputs.push_back(Output::Late(response, born.map(|born| appended.since(born))));
    }

    /// Plays what is due of one request at `now`.
    fn play(&mut self, id: &RequestId, now: Timestamp) {
        let open = self.open.get_mut(id).expect("every indexed deadline belongs to an open request");
        let (due, evaluation) = (open.due, open.evaluation.take());
        let step = evaluation.expect("an open request holds its evaluation between events").on_time(now);
        self.settle(id, step, Some((due, now)));
    }

    /// Puts an evaluation back under its next deadline, or lets its verdict out. `played` is the deadline that fell
    /// due and until when it was played.
    fn settle(&mut self, id: &RequestId, step: Step, played: Option<(Timestamp, Timestamp)>) {
        let Entry::Occupied(mut entry) = self.open.entry(*id) else { return };
        match step {
            Step::Wait(evaluation) => {
                let floor = played.map_or(Timestamp::EPOCH, |(_, until)| until.after(Duration::from_micros(1)));
                let due = evaluation.deadline().max(floor);
                let open = entry.get_mut();
                if due != open.due {
                    self.due.remove(&(open.due, *id));
                    self.due.insert((due, *id));
                    open.due = due;
                }
                open.evaluation = Some(evaluation);
            }
            Step::Emit(verdict) => {
                let Open { due, offset, born, asked, budget, pin, .. } = *entry.remove();
                self.due.remove(&(due, *id));
                self.decided.remember(*id, born, self.latest);
                self.breakers.on_verdict(&verdict, born, self.latest);
                let due = played.map(|(due, _)| due);
                let decision = Decision { request: *id, offset, born, asked, budget, pin, verdict: *verdict, due };
                self.emit(decision, Tried::Yes);
            }
        }
    }

    fn report_evicted(&mut self, evicted: usize) {
        if evicted > 0 {
            self.outputs.push_back(Output::Evicted(evicted));
        }
    }
}

// === impl OpenMax ===

impl Default for OpenMax {
    fn default() -> Self {
        Self(OPEN_MAX)
    }
}

#[cfg(test)]
mod tests;

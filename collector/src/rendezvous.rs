//! Many requests meeting their responses: one partition's worth.
//!
//! Pure: time is an argument. Laws, each tested by name:
//! - *One verdict*: a request read any number of times, with any responses in any order, is emitted once.
//! - *Time first*: a response that the log took in at or after the deadline does not count.
//! - *A second copy of a request* neither resets its clock nor wipes its evidence.
//! - *All that is due goes at once*, compared inclusively, without waiting for a record.
//!
//! It deliberately does not know what a policy means (`policies`) nor who may write the result (`ledger`).

mod decided;
mod mailbox;

use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use policies::{Circumstances, Evaluation, Heard, Policy, Reason, Step, Verdict};
use wire::{Budget, Plan, Request, RequestId, Response, Timestamp};

use decided::Decided;
pub(crate) use decided::WINDOW;
use mailbox::{Letter, Mailbox};

/// At most so many requests are open per partition; one more is answered with its default at once.
const OPEN_MAX: usize = 1 << 20;

/// The requests of one partition, meeting their responses.
#[derive(Debug)]
pub struct Rendezvous {
    policy: Arc<Policy>,
    open: HashMap<RequestId, Open>,
    /// One entry for each open request, so that the first is the next instant worth waking for.
    due: BTreeSet<(Timestamp, RequestId)>,
    mailbox: Mailbox,
    decided: Decided,
    /// The latest instant heard of, in the log or from a clock.
    latest: Timestamp,
    outputs: VecDeque<Output>,
}

/// One request that is not decided.
#[derive(Debug)]
struct Open {
    /// Taken out only while it is told something.
    evaluation: Option<Evaluation>,
    due: Timestamp,
    offset: i64,
    born: Timestamp,
    budget: Budget,
}

/// What came of it.
#[derive(Debug)]
pub enum Output {
    /// A request is decided. This happens once.
    Emit(Box<Decision>),
    /// A response came after the verdict.
    Late(Response),
    /// A response that changed nothing, and why.
    Ignored(RequestId, Heard),
    /// Another copy of a request.
    Copy(RequestId),
    /// So many responses were put out of the mailbox: their requests never came.
    Evicted(usize),
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
    /// How long its answer could take.
    pub budget: Budget,
    /// What was decided.
    pub verdict: Verdict,
    /// The instant that was waited for; `None` if a record brought the verdict.
    pub due: Option<Timestamp>,
}

// === impl Rendezvous ===

impl Rendezvous {
    /// Returns an empty one.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        Self {
            policy,
            open: HashMap::new(),
            due: BTreeSet::new(),
            mailbox: Mailbox::default(),
            decided: Decided::default(),
            latest: Timestamp::EPOCH,
            outputs: VecDeque::new(),
        }
    }

    /// Opens a request, which the log took in at `appended`, and lets it hear what came before it. Returns whether it
    /// is the first copy. `lead` is how much earlier than its deadline it must be decided to be received in time.
    pub fn on_request(&mut self, request: &Request, appended: Timestamp, offset: i64, lead: Duration) -> bool {
        self.latest = self.latest.max(appended);
        if self.decided.has(&request.id) || self.open.contains_key(&request.id) {
            self.outputs.push_back(Output::Copy(request.id));
            return false;
        }
        // A starter whose clock runs ahead must not buy itself time: no request is born after the log took it in
        // (which may be rounded down to a millisecond).
        let born = request.born.min(appended.after(Duration::from_millis(1)));
        let open = Open { evaluation: None, due: Timestamp::EPOCH, offset, born, budget: request.budget };
        if request.budget.deadline(born) <= appended {
            self.refuse(request, &open, Reason::StaleOnArrival);
        } else if self.open.len() >= OPEN_MAX {
            self.refuse(request, &open, Reason::Shed);
        } else {
            self.admit(request.id, open, &request.plan, lead);
        }
        self.deliver(&request.id);
        true
    }

    /// Hears a response that the log took in at `appended`.
    pub fn on_response(&mut self, response: Response, appended: Timestamp, offset: i64) {
        self.latest = self.latest.max(appended);
        if self.open.contains_key(&response.request) {
            self.hear(response, appended);
        } else if self.decided.has(&response.request) {
            self.outputs.push_back(Output::Late(response));
        } else {
            let evicted = self.mailbox.keep(response, appended, offset);
            self.report_evicted(evicted);
        }
    }

    /// Plays all that is due at `now`, in one pass.
    pub fn on_time(&mut self, now: Timestamp) {
        self.latest = self.latest.max(now);
        while let Some(&(due, id)) = self.due.first()
            && due <= now
        {
            self.play(&id, now);
        }
        let evicted = self.mailbox.on_time(now);
        self.report_evicted(evicted);
        self.decided.on_time(now);
    }

    /// Takes note that `request` has a result in the log, written before this rendezvous began.
    pub fn on_decided(&mut self, request: RequestId, appended: Timestamp) {
        self.latest = self.latest.max(appended);
        self.decided.remember(request, appended);
    }

    /// Returns the next instant worth waking for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Returns what came of what was told, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns how many requests are open.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.open.len()
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

    fn admit(&mut self, id: RequestId, open: Open, plan: &Plan, lead: Duration) {
        let step = Evaluation::open(self.policy.clone(), plan, open.born, open.budget, lead, &Circumstances::default());
        self.due.insert((open.due, id));
        self.open.insert(id, open);
        self.settle(&id, step, None);
    }

    /// Answers a request with its default without letting it wait.
    fn refuse(&mut self, request: &Request, open: &Open, reason: Reason) {
        let Open { offset, born, budget, .. } = *open;
        let verdict =
            Evaluation::refuse(&self.policy, &request.plan, born, reason, self.latest, &Circumstances::default());
        self.decided.remember(request.id, self.latest);
        let decision = Decision { request: request.id, offset, born, budget, verdict, due: None };
        self.outputs.push_back(Output::Emit(Box::new(decision)));
    }

    /// Lets `request` hear the responses that came before it.
    fn deliver(&mut self, request: &RequestId) {
        for Letter { response, appended } in self.mailbox.take(request) {
            if self.open.contains_key(request) {
                self.hear(response, appended);
            } else {
                self.outputs.push_back(Output::Late(response));
            }
        }
    }

    /// Tells an open request a response. What ended by then is played first: the response may come too late.
    fn hear(&mut self, response: Response, appended: Timestamp) {
        let id = response.request;
        let open = self.open.get_mut(&id).expect("the caller found it open");
        let (due, evaluation) = (open.due, open.evaluation.take());
        let evaluation = evaluation.expect("an open request holds its evaluation between events");
        let (heard, step) = evaluation.observe(&response, appended);
        let played = (due <= appended && heard != Heard::New).then_some((due, appended));
        self.settle(&id, step, played);
        match heard {
            Heard::New => {}
            Heard::Late => self.outputs.push_back(Output::Late(response)),
            Heard::Duplicate | Heard::Uninvited => self.outputs.push_back(Output::Ignored(id, heard)),
        }
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
                let Open { due, offset, born, budget, .. } = entry.remove();
                self.due.remove(&(due, *id));
                self.decided.remember(*id, self.latest);
                let due = played.map(|(due, _)| due);
                let decision = Decision { request: *id, offset, born, budget, verdict: *verdict, due };
                self.outputs.push_back(Output::Emit(Box::new(decision)));
            }
        }
    }

    fn report_evicted(&mut self, evicted: usize) {
        if evicted > 0 {
            self.outputs.push_back(Output::Evicted(evicted));
        }
    }
}

#[cfg(test)]
mod tests;

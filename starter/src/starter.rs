//! One caller's way: check, take a seat, write once, wait for the one result.
//!
//! Nothing is invented here: a caller gets a valid result of the log, or is told which step it did not pass.

mod rows;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::{BusError, Clock, Producer, TopicPartition};
use bytes::Bytes;
use policies::Versions;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;
use wire::{Budget, RendezvousName, ReplyTo, ReplyTopics, Request, RequestId, ResultRecord, Timestamp};

use crate::{
    admission::{AdmissionKind, Ended},
    gate::{self, Gate},
    input::{InvalidInput, Parameter, Protocol, Said},
    metrics::{Metrics, Outcome},
    plan::{Origin, key},
    refusal::{Refusal, ShedBy},
    serving::{Incoming, Served, Serving, Understood},
    waiting::{Seat, Ticket, Waiting},
};

pub use rows::{Inferred, Row};

/// The front of one rendezvous: callers in this process ask here. Cheap to clone; every clone is the same starter.
#[derive(Clone)]
pub struct Starter(Arc<Shared>);

/// What a caller sent.
#[derive(Clone, Debug, Default)]
pub struct RawInput {
    /// A JSON object of features, or an Open Inference Protocol body.
    pub body: Bytes,
    /// How many bytes of it are JSON, where tensors' values lie behind that in binary form.
    pub json_bytes: Option<usize>,
    /// The caller's name for it: the same key, the same request.
    pub key: Option<String>,
    /// What is said beside it: names of attributes, and text.
    pub attributes: Vec<Said>,
    /// Attributes as a body's parameters say them, where they are not in this one.
    pub parameters: Vec<Parameter>,
    /// How long the answer may take; lowers the policy's budget and never raises it.
    pub budget: Option<Budget>,
    /// The version that is to decide, which must be the live one; `None` leaves it to the rendezvous.
    pub version: Option<u64>,
    /// W3C trace context.
    pub traceparent: Option<Bytes>,
    /// Where the result is to go besides the results topic: one of the topics that this starter allows.
    pub reply: Option<Arc<ReplyTo>>,
}

/// What a caller got.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The request's id.
    pub id: RequestId,
    /// Its one result.
    pub result: ResultRecord,
    /// From the input to the result, as this process saw it.
    pub elapsed: Duration,
    /// How the caller spoke.
    pub protocol: Protocol,
}

/// What a starter takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes an input may have.
    pub body_bytes: usize,
    /// How many rows an input may have.
    pub rows: usize,
    /// How many callers may wait, and requests be in flight; more are shed at once.
    pub callers: usize,
    /// Whether fewer may be in flight when those cannot be answered in time.
    pub admission: AdmissionKind,
    /// How long behind the deadline a result is still awaited.
    pub grace: Duration,
}

struct Shared {
    name: RendezvousName,
    versions: Serving,
    clock: Clock,
    metrics: Arc<Metrics>,
    limits: Limits,
    replies: ReplyTopics,
    waiting: Mutex<Waiting<Waker>>,
    /// Locked after `waiting`, never before it.
    gate: Mutex<Gate>,
    link: OnceLock<Link>,
    serving: AtomicBool,
}

/// Told once: the result, or why the request could not be written.
type Waker = oneshot::Sender<Result<ResultRecord, BusError>>;

/// Where requests are written.
pub(crate) struct Link {
    pub(crate) producer: Arc<dyn Producer>,
    /// The partitions of the requests topic.
    pub(crate) partitions: Vec<TopicPartition>,
}

/// A request in flight for a caller, until it ends.
struct Pass<'a> {
    starter: &'a Starter,
    entered: Timestamp,
    budget: Budget,
    ended: Ended,
}

/// A caller's seat; given back when the caller is done or goes away.
struct Place<'a> {
    starter: &'a Starter,
    id: RequestId,
    ticket: Ticket,
    answered: bool,
}

// === impl Starter ===

impl Starter {
    pub(crate) fn new(
        versions: watch::Receiver<Arc<Versions>>,
        clock: Clock,
        metrics: Arc<Metrics>,
        limits: Limits,
        replies: ReplyTopics,
    ) -> Self {
        let name = versions.borrow().live().name().clone();
        let gate = Gate::new(limits.admission, limits.callers);
        metrics.on_limit(gate.limit());
        Self(Arc::new(Shared {
            name,
            versions: Serving::new(versions, limits.body_bytes),
            clock,
            metrics,
            limits,
            replies,
            waiting: Mutex::new(Waiting::new(limits.callers)),
            gate: Mutex::new(gate),
            link: OnceLock::new(),
            serving: AtomicBool::new(false),
        }))
    }

    /// Asks, and waits for the one result. May be called from any runtime that has a timer; may be dropped at any time.
    pub async fn ask(&self, input: RawInput) -> Result<Answered, Refusal> {
        self.counted(self.answer(input, self.0.clock.now()).await)
    }

    /// Counts how it ended for a caller.
    pub(crate) fn counted(&self, answer: Result<Answered, Refusal>) -> Result<Answered, Refusal> {
        match &answer {
            Ok(answered) => self.0.metrics.on_answer(answered.result.kind, answered.elapsed),
            Err(refusal) => self.0.metrics.on_refusal(refusal),
        }
        answer
    }

    /// Returns the name of the rendezvous.
    #[must_use]
    pub fn name(&self) -> &RendezvousName {
        &self.0.name
    }

    /// Returns the versions that new inputs come under now.
    #[must_use]
    pub fn versions(&self) -> Arc<Versions> {
        Arc::clone(self.0.versions.now().versions())
    }

    /// Returns what is taken on here.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Returns which topics callers may have their results sent to.
    pub(crate) fn replies(&self) -> &ReplyTopics {
        &self.0.replies
    }

    /// Returns whether callers are served now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.serving.load(Ordering::Acquire)
    }

    /// Returns how many callers wait.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.waiting().callers()
    }

    async fn answer(&self, input: RawInput, begun: Timestamp) -> Result<Answered, Refusal> {
        // Before anything is done for it: what is shed costs next to nothing. A key may be that of a request in hand.
        if input.key.is_none() {
            self.has_room(begun)?;
        }
        let understood = self.understand(&input, begun)?;
        // Whoever waits holds nothing of what he sent.
        drop(input);
        self.pursue(understood, begun).await
    }

    pub(crate) async fn pursue(&self, understood: Understood, begun: Timestamp) -> Result<Answered, Refusal> {
        let Understood { request, digest, protocol } = understood;
        let link = self.link()?;
        let (id, size, due) = (request.id, request.body.len(), request.deadline().after(self.0.limits.grace));
        let (waker, woken) = oneshot::channel();
        let (seat, mut pass) = {
            let mut waiting = self.waiting();
            let pass = if waiting.is_new(id) { Some(Pass::take(self, begun, request.budget)?) } else { None };
            (waiting.join(id, digest, waker, due, begun), pass)
        };
        let (ticket, due) = match seat {
            Seat::First(ticket) => (ticket, due),
            Seat::Beside(ticket, due) => (ticket, due),
            Seat::Answered(result) => return Ok(self.answered(id, result, begun, protocol)),
            Seat::Conflict => return Err(Refusal::Conflict { id }),
            Seat::Full => return Err(Refusal::shed(ShedBy::Callers)),
        };
        let mut place = Place::take(self, id, ticket);
        if matches!(seat, Seat::First(_))
            && let Err(error) = self.send(link, &request)
        {
            self.on_acknowledged(id, &Err(error));
        }
        // Its body is the producer's now: whoever waits holds none.
        drop(request);
        let told = tokio::select! {
            biased;
            told = woken => Some(told),
            () = self.0.clock.sleep_until(due) => None,
        };
        place.answered = true;
        if let Some(pass) = &mut pass {
            pass.ended = match &told {
                Some(Ok(Ok(result))) => gate::ended(result.kind),
                Some(_) => Ended::Void,
                None => Ended::Unanswered,
            };
        }
        match told {
            Some(Ok(Ok(result))) => Ok(self.answered(id, result, begun, protocol)),
            Some(Ok(Err(error))) => Err(Refusal::of_write(error, size)),
            Some(Err(_)) => Err(Refusal::Unavailable(
                "the starter stops: ask again with the same key, here or elsewhere".to_owned(),
            )),
            None => Err(place.give_up()),
        }
    }

    pub(crate) fn understand(&self, input: &RawInput, begun: Timestamp) -> Result<Understood, Refusal> {
        let served = self.0.versions.now();
        let live = served.versions().live().policy_ref.version;
        if let Some(asked) = input.version.filter(|asked| *asked != live) {
            return Err(Refusal::NotLive { rendezvous: self.name().clone(), asked, live });
        }
        let (body, binary) = input.parts()?;
        let incoming = Incoming {
            body: &body,
            binary: &binary,
            key: input.key.as_deref().map(|text| key("the key", text.as_bytes())).transpose()?,
            otherwise: Origin::Unnamed(unnamed(begun)),
            said: &input.attributes,
            parameters: &input.parameters,
            budget: input.budget,
            traceparent: input.traceparent.clone(),
            reply: input.reply.clone(),
            live: input.version.is_some(),
            born: begun,
        };
        Ok(served.understand(incoming)?)
    }

    fn answered(&self, id: RequestId, result: ResultRecord, begun: Timestamp, protocol: Protocol) -> Answered {
        Answered { id, result, elapsed: self.0.clock.now().since(begun), protocol }
    }

    fn link(&self) -> Result<&Link, Refusal> {
        let link = self.0.link.get().filter(|_| self.is_ready());
        link.ok_or_else(|| Refusal::Unavailable(format!("the starter of `{}` is not ready", self.name())))
    }

    fn send(&self, link: &Link, request: &Request) -> Result<(), BusError> {
        let (starter, id) = (self.clone(), request.id);
        let acknowledge = Box::new(move |outcome: Result<i64, BusError>| starter.on_acknowledged(id, &outcome));
        link.producer.send(link.partition_of(id), request.encode(), acknowledge)
    }

    pub(crate) fn on_acknowledged(&self, id: RequestId, outcome: &Result<i64, BusError>) {
        let Err(error) = outcome else { return self.waiting().on_written(id) };
        let lost = self.waiting().on_lost(id, self.0.clock.now());
        for waker in lost {
            // Whoever went away meanwhile need not be told.
            let _ = waker.send(Err(error.clone()));
        }
    }

    /// Refuses whoever would be shed now, before anything is read of what he wants.
    pub(crate) fn has_room(&self, now: Timestamp) -> Result<(), Refusal> {
        let mut gate = self.gate();
        if gate.has_room(now) { Ok(()) } else { Err(self.shed(&gate)) }
    }

    /// Returns whether an input that can wait is let in now.
    pub(crate) fn has_room_behind(&self) -> bool {
        self.gate().has_room_behind(self.0.clock.now())
    }

    /// Takes a request in that nobody waits for.
    pub(crate) fn enter_behind(&self, request: &Request) {
        self.gate().enter_behind(request.id, request.budget, request.deadline(), self.0.clock.now());
    }

    /// A request that nobody waits for is not on its way after all.
    pub(crate) fn leave_behind(&self, id: RequestId) {
        self.gate().on_lost(id, self.0.clock.now());
    }

    /// Counts a refusal that was told elsewhere.
    pub(crate) fn refused(&self, refusal: Refusal) -> Refusal {
        self.0.metrics.on_refusal(&refusal);
        refusal
    }

    fn shed(&self, gate: &Gate) -> Refusal {
        let limit = gate.limit();
        Refusal::shed(if limit < self.0.limits.callers { ShedBy::InFlight { limit } } else { ShedBy::Callers })
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.0.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A valid result was read.
    pub(crate) fn on_result(&self, result: ResultRecord) {
        let now = self.0.clock.now();
        self.gate().on_result(result.request, result.kind, now);
        let mut wakers = self.waiting().on_result(&result, now);
        let last = wakers.pop();
        for waker in wakers {
            let _ = waker.send(Ok(result.clone()));
        }
        if let Some(waker) = last {
            let _ = waker.send(Ok(result));
        }
    }

    /// Tells whoever still waits that no result will be read here any more.
    pub(crate) fn abandon(&self) {
        // They are told by their wakers' end.
        drop(self.waiting().abandon());
    }

    pub(crate) fn connect(&self, link: Link) {
        // A second connection would be a second run of the same station: the first one's producer still serves.
        let _ = self.0.link.set(link);
    }

    pub(crate) fn connected(&self) -> Option<&Link> {
        self.0.link.get()
    }

    pub(crate) fn serve(&self, serving: bool) {
        self.0.serving.store(serving, Ordering::Release);
    }

    /// Returns who serves now.
    pub(crate) fn served(&self) -> Arc<Served> {
        self.0.versions.now()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Held for a few map operations, never across an await: a plain lock costs less than any cleverer one.
    pub(crate) fn waiting(&self) -> MutexGuard<'_, Waiting<Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl RawInput ===

impl RawInput {
    /// Returns its JSON, and what lies behind that.
    pub(crate) fn parts(&self) -> Result<(Bytes, Bytes), InvalidInput> {
        let Some(json) = self.json_bytes else { return Ok((self.body.clone(), Bytes::new())) };
        if json > self.body.len() {
            let (name, expected) = ("`Inference-Header-Content-Length`", "at most as many bytes as the body has");
            return Err(InvalidInput::parameter(name, expected, json));
        }
        Ok((self.body.slice(..json), self.body.slice(json..)))
    }
}

// === impl Link ===

impl Link {
    pub(crate) fn partition_of(&self, id: RequestId) -> &TopicPartition {
        let count = i32::try_from(self.partitions.len()).unwrap_or(i32::MAX);
        let partition = usize::try_from(id.partition(count)).unwrap_or_default();
        &self.partitions[partition]
    }
}

// === impl Pass ===

impl<'a> Pass<'a> {
    fn take(starter: &'a Starter, entered: Timestamp, budget: Budget) -> Result<Self, Refusal> {
        let mut gate = starter.gate();
        if gate.enter(entered) {
            Ok(Self { starter, entered, budget, ended: Ended::Void })
        } else {
            Err(starter.shed(&gate))
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let limit = {
            let mut gate = self.starter.gate();
            gate.on_ended(self.entered, self.budget, self.ended, self.starter.0.clock.now());
            gate.limit()
        };
        self.starter.0.metrics.on_limit(limit);
    }
}

// === impl Place ===

impl<'a> Place<'a> {
    fn take(starter: &'a Starter, id: RequestId, ticket: Ticket) -> Self {
        starter.0.metrics.on_join();
        Self { starter, id, ticket, answered: false }
    }

    fn give_up(&self) -> Refusal {
        let written = self.starter.waiting().leave(self.id, self.ticket, self.starter.0.clock.now());
        if written {
            return Refusal::NoResult { id: self.id };
        }
        Refusal::Unavailable("the log did not acknowledge the request in time".to_owned())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let metrics = &self.starter.0.metrics;
        metrics.on_leave();
        if !self.answered {
            metrics.on_outcome(Outcome::Abandoned);
            self.starter.waiting().leave(self.id, self.ticket, self.starter.0.clock.now());
        }
    }
}

// === impl Limits ===

impl Limits {
    /// How many rows an input may have unless it is said otherwise: each is a request of its own, with a seat of its own.
    pub const ROWS: usize = 1_024;

    /// How many callers may wait unless it is said otherwise: whatever comes while everything pauses for three seconds at 10,000
    /// a second, so that a pause sheds nobody whose budget outlasts it.
    pub const CALLERS: u16 = 30_000;
}

impl Default for Limits {
    fn default() -> Self {
        // A log's usual limit is 1 MiB for the whole record; 16 KiB are kept free for headers, the plan above all.
        Self {
            body_bytes: 1_032_192,
            rows: Self::ROWS,
            callers: Self::CALLERS.into(),
            admission: AdmissionKind::Adaptive,
            grace: Duration::from_secs(1),
        }
    }
}

/// Returns a UUID of version 7: ordered by time, unlike any other.
fn unnamed(now: Timestamp) -> Uuid {
    let micros = now.as_micros().max(0).unsigned_abs();
    let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos))
}

#[cfg(test)]
mod tests;

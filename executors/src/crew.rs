//! Who works here: an executor for all that the live version and the one on trial ask for.
//!
//! What a version brings is loaded beside what works, and takes its place when it is loaded and warm; whoever no version
//! asks for any more finishes what is in hand and goes. What cannot be loaded changes nothing that works. Of one
//! executor at most one model is being loaded at a time, however fast versions come: the last one counts.
//!
//! A published model (`model: forest`) is followed: the version that serves is part of what is wanted, so a new one is
//! loaded beside the old as an edit's would be. Before it takes its place it answers what the old one answered last.
//!
//! A request is scored by the model that its own version names. Where that is not here any more, or not yet, by another
//! model of the same executor that reads the same inputs; the response says which model it was.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{BoxFuture, Clock, Producer};
use executor::Executor;
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use models::Registry;
use policies::{CanarySpec, ExecutorSpec, InputSchema, Share, Versions};
use tokio::sync::oneshot;
use wire::{ExecutorId, FailureKind, ModelVersion, Role, Timestamp};

use crate::{
    desk::{Desk, Job},
    load::{LoadError, Loader, Loading},
    metrics::Metrics,
    post::{self, Post, Published},
    rehearsal::Rehearsal,
    thread::{self, Thread},
    work::{Responder, Work},
};

/// How many jobs are gathered for one wake-up of an executor's thread, at most.
const GATHERED: usize = 64;
/// How many versions' sheets are kept. More are pinned only while versions come faster than requests are decided.
const SHEETS: usize = 64;

/// The executors of this process.
pub(crate) struct Crew {
    office: Office,
    versions: Arc<Versions>,
    models: Arc<Registry>,
    seats: Vec<Seat>,
    /// Who sits where for the requests of a version; made anew whenever seats or versions change.
    sheets: HashMap<u64, Arc<Sheet>>,
    loads: FuturesUnordered<BoxFuture<'static, Loaded>>,
    /// The threads of those who went; each is forgotten when it has ended.
    leaving: Vec<oneshot::Receiver<()>>,
    /// How many seats there ever were, so that each has a number of its own.
    numbered: u64,
}

/// What it takes to seat somebody.
pub(crate) struct Office {
    pub(crate) loader: Loader,
    pub(crate) only: Option<Vec<ExecutorId>>,
    pub(crate) producer: Arc<dyn Producer>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
}

/// An executor, and the jobs gathered for it.
struct Seat {
    number: u64,
    post: Post,
    desk: Arc<Desk>,
    gathered: Vec<Job>,
    done: Option<oneshot::Receiver<()>>,
    /// The versions for which it was tried to load it.
    tried: Edition,
}

/// The numbers of the live version, of the one on trial, and of what was changed about a seat's model.
type Edition = (u64, Option<u64>, u64);

/// What came of loading.
pub(crate) struct Loaded {
    seat: u64,
    begin: Option<oneshot::Sender<Arc<Desk>>>,
    outcome: Result<Arc<dyn Executor>, LoadError>,
}

/// How the requests of one version are read, and who scores them.
pub(crate) struct Sheet {
    pub(crate) schema: Arc<InputSchema>,
    places: Vec<Place>,
}

/// One executor of a version.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) executor: ExecutorId,
    /// Whom it hears before it begins, and for how long after a request's birth it waits for them.
    pub(crate) hears: Vec<ExecutorId>,
    pub(crate) wait: Duration,
    /// Whether it starts later than a request is born, and need not if that is decided by then.
    pub(crate) is_spared: bool,
    /// For how many of the requests it may start then.
    pub(crate) hedges: Option<Share>,
    /// How long its answers may take, if that is not the request's to say: a canary's.
    pub(crate) budget: Option<Duration>,
    /// Where it sits, as long as nothing changes; `None` if it went.
    seat: Option<usize>,
}

// === impl Crew ===

impl Crew {
    pub(crate) fn new(office: Office, versions: Arc<Versions>, models: Arc<Registry>) -> Self {
        let (seats, sheets, loads, leaving) = Default::default();
        let mut crew = Self { office, versions, models, seats, sheets, loads, leaving, numbered: 0 };
        crew.settle();
        crew
    }

    /// Goes on with `versions`, and the models that they name as these are in `models`.
    pub(crate) fn follow(&mut self, versions: Arc<Versions>, models: Arc<Registry>) {
        (self.versions, self.models) = (versions, models);
        self.settle();
    }

    /// Waits until something is loaded, or is not; for ever if nothing is being loaded. Cancel-safe.
    pub(crate) async fn next_loaded(&mut self) -> Loaded {
        match self.loads.next().await {
            Some(loaded) => loaded,
            None => std::future::pending().await,
        }
    }

    /// Returns whether something is being loaded.
    pub(crate) fn is_loading(&self) -> bool {
        !self.loads.is_empty()
    }

    /// Seats who was loaded; returns who could not be.
    pub(crate) fn on_loaded(&mut self, loaded: Loaded) -> Option<(ExecutorId, LoadError)> {
        let Loaded { seat, begin, outcome } = loaded;
        let index = self.seats.iter().position(|other| other.number == seat);
        let index = index.expect("a seat is kept while its executor is being loaded");
        let failure = match outcome.and_then(|executor| self.accept(index, executor)) {
            Ok(executor) => {
                self.seats[index].desk.seat(executor);
                // A thread that is gone answers nothing; its requests expire like a hung one's.
                let _ = begin.map(|begin| begin.send(Arc::clone(&self.seats[index].desk)));
                None
            }
            Err(cause) => {
                self.on_failed(index, &cause);
                Some((self.seats[index].post.spec.id.clone(), cause))
            }
        };
        self.settle();
        failure
    }

    /// Returns how requests of `version` are read and who scores them; `None` if there is no such version yet.
    pub(crate) fn sheet(&mut self, version: u64) -> Option<Arc<Sheet>> {
        if let Some(sheet) = self.sheets.get(&version) {
            return Some(Arc::clone(sheet));
        }
        let definition = self.versions.get(version)?;
        let posts = post::of(&definition, &self.models, self.office.only.as_deref());
        let places = posts.map(|post| {
            let seat = self.seat_for(&post);
            let ExecutorSpec { id: executor, role, start, hedges, hears, wait, canary, .. } = post.spec;
            let budget = canary.and_then(|canary| canary.budget);
            let is_spared = role == Role::Candidate && start.is_later();
            Place { executor, hears, wait, is_spared, hedges, budget, seat }
        });
        let sheet = Arc::new(Sheet { schema: Arc::new(definition.input.clone()), places: places.collect() });
        if self.sheets.len() >= SHEETS {
            self.sheets.clear();
        }
        self.sheets.insert(version, Arc::clone(&sheet));
        Some(sheet)
    }

    /// Returns whether a version may still come that is called `version`.
    pub(crate) fn may_come(&self, version: u64) -> bool {
        version > self.versions.newest()
    }

    /// Returns whether `executor` is one of those that are run here.
    pub(crate) fn is_ours(&self, executor: &ExecutorId) -> bool {
        self.office.only.as_ref().is_none_or(|only| only.contains(executor))
    }

    /// Gives a job to whoever sits at `place`.
    pub(crate) fn give(&mut self, place: &Place, job: Job) {
        let Some(seat) = place.seat.map(|index| &mut self.seats[index]) else {
            return self.fail(
                &place.executor,
                &job.work,
                "no model that reads this version's input is loaded any more",
            );
        };
        if let Err(job) = seat.desk.try_now(job) {
            seat.gathered.push(job);
            if seat.gathered.len() == GATHERED {
                seat.hand_over();
            }
        }
    }

    /// Returns the executors that are run here, of those that a version has; `None` for all.
    pub(crate) fn only(&self) -> Option<&[ExecutorId]> {
        self.office.only.as_deref()
    }

    /// Says for `executor`, who does not sit here, that it will not answer.
    pub(crate) fn fail(&self, executor: &ExecutorId, work: &Work, why: &str) {
        let (now, model) = (self.office.clock.now(), ModelVersion::unloaded(executor));
        let responder = self.office.responder(executor);
        responder.metrics.uses.refused(&model, now, FailureKind::Failed);
        responder.fail(work, model, now.since(work.fetched), why);
    }

    /// Says for `executor` that it does not answer, which is no fault of its model.
    pub(crate) fn decline(&self, executor: &ExecutorId, work: &Work, why: &str) {
        self.office.responder(executor).decline(work, ModelVersion::unloaded(executor), why);
    }

    /// Hands over what was gathered.
    pub(crate) fn hand_over(&mut self) {
        self.seats.iter_mut().for_each(Seat::hand_over);
    }

    /// Lets everybody go; the returned ones end when what is in hand is finished.
    pub(crate) fn close(&mut self) -> Vec<oneshot::Receiver<()>> {
        for mut seat in self.seats.drain(..) {
            seat.desk.close();
            // Nothing is in the hands of one that is still being loaded.
            self.leaving.extend(seat.done.take().filter(|_| seat.serves()));
        }
        std::mem::take(&mut self.leaving)
    }

    /// Lets those go whom nobody needs, and loads who is missing.
    fn settle(&mut self) {
        self.sheets.clear();
        self.leaving.retain_mut(|thread| matches!(thread.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        let wanted = post::wanted(&self.versions, &self.models, self.office.only.as_deref());
        let going: Vec<u64> =
            self.seats.iter().filter(|seat| self.may_go(seat, &wanted)).map(|seat| seat.number).collect();
        for mut seat in self.seats.extract_if(.., |seat| going.contains(&seat.number)) {
            debug_assert!(seat.gathered.is_empty(), "what is gathered is handed over before anything changes");
            seat.desk.close();
            self.leaving.extend(seat.done.take());
        }
        for post in wanted {
            let of_the_same = || self.seats.iter().filter(|seat| seat.post.spec.id == post.spec.id);
            let is_there = of_the_same().any(|seat| seat.post.is_like(&post));
            if !is_there && of_the_same().all(|seat| seat.desk.loaded().is_some()) {
                self.load(post);
            }
        }
    }

    fn may_go(&self, seat: &Seat, wanted: &[Post]) -> bool {
        let like = wanted.iter().find(|post| post.is_like(&seat.post));
        let is_needed = like.is_some();
        let mut of_the_same = wanted.iter().filter(|post| post.spec.id == seat.post.spec.id);
        match seat.desk.loaded() {
            None => false,
            // Tried again for another version: what was wrong may have been put right.
            Some(Err(_)) => like.is_none_or(|post| seat.tried != self.edition(post)),
            Some(Ok(())) => !is_needed && of_the_same.all(|post| self.is_served(post) || post.is_retired()),
        }
    }

    fn is_served(&self, post: &Post) -> bool {
        self.seats.iter().any(|seat| seat.serves() && seat.post.is_like(post))
    }

    fn edition(&self, post: &Post) -> Edition {
        let trial = self.versions.trial().map(|trial| trial.definition.policy_ref.version);
        (self.versions.live().policy_ref.version, trial, post.changes())
    }

    fn load(&mut self, post: Post) {
        let (tried, loading) = (self.edition(&post), self.loading(&post));
        self.numbered += 1;
        let (number, office) = (self.numbered, &self.office);
        let executor = &post.spec.id;
        let desk = Arc::new(Desk::new(&post, office.responder(executor), office.clock.clone()));
        let (loading, done) = match thread::start(executor, loading) {
            Ok(Thread { loaded, begin, done }) => {
                let told = async move {
                    let outcome = loaded.await.unwrap_or(Err(LoadError::Panicked));
                    Loaded { seat: number, begin: Some(begin), outcome }
                };
                (told.boxed(), Some(done))
            }
            Err(cause) => {
                let refused = Loaded { seat: number, begin: None, outcome: Err(cause) };
                (std::future::ready(refused).boxed(), None)
            }
        };
        self.loads.push(loading);
        self.seats.push(Seat { number, post, desk, gathered: Vec::with_capacity(GATHERED), done, tried });
    }

    /// Returns how `post` is loaded: a new version of a model that works here goes through what that one did last.
    fn loading(&self, post: &Post) -> Loading {
        let loading = (self.office.loader)(post);
        let Some(model) = &post.model else { return loading };
        let before = self.stand_in(post).map(|index| &self.seats[index]);
        let recent = before.filter(|seat| seat.post.model.as_ref().is_some_and(|before| before.name == model.name));
        let Some(recent) = recent.and_then(|seat| seat.desk.recent()) else { return loading };
        let (schema, clock) = (Arc::clone(&post.schema), self.office.clock.clone());
        let metrics = self.office.metrics.of(&post.spec.id);
        Rehearsal { recent, schema, clock, metrics, model: model.label().unwrap_or_default() }.of(loading)
    }

    /// Takes who was loaded, unless it is in trouble and somebody who is not would have to go for it.
    fn accept(&self, index: usize, executor: Arc<dyn Executor>) -> Result<Arc<dyn Executor>, LoadError> {
        let post = &self.seats[index].post;
        match executor.trouble() {
            Some(why) if self.stand_in(post).is_some() => Err(LoadError::Trouble(why)),
            _ => Ok(executor),
        }
    }

    fn on_failed(&self, index: usize, cause: &LoadError) {
        let (seat, live) = (&self.seats[index], self.versions.live().policy_ref.version);
        let executor = &seat.post.spec.id;
        let meanwhile =
            if self.stand_in(&seat.post).is_some() { "the one before it goes on" } else { "it fails every request" };
        let mend = match seat.post.model {
            Some(_) => "publish a version that can be used, or roll back",
            None => "mend what is wrong, then apply the policy again",
        };
        let model = seat.post.model.as_ref().and_then(Published::label);
        tracing::error!(%executor, model, live, %cause, "this executor cannot be loaded, and {meanwhile}; {mend}");
        self.office.metrics.load_failed(executor);
        seat.desk.leave_empty(cause.to_string());
    }

    /// Returns who scores requests that want `post`: it itself, or who can stand in for it; or who will be, or was to be.
    fn seat_for(&self, post: &Post) -> Option<usize> {
        let find = |fits: &dyn Fn(&Seat) -> bool| self.seats.iter().rposition(fits);
        find(&|seat| seat.serves() && seat.post.is_like(post))
            .or_else(|| self.stand_in(post))
            .or_else(|| find(&|seat| seat.post.is_like(post)))
            .or_else(|| find(&|seat| seat.post.can_stand_in_for(post)))
    }

    /// Returns who can answer in the place of `post`, the newest first.
    fn stand_in(&self, post: &Post) -> Option<usize> {
        self.seats.iter().rposition(|seat| seat.serves() && seat.post.can_stand_in_for(post))
    }
}

// === impl Place ===

impl Place {
    /// Returns until when an answer may come here that is due at `deadline` elsewhere.
    pub(crate) fn deadline(&self, born: Timestamp, deadline: Timestamp) -> Timestamp {
        let latest = deadline.after(CanarySpec::BEYOND_MAX);
        self.budget.map_or(deadline, |budget| born.after(budget).min(latest))
    }
}

// === impl Seat, Office, Sheet ===

impl Seat {
    fn serves(&self) -> bool {
        matches!(self.desk.loaded(), Some(Ok(())))
    }

    fn hand_over(&mut self) {
        if !self.gathered.is_empty() {
            self.desk.offer(&mut self.gathered);
        }
    }
}

impl Office {
    fn responder(&self, executor: &ExecutorId) -> Responder {
        let metrics = self.metrics.of(executor);
        Responder { executor: executor.clone(), producer: Arc::clone(&self.producer), metrics }
    }
}

impl Sheet {
    /// Returns the place of `executor`, if this version has it and it is run here.
    pub(crate) fn place(&self, executor: &ExecutorId) -> Option<&Place> {
        self.places.iter().find(|place| place.executor == *executor)
    }
}

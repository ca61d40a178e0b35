//! One executor at work: requests come in from the fetching loop, and are answered on a thread of the executor's own.
//! Whatever a model does there, whether it hangs, blocks or panics, nobody else waits for it.
//!
//! What waits goes in batches where the executor takes them: as many as there are and `batch` allows, the earliest
//! deadlines first. Nobody waits for a batch to become full, so a single request of an idle executor goes at once.
//!
//! A desk takes requests in before its model is loaded, as if the model were busy, and fails them once it is known that
//! the model cannot be loaded.

use std::{
    any::Any,
    num::NonZeroUsize,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use bus::Clock;
use bytes::Bytes;
use executor::{Executor, Input, failed};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use wire::{Failure, FailureKind, ModelVersion, Reply, Timestamp};

use crate::{
    backlog::Backlog,
    batch::{self, BatchLimit},
    post::Post,
    rehearsal::Recent,
    work::{Responder, Took, Work},
};

/// How many requests wait for one executor at most.
pub(crate) const BACKLOG: usize = 1_024;
/// How long behind the deadline work may go on: a late answer still serves the comparison, an endless one nobody.
const GRACE: Duration = Duration::from_secs(1);

/// What an executor's thread and the fetching loop share.
pub(crate) struct Desk {
    /// Empty while it is being loaded; why it cannot be, if it cannot.
    executor: OnceLock<Result<Arc<dyn Executor>, String>>,
    concurrency: NonZeroUsize,
    responder: Responder,
    clock: Clock,
    backlog: Mutex<Backlog<Job>>,
    /// Made when the executor is seated.
    batches: OnceLock<Mutex<BatchLimit>>,
    wake: Notify,
    closing: AtomicBool,
    /// What was last said to wait here: an executor that is swapped has two desks and one gauge.
    depth: AtomicI64,
    /// What it answered last, if it is a model that may be replaced by another version of itself.
    recent: Option<Arc<Recent>>,
}

/// A request for one executor.
pub(crate) struct Job {
    pub(crate) work: Arc<Work>,
    /// When it may start.
    pub(crate) start: Timestamp,
}

/// Requests that go in one call.
struct Batch {
    jobs: Vec<Job>,
    began: Timestamp,
}

// === impl Desk: the fetching loop's side ===

impl Desk {
    pub(crate) fn new(post: &Post, responder: Responder, clock: Clock) -> Self {
        let recent = post.model.is_some().then(Arc::default);
        let (executor, backlog) = (OnceLock::new(), Mutex::new(Backlog::with_capacity(BACKLOG)));
        let (wake, closing, depth) = (Notify::new(), AtomicBool::new(false), AtomicI64::new(0));
        let batches = OnceLock::new();
        let concurrency = post.spec.concurrency;
        Self { executor, concurrency, responder, clock, backlog, batches, wake, closing, depth, recent }
    }

    /// Seats the executor, now that it is loaded. Its thread may begin to work.
    pub(crate) fn seat(&self, executor: Arc<dyn Executor>) {
        self.batches.get_or_init(|| Mutex::new(BatchLimit::new(executor.batch_max())));
        self.responder.metrics.batch_limit.set(1);
        let seated = self.executor.set(Ok(executor));
        debug_assert!(seated.is_ok(), "an executor is loaded once");
    }

    /// Takes note that there will be no executor: what waits for it fails, and so does everything that comes.
    pub(crate) fn leave_empty(&self, why: String) {
        let left = self.executor.set(Err(why));
        debug_assert!(left.is_ok(), "an executor is loaded once");
        let now = self.clock.now();
        while let Some(job) = self.take_any() {
            self.fail(&job, now);
        }
    }

    /// Returns what became of loading the executor; `None` while that is not known.
    pub(crate) fn loaded(&self) -> Option<Result<(), &str>> {
        self.executor.get().map(|loaded| loaded.as_ref().map(|_| ()).map_err(String::as_str))
    }

    /// Returns what was answered here last, if that is kept.
    pub(crate) fn recent(&self) -> Option<Arc<Recent>> {
        self.recent.clone()
    }

    /// Answers at once if the job is dead, or the executor needs no time or is not there; otherwise gives the job back.
    pub(crate) fn try_now(&self, job: Job) -> Result<(), Job> {
        let began = self.clock.now();
        // Here and not on the executor's thread: after a stop the dead would take the places of the living.
        if job.work.input.deadline <= began {
            self.refuse(&job, began, FailureKind::Expired);
            return Ok(());
        }
        let executor = match self.executor.get() {
            Some(Ok(executor)) if executor.is_instantaneous() => executor,
            Some(Err(_)) => {
                self.fail(&job, began);
                return Ok(());
            }
            Some(Ok(_)) | None => return Err(job),
        };
        if job.start > began {
            return Err(job);
        }
        let scoring = AssertUnwindSafe(async { executor.score(&job.work.input).await }).catch_unwind();
        let Some(scored) = scoring.now_or_never() else { return Err(job) };
        let ended = self.clock.now();
        let took = Took::alone(began.since(job.work.fetched), ended.since(began));
        let reply = scored.map_or_else(|panic| Reply::Failure(panicked(&*panic)), reply);
        self.responder.metrics.uses.called(&self.model(), ended, took.scored, std::slice::from_ref(&reply));
        self.respond(&job, took, reply);
        Ok(())
    }

    /// Takes `jobs` in with one wake-up. Those without room are refused at once: the fetching loop never waits.
    pub(crate) fn offer(&self, jobs: &mut Vec<Job>) {
        let now = self.clock.now();
        let (mut refused, mut dead) = (Vec::new(), Vec::new());
        {
            let mut backlog = self.backlog();
            for job in jobs.drain(..) {
                while backlog.is_full()
                    && let Some(expired) = backlog.pop_dead(now)
                {
                    dead.push(expired);
                }
                let (start, deadline) = (job.start, job.work.input.deadline);
                refused.extend(backlog.push(start, deadline, now, job).err());
            }
            self.note_depth(&backlog);
        }
        self.wake.notify_one();
        for job in refused {
            self.refuse(&job, now, FailureKind::Overloaded);
        }
        for job in dead {
            self.refuse(&job, now, FailureKind::Expired);
        }
    }

    /// Lets `work` return when nothing is in hand any more.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn refuse(&self, job: &Job, now: Timestamp, kind: FailureKind) {
        let model = self.model();
        self.responder.metrics.uses.refused(&model, now, kind);
        self.responder.refuse(&job.work, model, now.since(job.work.fetched), kind);
    }

    /// Says that the executor was not loaded, and why.
    fn fail(&self, job: &Job, now: Timestamp) {
        let why = self.loaded().and_then(Result::err).unwrap_or("it is not loaded");
        let model = self.model();
        self.responder.metrics.uses.refused(&model, now, FailureKind::Failed);
        self.responder.fail(&job.work, model, now.since(job.work.fetched), why);
    }

    fn respond(&self, job: &Job, took: Took, reply: Reply) {
        self.responder.respond(&job.work, self.model(), took, reply);
    }

    fn model(&self) -> ModelVersion {
        match self.executor.get() {
            Some(Ok(executor)) => executor.model(),
            Some(Err(_)) | None => ModelVersion::unloaded(&self.responder.executor),
        }
    }

    fn take_any(&self) -> Option<Job> {
        let mut backlog = self.backlog();
        let job = backlog.take_any();
        self.note_depth(&backlog);
        job
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog<Job>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_depth(&self, backlog: &Backlog<Job>) {
        let now = i64::try_from(backlog.len()).unwrap_or(i64::MAX);
        let before = self.depth.swap(now, Ordering::Relaxed);
        self.responder.metrics.depth.inc_by(now - before);
    }
}

// === impl Desk: the executor's side ===

impl Desk {
    /// Answers what comes in, `concurrency` batches at once, until closed.
    pub(crate) async fn work(&self) {
        let mut working = FuturesUnordered::new();
        loop {
            while working.len() < self.concurrency.get()
                && let Some(batch) = self.next_batch()
            {
                let mut answering = Box::pin(self.answer(batch));
                // A model that computes is done after one poll and never becomes a task.
                if futures::poll!(&mut answering).is_pending() {
                    working.push(answering);
                }
            }
            if working.is_empty() && self.closing.load(Ordering::Acquire) && self.backlog().len() == 0 {
                return;
            }
            let next_start = self.backlog().next_start();
            tokio::select! {
                biased;
                Some(()) = working.next() => {}
                () = self.wake.notified() => {}
                () = self.sleep_until(next_start), if working.len() < self.concurrency.get() => {}
            }
        }
    }

    /// Takes as many as may go into one call of what may start, the earliest deadlines first; the dead are passed over.
    fn next_batch(&self) -> Option<Batch> {
        let (most, began) = (self.batch_max(), self.clock.now());
        let (mut jobs, mut dead) = (Vec::new(), Vec::new());
        {
            let mut backlog = self.backlog();
            while jobs.len() < most
                && let Some(job) = backlog.pop(began)
            {
                if job.work.share.is_revoked() {
                    // Another process has the partition now, and does it there.
                } else if job.work.input.deadline <= began {
                    dead.push(job);
                } else {
                    jobs.push(job);
                }
            }
            self.note_depth(&backlog);
        }
        for job in dead {
            self.refuse(&job, began, FailureKind::Expired);
        }
        (!jobs.is_empty()).then_some(Batch { jobs, began })
    }

    async fn answer(&self, batch: Batch) {
        let Batch { jobs, began } = batch;
        let Some(Ok(executor)) = self.executor.get() else {
            return jobs.iter().for_each(|job| self.fail(job, began));
        };
        self.responder.metrics.called(jobs.len());
        // As long as the longest-lived of them: for the others it is late either way.
        let given_up = jobs.iter().map(|job| job.work.input.deadline.after(GRACE)).max().unwrap_or(began);
        let scoring = AssertUnwindSafe(score(&**executor, &jobs)).catch_unwind();
        let replies = tokio::select! {
            biased;
            scored = scoring => replies(scored, jobs.len()),
            () = self.clock.sleep_until(given_up) => vec![Reply::Failure(failed("the model gave no answer at all")); jobs.len()],
        };
        let ended = self.clock.now();
        let scored = ended.since(began);
        self.learn(&jobs, scored);
        self.responder.metrics.uses.called(&executor.model(), ended, scored, &replies);
        let together = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        for (job, reply) in jobs.iter().zip(replies) {
            if let (Some(recent), Reply::Answer(answer)) = (&self.recent, &reply) {
                recent.on_answered(&job.work.input, answer);
            }
            let queued = began.since(job.work.fetched.max(job.start));
            self.respond(job, Took { queued, scored, together }, reply);
        }
    }

    /// Returns how many may go into one call.
    fn batch_max(&self) -> usize {
        let (Some(batches), Some(Ok(executor))) = (self.batches.get(), self.executor.get()) else { return 1 };
        let learned = batches.lock().unwrap_or_else(PoisonError::into_inner).limit();
        // A server may turn out to take no batches after all.
        learned.min(executor.batch_max()).get()
    }

    fn learn(&self, jobs: &[Job], took: Duration) {
        let (Some(batches), Some(tightest)) = (self.batches.get(), jobs.iter().map(|job| job.work.budget).min()) else {
            return;
        };
        let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.on_scored(jobs.len(), took, batch::objective(tightest));
        self.responder.metrics.batch_limit.set(i64::try_from(batches.limit().get()).unwrap_or(i64::MAX));
    }

    async fn sleep_until(&self, at: Option<Timestamp>) {
        match at {
            Some(at) => self.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// A future, so that a panic before the first await is caught too.
async fn score(executor: &dyn Executor, jobs: &[Job]) -> Vec<Result<Bytes, Failure>> {
    if let [only] = jobs {
        return vec![executor.score(&only.work.input).await];
    }
    let inputs: Vec<&Input> = jobs.iter().map(|job| &job.work.input).collect();
    executor.score_batch(&inputs).await
}

/// Returns what each of `size` requests is told. A panic, or a call that lost count, is a failure of all that were in it.
fn replies(scored: thread::Result<Vec<Result<Bytes, Failure>>>, size: usize) -> Vec<Reply> {
    let failure = match scored {
        Ok(answers) if answers.len() == size => return answers.into_iter().map(reply).collect(),
        Ok(answers) => failed(format!("the model gave {} answers to {size} inputs", answers.len())),
        Err(panic) => panicked(&*panic),
    };
    vec![Reply::Failure(failure); size]
}

fn reply(answer: Result<Bytes, Failure>) -> Reply {
    answer.map_or_else(Reply::Failure, Reply::Answer)
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    failed(format!("the model panicked: {}", words(panic)))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}

//! One executor at work: requests come in from the fetching loop, and are answered on a thread of the executor's own.
//! Whatever a model does there, whether it hangs, blocks or panics, nobody else waits for it.

use std::{
    any::Any,
    num::NonZeroUsize,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use bus::Clock;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use wire::{Failure, FailureKind, Reply, Timestamp};

use crate::{
    backlog::Backlog,
    executor::{Executor, failed},
    work::{Responder, Took, Work},
};

/// How many requests wait for one executor at most.
pub(crate) const BACKLOG: usize = 1_024;
/// How long behind the deadline work may go on: a late answer still serves the comparison, an endless one nobody.
const GRACE: Duration = Duration::from_secs(1);

/// What an executor's thread and the fetching loop share.
pub(crate) struct Desk {
    executor: Arc<dyn Executor>,
    concurrency: NonZeroUsize,
    responder: Responder,
    clock: Clock,
    backlog: Mutex<Backlog<Job>>,
    wake: Notify,
    closing: AtomicBool,
}

/// A request for one executor.
pub(crate) struct Job {
    pub(crate) work: Arc<Work>,
    /// When it may start.
    pub(crate) start: Timestamp,
}

// === impl Desk: the fetching loop's side ===

impl Desk {
    pub(crate) fn new(
        executor: Arc<dyn Executor>,
        concurrency: NonZeroUsize,
        responder: Responder,
        clock: Clock,
    ) -> Self {
        let backlog = Mutex::new(Backlog::with_capacity(BACKLOG));
        Self { executor, concurrency, responder, clock, backlog, wake: Notify::new(), closing: AtomicBool::new(false) }
    }

    /// Answers at once if the executor needs no time to; otherwise gives the job back.
    pub(crate) fn try_now(&self, job: Job) -> Result<(), Job> {
        if !self.executor.is_instantaneous() {
            return Err(job);
        }
        let began = self.clock.now();
        if job.start > began {
            return Err(job);
        }
        if job.work.input.deadline <= began {
            self.refuse(&job, began, FailureKind::Expired);
            return Ok(());
        }
        let scoring = AssertUnwindSafe(async { self.executor.score(&job.work.input).await }).catch_unwind();
        let Some(scored) = scoring.now_or_never() else { return Err(job) };
        let took = Took { queued: began.since(job.work.fetched), scored: self.clock.now().since(began) };
        self.respond(&job, took, reply(scored));
        Ok(())
    }

    /// Takes `jobs` in with one wake-up. Those without room are refused at once: the fetching loop never waits.
    pub(crate) fn offer(&self, jobs: &mut Vec<Job>) {
        let now = self.clock.now();
        let mut refused = Vec::new();
        {
            let mut backlog = self.backlog();
            for job in jobs.drain(..) {
                let (start, deadline) = (job.start, job.work.input.deadline);
                refused.extend(backlog.push(start, deadline, now, job).err());
            }
            self.note_depth(&backlog);
        }
        self.wake.notify_one();
        for job in refused {
            self.refuse(&job, now, FailureKind::Overloaded);
        }
    }

    /// Lets `work` return when nothing is in hand any more.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn refuse(&self, job: &Job, now: Timestamp, kind: FailureKind) {
        self.responder.refuse(&job.work, self.executor.model(), now.since(job.work.fetched), kind);
    }

    fn respond(&self, job: &Job, took: Took, reply: Reply) {
        self.responder.respond(&job.work, self.executor.model(), took, reply);
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog<Job>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_depth(&self, backlog: &Backlog<Job>) {
        self.responder.metrics.depth.set(i64::try_from(backlog.len()).unwrap_or(i64::MAX));
    }
}

// === impl Desk: the executor's side ===

impl Desk {
    /// Answers what comes in, `concurrency` at once, until closed.
    pub(crate) async fn work(&self) {
        let mut working = FuturesUnordered::new();
        loop {
            while working.len() < self.concurrency.get()
                && let Some(job) = self.next_job()
            {
                let mut answering = Box::pin(self.answer(job));
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

    fn next_job(&self) -> Option<Job> {
        let mut backlog = self.backlog();
        let job = backlog.pop(self.clock.now());
        self.note_depth(&backlog);
        job
    }

    async fn answer(&self, job: Job) {
        if job.work.share.is_revoked() {
            return;
        }
        let (began, deadline) = (self.clock.now(), job.work.input.deadline);
        if deadline <= began {
            return self.refuse(&job, began, FailureKind::Expired);
        }
        // Inside the block, so that a panic before the first await is caught too.
        let scoring = AssertUnwindSafe(async { self.executor.score(&job.work.input).await }).catch_unwind();
        let reply = tokio::select! {
            biased;
            scored = scoring => reply(scored),
            () = self.clock.sleep_until(deadline.after(GRACE)) => Reply::Failure(failed("the model gave no answer at all")),
        };
        let queued = began.since(job.work.fetched.max(job.start));
        self.respond(&job, Took { queued, scored: self.clock.now().since(began) }, reply);
    }

    async fn sleep_until(&self, at: Option<Timestamp>) {
        match at {
            Some(at) => self.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

fn reply(scored: thread::Result<Result<Bytes, Failure>>) -> Reply {
    match scored {
        Ok(answer) => answer.map_or_else(Reply::Failure, Reply::Answer),
        Err(panic) => Reply::Failure(failed(format!("the model panicked: {}", words(&*panic)))),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}

//! The workers of one executor: as many as it works on requests at a time, each asked one call at a time, and each
//! replaced when it ends.
//!
//! A replacement starts at once; after several in a row that answered nothing, after a pause that doubles, so that a
//! file that cannot run is not tried without end. A call that a worker ends under is not made again: its input may be why.
//!
//! Python cannot be interrupted, so a worker that does not answer is killed. Not at the deadline itself: as long as it takes
//! to start another one, nobody is served sooner by killing it, and a late answer still serves the comparison. So it
//! is given as much again as a start took, within bounds.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use executor::failed;
use futures::future::try_join_all;
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
    time::{sleep, timeout},
};
use wire::{Failure, Timestamp};

use crate::{
    frames,
    worker::{Recipe, StartError, Unanswered, Worker},
};

/// What becomes of a call: an answer for each row, or why there is none for any.
pub(crate) type Answers = Result<Vec<Result<Bytes, Failure>>, String>;

/// The workers.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    tending: Vec<AbortHandle>,
}

struct Shared {
    recipe: Recipe,
    /// How long behind its deadline a call may go on.
    grace: Duration,
    waiting: Mutex<VecDeque<Call>>,
    wake: Notify,
    health: Mutex<Health>,
}

/// One call, on its way to a worker.
struct Call {
    frame: Bytes,
    rows: usize,
    deadline: Timestamp,
    reply: oneshot::Sender<Answers>,
}

struct Health {
    /// Workers that can be asked, or are being asked.
    alive: usize,
    /// Workers that are being started.
    coming: usize,
    /// How the last one ended.
    why: String,
}

/// How long behind its deadline a call may go on at least and at most. The station gives up a second behind it.
const GRACE: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(800)];
/// How long behind its deadline a call is waited for that no worker took.
const UNTAKEN: Duration = Duration::from_millis(900);
/// The pauses before a worker is started again that had answered nothing.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(30)];

// === impl Pool ===

impl Pool {
    /// Starts `size` workers, and returns when each of them is ready.
    pub(crate) async fn start(recipe: Recipe, size: NonZeroUsize) -> Result<(Self, bool), StartError> {
        let began = (recipe.now)();
        let workers = try_join_all((0..size.get()).map(|_| recipe.start())).await?;
        let grace = (recipe.now)().since(began).clamp(GRACE[0], GRACE[1]);
        let batches = workers.iter().all(|worker| worker.batches);
        let health = Health { alive: workers.len(), coming: 0, why: String::new() };
        let (waiting, wake, health) = (Mutex::new(VecDeque::new()), Notify::new(), Mutex::new(health));
        let shared = Arc::new(Shared { recipe, grace, waiting, wake, health });
        let tend = |worker| tokio::spawn(tend(Arc::clone(&shared), worker)).abort_handle();
        let tending = workers.into_iter().map(tend).collect();
        Ok((Self { shared, tending }, batches))
    }

    /// Asks a worker about `rows`, the last of which is due at `deadline`.
    pub(crate) async fn ask(&self, rows: &[&[u8]], deadline: Timestamp) -> Answers {
        let shared = &self.shared;
        if let Some(why) = self.trouble() {
            return Err(why);
        }
        let (reply, answers) = oneshot::channel();
        let call = Call { frame: frames::call(rows), rows: rows.len(), deadline, reply };
        shared.waiting().push_back(call);
        shared.wake.notify_one();
        match timeout(shared.left(deadline) + UNTAKEN, answers).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(_)) | Err(_) => Err(shared.gone("no worker was free in time")),
        }
    }

    /// Returns why nobody can be asked, if nobody is alive and nobody is on the way.
    pub(crate) fn trouble(&self) -> Option<String> {
        let nobody = {
            let health = self.shared.health();
            health.alive == 0 && health.coming == 0
        };
        nobody.then(|| self.shared.gone("no worker is alive"))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.tending.iter().for_each(AbortHandle::abort);
    }
}

/// Lets one worker after the other take calls, for ever.
async fn tend(shared: Arc<Shared>, mut worker: Worker) {
    let mut in_vain = 0;
    loop {
        let (why, has_answered) = shared.work(worker).await;
        in_vain = if has_answered { 0 } else { in_vain + 1 };
        shared.on_ended(why, in_vain);
        worker = shared.replace(&mut in_vain).await;
    }
}

/// Returns how long nothing is started after so many workers that answered nothing: the first may have been ill by chance.
fn pause_after(in_vain: u32) -> Duration {
    let doubled = in_vain.checked_sub(2).map(|times| PAUSES[0].saturating_mul(2_u32.saturating_pow(times)));
    doubled.unwrap_or_default().min(PAUSES[1])
}

// === impl Shared ===

impl Shared {
    /// Lets `worker` take calls until it ends; returns how it did, and whether it had answered any.
    async fn work(&self, mut worker: Worker) -> (String, bool) {
        let mut has_answered = false;
        loop {
            let call = tokio::select! {
                biased;
                () = worker.ended() => return (worker.end("").await, has_answered),
                call = self.next_call() => call,
            };
            let patience = self.left(call.deadline) + self.grace;
            let said = match timeout(patience, worker.call(&call.frame)).await {
                Ok(Ok(said)) => frames::answers(&said, call.rows),
                Ok(Err(Unanswered::NotAsked)) => {
                    self.waiting().push_front(call);
                    self.wake.notify_one();
                    return (worker.end("it took no call any more").await, has_answered);
                }
                Ok(Err(Unanswered::Ended)) => None,
                Err(_) => {
                    worker.kill();
                    let why = format!(
                        "there was no answer {} ms behind the deadline, so its worker was killed",
                        self.grace.as_millis()
                    );
                    // Whoever asked may have stopped waiting.
                    let _ = call.reply.send(Err(why.clone()));
                    return (why, has_answered);
                }
            };
            let Some(answers) = said else {
                let why = worker.end("it said nothing that can be understood").await;
                let _ = call.reply.send(Err(why.clone()));
                return (why, has_answered);
            };
            has_answered = true;
            let _ = call.reply.send(Ok(answers));
        }
    }

    /// Returns the next call that somebody still waits for.
    async fn next_call(&self) -> Call {
        loop {
            let call = self.waiting().pop_front();
            match call {
                Some(call) if call.reply.is_closed() => {}
                Some(call) => return call,
                None => self.wake.notified().await,
            }
        }
    }

    /// Starts a worker again and again until one is ready.
    async fn replace(&self, in_vain: &mut u32) -> Worker {
        loop {
            let pause = pause_after(*in_vain);
            if !pause.is_zero() {
                sleep(pause).await;
                self.health().coming += 1;
            }
            let started = self.recipe.start().await;
            self.health().coming -= 1;
            match started {
                Ok(worker) => {
                    self.health().alive += 1;
                    tracing::info!(executor = %self.recipe.name, worker = worker.id, "another worker is ready");
                    return worker;
                }
                Err(problem) => {
                    *in_vain = (*in_vain).max(1) + 1;
                    let (why, pause) = (problem.to_string(), pause_after(*in_vain));
                    tracing::error!(executor = %self.recipe.name, %why, "no other worker can be started; trying again in {} ms", pause.as_millis());
                    self.note(why);
                }
            }
        }
    }

    fn on_ended(&self, why: String, in_vain: u32) {
        tracing::warn!(executor = %self.recipe.name, %why, "a worker ended");
        {
            let mut health = self.health();
            health.alive -= 1;
            // In one step, where the next one starts at once: whoever asks meanwhile waits for it.
            health.coming += usize::from(pause_after(in_vain).is_zero());
        }
        self.note(why);
    }

    /// Keeps why there is one worker fewer. If there is none at all, nobody waits for one.
    fn note(&self, why: String) {
        let nobody = {
            let mut health = self.health();
            health.why = why;
            health.alive == 0 && health.coming == 0
        };
        if nobody {
            let waiting = std::mem::take(&mut *self.waiting());
            for call in waiting {
                let _ = call.reply.send(Err(self.gone("no worker is alive")));
            }
        }
    }

    fn gone(&self, what: &str) -> String {
        let health = self.health();
        if health.why.is_empty() { what.to_owned() } else { format!("{what}: {}", health.why) }
    }

    /// Returns how long it is until `deadline`.
    fn left(&self, deadline: Timestamp) -> Duration {
        deadline.since((self.recipe.now)())
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Call>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the failure of each of `rows` rows.
pub(crate) fn fail_all(why: &str, rows: usize) -> Vec<Result<Bytes, Failure>> {
    vec![Err(failed(why)); rows]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_begin_with_the_second_in_vain_double_and_have_an_end() {
        let pauses = [0, 1, 2, 3, 4, 12, u32::MAX].map(|in_vain| pause_after(in_vain).as_millis());
        assert_eq!(pauses, [0, 0, 100, 200, 400, 30_000, 30_000]);
    }
}

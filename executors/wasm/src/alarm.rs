//! What cuts calls off at their deadlines: one thread for all components of the process, which sleeps until the first of
//! them is due and for as long as nobody calls.
//!
//! It moves wasmtime's epoch, at which every component that runs asks whether it is meant. One that asked a moment before
//! it was would miss that, so the epoch is moved again and again until the call is over.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use executor::Now;
use wasmtime::Engine;
use wire::Timestamp;

/// The alarm of an engine.
#[derive(Clone)]
pub(crate) struct Alarm(Arc<Shared>);

/// Whether whoever holds it is to end.
pub(crate) type Overdue = Arc<AtomicBool>;

/// A call under way; dropped, it is over.
pub(crate) struct Watch<'a> {
    alarm: &'a Alarm,
    overdue: &'a Overdue,
}

struct Shared {
    calls: Mutex<Calls>,
    earlier: Condvar,
}

#[derive(Default)]
struct Calls {
    under_way: Vec<Call>,
    /// The call for which the thread wakes, by when it is due; `None` while it sleeps until somebody calls.
    wakes: Option<Timestamp>,
}

struct Call {
    due: Timestamp,
    now: Now,
    overdue: Overdue,
}

/// How often one that is overdue is told so.
const AGAIN: Duration = Duration::from_millis(1);

// === impl Alarm ===

impl Alarm {
    /// Starts the thread; why there is none, the system says.
    pub(crate) fn start(engine: Engine) -> Result<Self, String> {
        let alarm = Self(Arc::new(Shared { calls: Mutex::default(), earlier: Condvar::new() }));
        let shared = Arc::clone(&alarm.0);
        let thread = thread::Builder::new().name("wasm-alarm".to_owned()).spawn(move || shared.ring(&engine));
        thread.map(|_| alarm).map_err(|error| format!("cannot start a thread: {error}"))
    }

    /// Watches a call that is due at `due`. All go by the same clock, `now`: the process has one.
    pub(crate) fn watch<'a>(&'a self, due: Timestamp, now: &Now, overdue: &'a Overdue) -> Watch<'a> {
        overdue.store(false, Ordering::Relaxed);
        let mut calls = self.0.calls();
        calls.under_way.push(Call { due, now: Arc::clone(now), overdue: Arc::clone(overdue) });
        // Whoever is due later than the thread wakes anyway wakes nobody: at 1,000 calls a second, of which none is cut
        // off, it wakes once in a budget.
        if calls.wakes.is_none_or(|wakes| due < wakes) {
            calls.wakes = Some(due);
            self.0.earlier.notify_one();
        }
        Watch { alarm: self, overdue }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.alarm.0.calls().under_way.retain(|call| !Arc::ptr_eq(&call.overdue, self.overdue));
    }
}

// === impl Shared ===

impl Shared {
    fn ring(&self, engine: &Engine) {
        let mut calls = self.calls();
        loop {
            let mut first: Option<(Duration, Timestamp)> = None;
            for call in &calls.under_way {
                let mut left = call.due.since((call.now)());
                if left.is_zero() {
                    call.overdue.store(true, Ordering::Relaxed);
                    engine.increment_epoch();
                    left = AGAIN;
                }
                first = Some(first.map_or((left, call.due), |first| first.min((left, call.due))));
            }
            calls.wakes = first.map(|(_, due)| due);
            calls = match first {
                Some((left, _)) => self.earlier.wait_timeout(calls, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.earlier.wait(calls).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

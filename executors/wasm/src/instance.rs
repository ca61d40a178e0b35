//! A component that has come up, with a memory of its own, and can be called until a call goes wrong.

use std::sync::{Arc, atomic::Ordering};

use executor::Now;
use policies::Memory;
use wasmtime::{
    ResourceLimiter, Store, Trap, UpdateDeadline,
    component::{InstancePre, TypedFunc},
};
use wire::Timestamp;

use crate::alarm::{Alarm, Overdue};

/// What a component says of an input: an answer, nothing, or why not.
pub(crate) type Said = Result<Option<String>, String>;

/// `score`, as `hedgerow.wit` has it.
type Score = TypedFunc<(&'static str,), (Said,)>;

/// A component, come up.
pub(crate) struct Instance {
    store: Store<Room>,
    score: Score,
    alarm: Alarm,
    overdue: Overdue,
}

/// Why there is no instance.
pub(crate) enum StartError {
    /// It has no `score`, or another one.
    NoScore(wasmtime::Error),
    /// It failed.
    Failed(String),
}

/// What an instance has of memory, and may have.
pub(crate) struct Room {
    bytes: u64,
    most: u64,
}

/// How many elements a table of it may have.
const TABLE_MAX: usize = 1 << 20;

// === impl Instance ===

impl Instance {
    /// Lets the component come up, which may run code of its own, until `due`.
    pub(crate) fn start(
        component: &InstancePre<Room>,
        memory: Memory,
        alarm: &Alarm,
        due: Timestamp,
        now: &Now,
    ) -> Result<Self, StartError> {
        let overdue = Overdue::default();
        let mut store = Store::new(component.engine(), Room { bytes: 0, most: memory.0 });
        store.limiter(|room| room);
        let is_meant = Arc::clone(&overdue);
        // The epoch is moved for whoever is overdue, and all who run are asked.
        store.epoch_deadline_callback(move |_| {
            let is_meant = is_meant.load(Ordering::Relaxed);
            Ok(if is_meant { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
        });
        store.set_epoch_deadline(1);
        let _watch = alarm.watch(due, now, &overdue);
        let instance = component.instantiate(&mut store).map_err(|error| StartError::Failed(words(&error)))?;
        let exported = instance.get_typed_func(&mut store, "score").map_err(StartError::NoScore)?;
        Ok(Self { store, score: exported, alarm: alarm.clone(), overdue: Arc::clone(&overdue) })
    }

    /// Asks about `input` until `due`. After an error it cannot be called again: what it was doing was cut off anywhere.
    pub(crate) fn call(&mut self, input: &str, due: Timestamp, now: &Now) -> Result<Said, String> {
        self.store.set_epoch_deadline(1);
        let _watch = self.alarm.watch(due, now, &self.overdue);
        let (said,) = self.score.call(&mut self.store, (input,)).map_err(|error| words(&error))?;
        Ok(said)
    }
}

/// Returns what went wrong in a component.
fn words(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => "it was cut off at its deadline".to_owned(),
        Some(Trap::UnreachableCodeReached) => "it panicked, or gave up otherwise (`unreachable`)".to_owned(),
        Some(trap) => format!("it failed: {trap}"),
        None => error.root_cause().to_string(),
    }
}

// === impl Room ===

impl ResourceLimiter for Room {
    fn memory_growing(&mut self, current: usize, desired: usize, _most: Option<usize>) -> wasmtime::Result<bool> {
        // More than a u64 says no machine has.
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let bytes = self.bytes.saturating_add(more);
        if bytes > self.most {
            let (wanted, most) = (bytes.div_ceil(1 << 20), Memory(self.most));
            wasmtime::bail!("it wanted {wanted} MiB of memory, and may have {most}: `memory` in the policy says so");
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _most: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_MAX {
            wasmtime::bail!("it wanted a table of {desired} elements, and may have {TABLE_MAX}");
        }
        Ok(true)
    }
}

//! The histories of all rendezvous, as far as the control topic was read, and the channels by which they are seen.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use policies::{Effect, History, Refusal, Versions};
use tokio::sync::watch;
use wire::{ControlRecord, RendezvousName, Timestamp};

/// One history for each name that was ever spoken of.
#[derive(Default)]
pub(crate) struct Shelves(Mutex<BTreeMap<RendezvousName, Arc<Shelf>>>);

/// One rendezvous' history, and what its stations see of it.
pub(crate) struct Shelf {
    history: watch::Sender<History>,
    /// Not there before the first version is.
    versions: OnceLock<watch::Sender<Arc<Versions>>>,
}

/// More rendezvous than this are refused: names that multiply are a mistake.
const RENDEZVOUS_MAX: usize = 10_000;

// === impl Shelves ===

impl Shelves {
    /// Returns the shelf of `name`, an empty one if it is new; `None` if there are too many.
    pub(crate) fn get(&self, name: &RendezvousName) -> Option<Arc<Shelf>> {
        let mut shelves = self.lock();
        if let Some(shelf) = shelves.get(name) {
            return Some(Arc::clone(shelf));
        }
        let room = shelves.len() < RENDEZVOUS_MAX;
        room.then(|| Arc::clone(shelves.entry(name.clone()).or_insert_with(|| Arc::new(Shelf::of(name)))))
    }

    /// Returns the names of all rendezvous that have a version.
    pub(crate) fn names(&self) -> Vec<RendezvousName> {
        let shelves = self.lock();
        let used = shelves.iter().filter(|(_, shelf)| shelf.history.borrow().newest() > 0);
        used.map(|(name, _)| name.clone()).collect()
    }

    /// Shows every history's versions, as they are now.
    pub(crate) fn show_all(&self) {
        self.lock().values().for_each(|shelf| shelf.show());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RendezvousName, Arc<Shelf>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Shelf ===

impl Shelf {
    fn of(name: &RendezvousName) -> Self {
        Self { history: watch::Sender::new(History::of(name.clone())), versions: OnceLock::new() }
    }

    pub(crate) fn fold(&self, record: &ControlRecord, at: Timestamp) -> Result<Effect, Refusal> {
        let mut effect = None;
        self.history.send_modify(|history| effect = Some(history.fold(record, at)));
        effect.expect("`send_modify` calls what it is given")
    }

    /// Shows the history's versions to who watches them.
    pub(crate) fn show(&self) {
        let Some(versions) = self.history.borrow().versions() else { return };
        let sender = self.versions.get_or_init(|| watch::Sender::new(Arc::clone(&versions)));
        sender.send_replace(versions);
    }

    pub(crate) fn history(&self) -> watch::Receiver<History> {
        self.history.subscribe()
    }

    pub(crate) fn versions(&self) -> Option<watch::Receiver<Arc<Versions>>> {
        self.versions.get().map(watch::Sender::subscribe)
    }
}

//! Requests of a version that this collector has not heard of: a starter may have read the control topic a moment
//! earlier. They wait until the version comes, at most until they must be answered.
//!
//! Pure. Bounded by count and by time.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use bytes::Bytes;
use policies::Versions;
use wire::{Request, RequestId, Timestamp};

/// At most so many wait per partition.
const COUNT_MAX: usize = 65_536;
/// So long one waits at most, whatever its budget: the mailbox keeps its responses no longer.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The requests that wait.
#[derive(Debug, Default)]
pub(super) struct Parking {
    parked: HashMap<RequestId, Parked>,
    /// One entry for each.
    due: BTreeSet<(Timestamp, RequestId)>,
}

/// One that waits.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) request: Request,
    pub(super) place: Place,
    pub(super) due: Timestamp,
}

/// Where and when a request was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: i64,
    pub(super) appended: Timestamp,
    pub(super) born: Timestamp,
}

// === impl Parking ===

impl Parking {
    /// Lets a request wait, of which `lead` before its deadline it must be answered. Returns it if there is no room.
    pub(super) fn park(&mut self, mut request: Request, place: Place, lead: Duration) -> Option<Request> {
        if self.parked.len() >= COUNT_MAX {
            return Some(request);
        }
        let wait = request.budget.as_duration().saturating_sub(lead).min(WAIT_MAX);
        // The input is not needed to decide.
        request.body = Bytes::new();
        let (id, due) = (request.id, place.born.after(wait));
        self.due.insert((due, id));
        self.parked.insert(id, Parked { request, place, due });
        None
    }

    /// Takes out, in the order of the log, the requests whose versions have come.
    pub(super) fn arrived(&mut self, versions: &Versions) -> Vec<Parked> {
        if self.parked.is_empty() {
            return Vec::new();
        }
        let has_come = |_: &RequestId, parked: &mut Parked| versions.get(parked.request.policy.version).is_some();
        let mut arrived: Vec<Parked> = self.parked.extract_if(has_come).map(|(_, parked)| parked).collect();
        for parked in &arrived {
            self.due.remove(&(parked.due, parked.request.id));
        }
        arrived.sort_unstable_by_key(|parked| parked.place.offset);
        arrived
    }

    /// Takes out one that waits no longer at `now`.
    pub(super) fn overdue(&mut self, now: Timestamp) -> Option<Parked> {
        let (due, id) = *self.due.first().filter(|(due, _)| *due <= now)?;
        self.due.remove(&(due, id));
        self.parked.remove(&id)
    }

    /// Takes `request` out.
    pub(super) fn take(&mut self, request: &RequestId) -> Option<Parked> {
        let parked = self.parked.remove(request)?;
        self.due.remove(&(parked.due, *request));
        Some(parked)
    }

    pub(super) fn has(&self, request: &RequestId) -> bool {
        self.parked.contains_key(request)
    }

    pub(super) fn len(&self) -> usize {
        self.parked.len()
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }
}

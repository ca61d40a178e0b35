//! Who is in flight: callers' requests until they end, and those of the input topic until their result or their deadline.
//!
//! Pure. Law, tested by name: *nothing stays for ever*: what nobody waits for leaves by its deadline at the latest.

use std::collections::{BTreeSet, HashMap};

use wire::{Budget, RequestId, ResultKind, Timestamp};

use crate::admission::{Admission, AdmissionKind, Ended};

/// The limit with all that counts towards it.
#[derive(Debug)]
pub(crate) struct Gate {
    admission: Admission,
    /// Requests without a caller: at most half of the limit, because no more are let in.
    unawaited: HashMap<RequestId, (Timestamp, Budget)>,
    by_deadline: BTreeSet<(Timestamp, RequestId)>,
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(kind: AdmissionKind, ceiling: usize) -> Self {
        let (unawaited, by_deadline) = Default::default();
        Self { admission: Admission::new(kind, ceiling), unawaited, by_deadline }
    }

    pub(crate) fn limit(&self) -> usize {
        self.admission.limit()
    }

    /// Returns whether a caller would be let in.
    pub(crate) fn has_room(&mut self, now: Timestamp) -> bool {
        self.expire(now);
        self.admission.has_room()
    }

    /// Lets a caller's request in, which `on_ended` must follow; returns whether there was room.
    pub(crate) fn enter(&mut self, now: Timestamp) -> bool {
        let has_room = self.has_room(now);
        if has_room {
            self.admission.enter();
        }
        has_room
    }

    pub(crate) fn on_ended(&mut self, entered: Timestamp, budget: Budget, ended: Ended, now: Timestamp) {
        self.admission.on_ended(entered, budget, ended, now);
    }

    /// Returns whether a request that can wait would be let in.
    pub(crate) fn has_room_behind(&mut self, now: Timestamp) -> bool {
        self.expire(now);
        self.admission.has_room_behind()
    }

    /// Lets a request in that nobody waits for and that is of use until `deadline`.
    pub(crate) fn enter_behind(&mut self, id: RequestId, budget: Budget, deadline: Timestamp, now: Timestamp) {
        // Whoever is dead on arrival is answered at once, and says nothing about the load.
        if deadline > now && self.unawaited.insert(id, (now, budget)).is_none() {
            self.by_deadline.insert((budget.deadline(now), id));
            self.admission.enter();
        }
    }

    /// A request that nobody waits for could not be written.
    pub(crate) fn on_lost(&mut self, id: RequestId, now: Timestamp) {
        self.end(id, Ended::Void, now);
    }

    /// A result was read.
    pub(crate) fn on_result(&mut self, id: RequestId, kind: ResultKind, now: Timestamp) {
        if !self.unawaited.is_empty() {
            self.end(id, ended(kind), now);
        }
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((due, id)) = self.by_deadline.first().copied()
            && due <= now
        {
            self.end(id, Ended::Unanswered, now);
        }
    }

    fn end(&mut self, id: RequestId, ended: Ended, now: Timestamp) {
        if let Some((entered, budget)) = self.unawaited.remove(&id) {
            self.by_deadline.remove(&(budget.deadline(entered), id));
            self.admission.on_ended(entered, budget, ended, now);
        }
    }
}

/// Returns how a request with a result of this kind ended.
pub(crate) fn ended(kind: ResultKind) -> Ended {
    match kind {
        ResultKind::Prediction => Ended::Predicted,
        ResultKind::Default | ResultKind::Error => Ended::Degraded,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const BUDGET: Budget = Budget::from_millis(50);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    fn id(number: u128) -> RequestId {
        RequestId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn what_nobody_waits_for_leaves_with_its_result_or_at_its_deadline() {
        let mut gate = Gate::new(AdmissionKind::Adaptive, 4);
        gate.enter_behind(id(1), BUDGET, at(50), at(0));
        gate.enter_behind(id(2), BUDGET, at(51), at(1));
        assert!(!gate.has_room_behind(at(2)) && gate.has_room(at(2)));
        gate.on_result(id(1), ResultKind::Prediction, at(3));
        gate.on_result(id(9), ResultKind::Prediction, at(3));
        assert!(gate.has_room_behind(at(3)));
        assert_eq!(gate.admission.in_flight(), 1);
        assert!(gate.has_room(at(51)));
        assert_eq!((gate.admission.in_flight(), gate.unawaited.len(), gate.by_deadline.len()), (0, 0, 0));
    }

    #[test]
    fn the_same_input_again_is_in_flight_once_and_one_that_is_lost_not_at_all() {
        let mut gate = Gate::new(AdmissionKind::Adaptive, 4);
        gate.enter_behind(id(1), BUDGET, at(50), at(0));
        gate.enter_behind(id(1), BUDGET, at(50), at(0));
        assert_eq!(gate.admission.in_flight(), 1);
        gate.on_lost(id(1), at(1));
        gate.enter_behind(id(2), BUDGET, at(1), at(1));
        assert_eq!(gate.admission.in_flight(), 0);
    }
}

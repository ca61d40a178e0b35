//! PURE: the requests that wait for one executor.
//!
//! Laws, each tested by name: what may not start yet waits; of what may, the earliest deadline goes first, because in a
//! backlog first-come-first-served serves only the dead; there are never more than `capacity`, and the dead make room.

use std::collections::BTreeMap;

use wire::Timestamp;

/// Requests that wait, `T` being a request.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    capacity: usize,
    /// Distinguishes requests of the same instant, in the order of their arrival.
    arrivals: u64,
    /// By the instant from which each may start, with its deadline.
    waiting: BTreeMap<(Timestamp, u64), (Timestamp, T)>,
    /// By deadline.
    startable: BTreeMap<(Timestamp, u64), T>,
}

// === impl Backlog ===

impl<T> Backlog<T> {
    /// Returns an empty backlog.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { capacity, arrivals: 0, waiting: BTreeMap::new(), startable: BTreeMap::new() }
    }

    /// Takes in a request that may start at `start` and is due at `deadline`; gives it back if there is no room.
    pub(crate) fn push(&mut self, start: Timestamp, deadline: Timestamp, now: Timestamp, request: T) -> Result<(), T> {
        if self.is_full() {
            return Err(request);
        }
        self.arrivals += 1;
        if start <= now {
            self.startable.insert((deadline, self.arrivals), request);
        } else {
            self.waiting.insert((start, self.arrivals), (deadline, request));
        }
        Ok(())
    }

    /// Returns the request to work on at `now`.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<T> {
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            let arrival = first.key().1;
            let (deadline, request) = first.remove();
            self.startable.insert((deadline, arrival), request);
        }
        self.startable.pop_first().map(|(_, request)| request)
    }

    /// Returns a request that is past its deadline at `now`, so that it makes room.
    pub(crate) fn pop_dead(&mut self, now: Timestamp) -> Option<T> {
        let first = self.startable.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// Returns any request, whether it may start or not: for emptying.
    pub(crate) fn take_any(&mut self) -> Option<T> {
        let startable = self.startable.pop_first().map(|(_, request)| request);
        startable.or_else(|| self.waiting.pop_first().map(|(_, (_, request))| request))
    }

    /// Returns when the next request may start, if some wait for their time.
    pub(crate) fn next_start(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((start, _), _)| *start)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Returns how many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.startable.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn the_earliest_deadline_goes_first_and_equal_ones_in_order_of_arrival() {
        let mut backlog = Backlog::with_capacity(9);
        for (deadline, name) in [(30, "c"), (10, "a"), (30, "d"), (20, "b")] {
            backlog.push(at(0), at(deadline), at(0), name).unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| backlog.pop(at(0))).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }

    #[test]
    fn nothing_starts_before_its_time() {
        let mut backlog = Backlog::with_capacity(9);
        backlog.push(at(50), at(60), at(0), "later").unwrap();
        backlog.push(at(0), at(99), at(0), "now").unwrap();
        assert_eq!(backlog.next_start(), Some(at(50)));
        assert_eq!((backlog.pop(at(49)), backlog.pop(at(49))), (Some("now"), None));
        assert_eq!((backlog.pop(at(50)), backlog.next_start()), (Some("later"), None));
    }

    #[test]
    fn a_full_backlog_gives_the_request_back() {
        let mut backlog = Backlog::with_capacity(2);
        backlog.push(at(0), at(9), at(0), "a").unwrap();
        backlog.push(at(5), at(9), at(0), "b").unwrap();
        assert_eq!(backlog.push(at(0), at(9), at(0), "c"), Err("c"));
        assert_eq!(backlog.len(), 2);
    }

    #[test]
    fn the_dead_make_room() {
        let mut backlog = Backlog::with_capacity(2);
        backlog.push(at(0), at(9), at(0), "dead").unwrap();
        backlog.push(at(0), at(11), at(0), "alive").unwrap();
        assert!(backlog.is_full());
        assert_eq!(
            (backlog.pop_dead(at(8)), backlog.pop_dead(at(9)), backlog.pop_dead(at(9))),
            (None, Some("dead"), None)
        );
        backlog.push(at(0), at(10), at(9), "next").unwrap();
        assert_eq!(backlog.pop(at(9)), Some("next"));
    }
}

//! PURE: requests of a version that has not arrived here yet. The log of versions and the log of requests are two, and
//! a starter may read the one sooner than we do.
//!
//! Laws, each tested by name: who waits is given back when the versions change, or when its deadline is past; there are
//! never more than `CAPACITY`.

use wire::Timestamp;

/// How many wait at most.
pub const CAPACITY: usize = 1_024;

/// What waits, `T` being a request.
#[derive(Debug)]
pub struct Parked<T> {
    waiting: Vec<(Timestamp, T)>,
}

// === impl Parked ===

impl<T> Default for Parked<T> {
    fn default() -> Self {
        Self { waiting: Vec::new() }
    }
}

impl<T> Parked<T> {
    /// Lets a request wait until `deadline`; gives it back if there is no room.
    pub fn park(&mut self, deadline: Timestamp, request: T) -> Result<(), T> {
        if self.waiting.len() >= CAPACITY {
            return Err(request);
        }
        self.waiting.push((deadline, request));
        Ok(())
    }

    /// Returns everybody that waits, in the order of their arrival: the versions have changed.
    pub fn release(&mut self) -> Vec<T> {
        self.waiting.drain(..).map(|(_, request)| request).collect()
    }

    /// Returns those whose deadline is past at `now`.
    pub fn expire(&mut self, now: Timestamp) -> Vec<T> {
        self.waiting.extract_if(.., |(deadline, _)| *deadline <= now).map(|(_, request)| request).collect()
    }

    /// Returns when the next deadline is, if somebody waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|(deadline, _)| *deadline).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_change_gives_everybody_back_in_the_order_of_arrival() {
        let mut parked = Parked::default();
        for (deadline, name) in [(30, "a"), (10, "b"), (20, "c")] {
            parked.park(at(deadline), name).unwrap();
        }
        assert_eq!(parked.release(), ["a", "b", "c"]);
        assert_eq!(parked.next_deadline(), None);
    }

    #[test]
    fn a_deadline_gives_back_whose_it_is() {
        let mut parked = Parked::default();
        for (deadline, name) in [(30, "a"), (10, "b"), (20, "c")] {
            parked.park(at(deadline), name).unwrap();
        }
        assert_eq!(parked.next_deadline(), Some(at(10)));
        assert_eq!(parked.expire(at(9)), Vec::<&str>::new());
        assert_eq!(parked.expire(at(20)), ["b", "c"]);
        assert_eq!(parked.release(), ["a"]);
    }

    #[test]
    fn there_is_a_bound() {
        let mut parked = Parked::default();
        for _ in 0..CAPACITY {
            parked.park(at(1), "a").unwrap();
        }
        assert_eq!(parked.park(at(1), "b"), Err("b"));
    }
}

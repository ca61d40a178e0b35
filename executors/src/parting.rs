//! PURE: a partition that goes to another process, and for how long it is served on here, so that no request falls
//! between the two. Two responses of one executor are one vote, so both may serve it for a while.
//!
//! Laws, each tested by name: it is served on until the successor was heard, that is until everybody here whom a request
//! asks was heard twice about it; or until no request came for `QUIET`; and never longer than `LONGEST`. A request that
//! was asked twice says nothing.

use std::{collections::HashMap, time::Duration};

use wire::{ExecutorId, RequestId, Timestamp};

/// A successor learns of it by its next heartbeat, and begins some milliseconds later: this is enough for the 300 ms that
/// README asks of the brokers, however seldom requests come.
const QUIET: Duration = Duration::from_millis(500);
/// The heartbeat of brokers with default settings.
const LONGEST: Duration = Duration::from_secs(5);
/// How many requests are listened for at most: the successor begins with the first.
const REQUESTS_MAX: usize = 4_096;

/// A partition on its way to another process.
#[derive(Debug)]
pub(crate) struct Parting {
    began: Timestamp,
    last_request: Timestamp,
    /// What was read since, and how often each executor here that it asks was heard about it.
    requests: HashMap<RequestId, Heard>,
    succeeded: bool,
}

#[derive(Debug)]
struct Heard {
    times: Vec<(ExecutorId, u8)>,
    /// Whether the request itself was read more than once.
    repeated: bool,
}

// === impl Parting ===

impl Parting {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { began: now, last_request: now, requests: HashMap::new(), succeeded: false }
    }

    /// A request was read that asks `asked` of those here.
    pub(crate) fn on_request(&mut self, id: RequestId, asked: impl Iterator<Item = ExecutorId>, now: Timestamp) {
        self.last_request = now;
        if let Some(heard) = self.requests.get_mut(&id) {
            heard.repeated = true;
        } else if self.requests.len() < REQUESTS_MAX {
            self.requests.insert(id, Heard { times: asked.map(|executor| (executor, 0)).collect(), repeated: false });
        }
    }

    /// Somebody, here or elsewhere, said something about a request.
    pub(crate) fn on_response(&mut self, id: RequestId, executor: &ExecutorId) {
        let Some(heard) = self.requests.get_mut(&id) else { return };
        for (_, times) in heard.times.iter_mut().filter(|(who, _)| who == executor) {
            *times = times.saturating_add(1);
        }
        let twice = !heard.times.is_empty() && heard.times.iter().all(|(_, times)| *times >= 2);
        self.succeeded |= twice && !heard.repeated;
    }

    /// Returns when it is over, unless something happens before.
    pub(crate) fn ends(&self) -> Timestamp {
        if self.succeeded { self.began } else { self.last_request.after(QUIET).min(self.began.after(LONGEST)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_millis(millis))
    }

    fn id(number: u32) -> RequestId {
        RequestId::from_key(&wire::RendezvousName::new("wine").unwrap(), &number.to_string())
    }

    fn who(name: &str) -> ExecutorId {
        ExecutorId::new(name).unwrap()
    }

    /// A parting in which requests 1 and 2, which ask `a` and `b`, were read at 100 ms.
    fn parting() -> Parting {
        let mut parting = Parting::new(at(0));
        for number in 1..=2 {
            parting.on_request(id(number), [who("a"), who("b")].into_iter(), at(100));
        }
        parting
    }

    fn hear(parting: &mut Parting, said: &[(u32, &str)]) -> bool {
        for (number, name) in said {
            parting.on_response(id(*number), &who(name));
        }
        parting.succeeded
    }

    #[test]
    fn it_is_over_when_everybody_whom_a_request_asks_was_heard_twice() {
        let mut parting = parting();
        assert!(!hear(&mut parting, &[(1, "a"), (1, "b"), (2, "a"), (2, "b")]), "that was us");
        assert!(
            !hear(&mut parting, &[(1, "a"), (1, "a"), (1, "stranger"), (3, "a"), (3, "a")]),
            "`b` is still missing"
        );
        assert!(hear(&mut parting, &[(1, "b")]));
        assert_eq!(parting.ends(), at(0));
    }

    #[test]
    fn a_request_that_was_asked_twice_says_nothing() {
        let mut parting = parting();
        parting.on_request(id(1), std::iter::empty(), at(110));
        assert!(!hear(&mut parting, &[(1, "a"), (1, "b"), (1, "a"), (1, "b")]));
        assert!(hear(&mut parting, &[(2, "a"), (2, "b"), (2, "a"), (2, "b")]));
    }

    #[test]
    fn it_is_over_when_no_request_comes_and_after_the_longest_time() {
        assert_eq!(Parting::new(at(0)).ends(), at(500));
        let mut parting = parting();
        assert_eq!(parting.ends(), at(600));
        parting.on_request(id(3), std::iter::empty(), at(4_900));
        assert_eq!(parting.ends(), at(5_000));
    }

    #[test]
    fn what_is_listened_for_is_bounded() {
        let mut parting = parting();
        for number in 0..=u32::try_from(REQUESTS_MAX).unwrap() {
            parting.on_request(id(number), std::iter::empty(), at(100));
        }
        assert_eq!(parting.requests.len(), REQUESTS_MAX);
    }
}

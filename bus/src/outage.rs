//! Says once that the bus cannot be reached, and once that it can again; every station's loop has one.

use std::{fmt, future::Future, time::Duration};

use wire::Timestamp;

use crate::{BusError, Clock};

/// So long is waited before the bus is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether somebody can reach the bus, as far as is known.
#[derive(Debug)]
pub struct Outage {
    who: &'static str,
    since: Option<Timestamp>,
}

// === impl Outage ===

impl Outage {
    /// Returns that of `who`, such as `the collector`, who is taken to reach the bus.
    #[must_use]
    pub fn of(who: &'static str) -> Self {
        Self { who, since: None }
    }

    /// Takes note that the bus did not answer.
    pub fn begin(&mut self, why: &impl fmt::Display, now: Timestamp) {
        if self.since.is_none() {
            self.since = Some(now);
            tracing::warn!(%why, "{} waits for the bus", self.who);
        }
    }

    /// Takes note that it did.
    pub fn end(&mut self, now: Timestamp) {
        if let Some(since) = self.since.take() {
            tracing::info!(lasted = ?now.since(since), "{} reaches the bus again", self.who);
        }
    }

    /// Takes an attempt's outcome: `None` means that it is worth trying again, an error that it is not.
    pub fn note<T>(&mut self, attempt: Result<T, BusError>, clock: &Clock) -> Result<Option<T>, BusError> {
        match attempt {
            Ok(value) => {
                self.end(clock.now());
                Ok(Some(value))
            }
            Err(error @ (BusError::Unavailable(_) | BusError::QueueFull)) => {
                self.begin(&error, clock.now());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Repeats `attempt` until the bus can be reached, or refuses for good.
    pub async fn insist<T, F>(&mut self, clock: &Clock, mut attempt: impl FnMut() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        loop {
            if let Some(value) = self.note(attempt().await, clock)? {
                return Ok(value);
            }
            Self::pause().await;
        }
    }

    /// Gives the bus a moment.
    pub async fn pause() {
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn what_is_worth_trying_again_is_tried_until_it_succeeds_or_is_refused_for_good() {
        let clock = Clock::standing_at(Timestamp::EPOCH);
        let check = async |mut outcomes: Vec<Result<i32, BusError>>, expected: Result<i32, BusError>| {
            outcomes.reverse();
            let (outcomes, mut outage) = (RefCell::new(outcomes), Outage::of("a test"));
            let next = || std::future::ready(outcomes.borrow_mut().pop().unwrap());
            assert_eq!(outage.insist(&clock, next).await, expected);
            assert!(outcomes.borrow().is_empty());
        };
        let (away, fatal) = (BusError::Unavailable("away".to_owned()), BusError::Fatal("no".to_owned()));
        check(vec![Err(away.clone()), Err(BusError::QueueFull), Ok(1)], Ok(1)).await;
        check(vec![Err(away), Err(fatal.clone())], Err(fatal)).await;
    }

    #[test]
    fn an_outage_begins_once_and_ends_with_the_first_success() {
        let clock = Clock::standing_at(Timestamp::EPOCH);
        let mut outage = Outage::of("a test");
        let away = || Err::<(), _>(BusError::Unavailable("away".to_owned()));
        assert_eq!(outage.note(away(), &clock), Ok(None));
        clock.advance(Duration::from_secs(1));
        assert_eq!(outage.note(away(), &clock), Ok(None));
        assert_eq!(outage.since, Some(Timestamp::EPOCH), "it lasts since it began");
        assert_eq!(outage.note(Ok(()), &clock), Ok(Some(())));
        assert_eq!(outage.since, None);
    }
}

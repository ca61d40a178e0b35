//! Announces how long executors take whom somebody's start follows: the starter writes the start into each request.
//!
//! Pure. Every collector measures its own partitions; the one that serves the first partition announces what it has
//! measured, seldom and only what has changed. Should two announce, the later one counts.

use std::time::Duration;

use policies::{Definition, Latencies, Versions};
use wire::{ExecutorId, Speeds, Timestamp};

/// So often it is announced at most.
const EVERY: Duration = Duration::from_secs(2);
/// What moved by less than one part in so many is no news.
const NEWS: u32 = 20;

/// Remembers what was announced.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    announced: Latencies,
    next: Timestamp,
}

// === impl Announcer ===

impl Announcer {
    /// Returns what to announce, if there is news of anybody whom a version in use follows.
    pub(super) fn announce(&mut self, versions: &Versions, measured: &Latencies, now: Timestamp) -> Option<Speeds> {
        let followed: Vec<&ExecutorId> = versions.in_use().flat_map(|used| Definition::followed(used)).collect();
        if now < self.next || !followed.iter().any(|executor| measured.differ(&self.announced, executor, NEWS)) {
            return None;
        }
        self.next = now.after(EVERY);
        self.announced = measured.only(&followed);
        Some(Speeds { rendezvous: versions.live().name().clone(), measured: self.announced.to_json().into() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use policies::Quantile;

    use super::*;

    const HEDGED: &str = "\
rendezvous: wine\nbudget: 100ms\ninput: { features: [x] }\n\
executors: { a: { echo: }, b: { echo: , start: { after: p95, of: a } }, c: { echo: } }\n\
decide:\n- first: any\n- default: { class: none }\n";

    fn versions(text: &str) -> Versions {
        Versions::only(Arc::new(Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))))
    }

    fn taking(all: &[(&str, u64)]) -> Latencies {
        let mut latencies = Latencies::default();
        for (name, millis) in all {
            let executor = ExecutorId::new(name).expect("a name");
            latencies.set(executor, [Duration::from_millis(*millis); Quantile::ALL.len()]);
        }
        latencies
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn who_is_followed_is_announced_and_again_when_there_is_news_but_not_often() {
        let (versions, mut announcer) = (versions(HEDGED), Announcer::default());
        let mut announce = |all: &[(&str, u64)], now| {
            let speeds = announcer.announce(&versions, &taking(all), at(now))?;
            Some(Latencies::from_json(&speeds.measured).expect("it is read as it was written"))
        };
        assert_eq!(announce(&[], 10), None, "nothing is known");
        assert_eq!(announce(&[("a", 20), ("b", 9), ("c", 1)], 11), Some(taking(&[("a", 20)])));
        assert_eq!(announce(&[("a", 40)], 12), None, "it is too soon");
        assert_eq!(announce(&[("a", 20), ("c", 5)], 20), None, "nothing has changed that matters");
        assert_eq!(announce(&[("a", 40)], 21), Some(taking(&[("a", 40)])));
        assert_eq!(announce(&[("c", 5)], 30), None, "what is not known any more stays what it was");
    }

    #[test]
    fn nothing_is_announced_where_nobody_is_followed() {
        let versions = versions(&HEDGED.replace("after: p95, of: a", "after: 5ms"));
        assert_eq!(Announcer::default().announce(&versions, &taking(&[("a", 20)]), at(10)), None);
    }
}

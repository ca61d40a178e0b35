//! When an executor may start: at once, a fixed time after the request, or as long after it as another usually takes.
//!
//! Laws, each tested by name: a start that follows latencies lies within its bounds, whatever was measured; and whoever
//! is measured for another's start begins at once, so that no hedge shortens what hedges go by.

use std::time::Duration;

use wire::{Asked, ExecutorId, Plan};

use crate::{Definition, ExecutorSpec, Latencies, Quantile};

/// When an executor may start, since the request's birth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// So long after it; nothing is at once.
    After(Duration),
    /// After as long as another executor usually takes.
    Usual(UsualStart),
}

/// A start that follows what was measured lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsualStart {
    /// Whose latency: an executor that starts at once.
    pub of: ExecutorId,
    /// Which quantile of it.
    pub quantile: Quantile,
    /// Never sooner.
    pub min: Duration,
    /// Never later.
    pub max: Duration,
    /// As long as too little is known.
    pub otherwise: Duration,
}

// === impl Start ===

impl Start {
    /// At the request's birth.
    pub const NOW: Self = Self::After(Duration::ZERO);

    /// Returns whether it is later than the request's birth.
    #[must_use]
    pub fn is_later(&self) -> bool {
        *self != Self::NOW
    }

    /// Returns when it is at the latest.
    #[must_use]
    pub fn latest(&self) -> Duration {
        match self {
            Self::After(after) => *after,
            Self::Usual(usual) => usual.max,
        }
    }

    /// Returns when it is, `usual` being how long executors usually take.
    #[must_use]
    pub fn planned(&self, usual: &Latencies) -> Duration {
        match self {
            Self::After(after) => *after,
            Self::Usual(UsualStart { of, quantile, min, max, otherwise }) => {
                usual.of(of, *quantile).map_or(*otherwise, |took| took.max(*min).min(*max))
            }
        }
    }

    /// Returns whose latency it follows.
    #[must_use]
    pub fn follows(&self) -> Option<&ExecutorId> {
        match self {
            Self::After(_) => None,
            Self::Usual(usual) => Some(&usual.of),
        }
    }
}

// === impl Definition ===

impl Definition {
    /// Returns those whose latency somebody's start follows, nobody twice.
    #[must_use]
    pub fn followed(&self) -> Vec<&ExecutorId> {
        let mut followed: Vec<&ExecutorId> = self.executors.iter().filter_map(|spec| spec.start.follows()).collect();
        followed.sort_unstable();
        followed.dedup();
        followed
    }

    /// Returns `plan`, one of this definition's, with every start as it is when executors take as long as `usual` says.
    #[must_use]
    pub fn planned(&self, plan: &Plan, usual: &Latencies) -> Plan {
        let start = |asked: &Asked| {
            let spec = self.executor(asked.executor.as_str());
            spec.map_or(asked.start_after, |spec| spec.start.planned(usual))
        };
        Plan::new(plan.asked().iter().map(|asked| Asked { start_after: start(asked), ..asked.clone() }).collect())
    }
}

// === impl ExecutorSpec ===

impl ExecutorSpec {
    /// Returns how it is asked as long as nothing was measured.
    pub(crate) fn asked(&self) -> Asked {
        let start_after = self.start.planned(&Latencies::default());
        Asked { executor: self.id.clone(), role: self.role, start_after }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Share;

    const HEDGED: &str = "rendezvous: test
budget: 100ms
input: { features: [x] }
executors:
  a: { echo: }
  b: { echo: , start: { after: p95, min: 5ms, max: 40ms, otherwise: 20ms, budget: 5% } }
decide:
- first: any
- default: { class: none }
";

    fn parse(text: &str) -> Definition {
        Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn taking(who: &str, took: Duration) -> Latencies {
        let mut usual = Latencies::default();
        usual.set(ExecutorId::new(who).unwrap(), [took; Quantile::ALL.len()]);
        usual
    }

    fn start_of_b(definition: &Definition, usual: &Latencies) -> Duration {
        definition.planned(&definition.plan(), usual).asked()[1].start_after
    }

    proptest! {
        #[test]
        fn a_start_lies_within_its_bounds_whatever_was_measured(micros in 0..10_000_000_u64, who in "[ab]") {
            let (definition, took) = (parse(HEDGED), Duration::from_micros(micros));
            let start = start_of_b(&definition, &taking(&who, took));
            prop_assert!((Duration::from_millis(5)..=Duration::from_millis(40)).contains(&start));
            if who == "a" && (5_000..=40_000).contains(&micros) {
                prop_assert_eq!(start, took);
            }
        }
    }

    #[test]
    fn what_is_not_known_starts_as_the_policy_says_otherwise() {
        let definition = parse(HEDGED);
        assert_eq!(definition.plan().asked()[1].start_after, Duration::from_millis(20));
        assert_eq!(start_of_b(&definition, &taking("b", Duration::from_millis(7))), Duration::from_millis(20));
        assert_eq!(definition.executors[1].hedges.map(Share::parts), Some(500));
    }

    #[test]
    fn what_is_not_said_is_half_the_budget_and_a_tenth_of_the_requests() {
        let definition = parse(&HEDGED.replace(", min: 5ms, max: 40ms, otherwise: 20ms, budget: 5%", ""));
        let half = Duration::from_millis(50);
        let Start::Usual(usual) = &definition.executors[1].start else { panic!("it follows a latency") };
        assert_eq!((usual.min, usual.max, usual.otherwise), (Duration::ZERO, half, half));
        assert_eq!(usual.of.as_str(), "a");
        assert_eq!(definition.executors[1].hedges.map(Share::parts), Some(1_000));
    }

    #[test]
    fn a_fixed_start_has_no_budget_unless_one_is_written() {
        let fixed = |more: &str| HEDGED.replace("p95, min: 5ms, max: 40ms, otherwise: 20ms, budget: 5%", more);
        assert_eq!(parse(&fixed("5ms")).executors[1].hedges, None);
        assert_eq!(parse(&fixed("5ms, budget: 20%")).executors[1].hedges.map(Share::parts), Some(2_000));
        assert_eq!(parse(&fixed("p95, budget: 100%")).executors[1].hedges, None);
    }

    #[test]
    fn whoever_is_measured_for_a_start_begins_at_once() {
        let hedge_of_a_hedge = HEDGED.replace("decide:", "  c: { echo: , start: { after: p99, of: b } }\ndecide:");
        assert!(Definition::parse("test.yaml", &hedge_of_a_hedge).is_err());
        let of_the_first = hedge_of_a_hedge.replace("of: b", "of: a");
        assert_eq!(parse(&of_the_first).followed().iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["a"]);
    }
}

//! Parts and wholes of what is counted.

use std::time::Duration;

use policies::{DecidedBy, Reason};
use proptest::{collection::vec, prelude::*};
use wire::{ResultKind, Timestamp};

use super::{Decided, Sum};
use crate::{Awaited, Passage, Stage};

const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A result: of which clause, degraded or not, after how long, and when the answer that was waited for had come.
type Story = (usize, bool, u64, Option<u64>);

fn sum(stories: &[Story]) -> Sum {
    let mut sum = Sum::default();
    for (clause, degraded, took, answered) in stories {
        let (kind, by) = if *degraded {
            (ResultKind::Default, DecidedBy::Default)
        } else {
            (ResultKind::Prediction, DecidedBy::First)
        };
        let decided = Decided { clause: *clause, by, reason: Reason::Early, results: 1 };
        let is_missed = sum.on_result(kind, decided, micros(*took), micros(50_000));
        let at = |after: u64| BORN.after(micros(after));
        let awaited = answered.map(|after| Awaited {
            answered: at(after),
            starts: Duration::ZERO,
            fetched: Duration::ZERO,
            queued: micros(after / 2),
            scored: micros(7),
        });
        sum.on_passage(
            &Passage { born: BORN, asked: at(90), decided: at(*took), given: at(*took), awaited },
            is_missed,
        );
    }
    sum
}

proptest! {
    #[test]
    fn parts_in_any_order_are_the_whole_and_are_read_as_they_were_written(
        all in vec((0_usize..4, any::<bool>(), 0_u64..200_000, prop::option::of(0_u64..200_000)), 0..60), cut in 0_usize..60,
    ) {
        let (some, others) = all.split_at(cut.min(all.len()));
        let mut merged = sum(others);
        merged += &sum(some);
        let whole = sum(&all);
        prop_assert_eq!(&merged, &whole);
        prop_assert_eq!(&Sum::total(&[&sum(some), &sum(others)]), &whole);
        let written = serde_json::to_string(&whole).expect("counts");
        prop_assert_eq!(&serde_json::from_str::<Sum>(&written).expect("what was written"), &whole);
        prop_assert_eq!(whole.results.all(), all.len() as u64);
        prop_assert_eq!(whole.decided.iter().map(|decided| decided.results).sum::<u64>(), all.len() as u64);
        let took: u64 = all.iter().map(|(_, _, took, _)| *took).sum();
        prop_assert_eq!(whole.stages.values().map(|spent| spent.took_us).sum::<u64>(), took, "stages sum to the whole");
        prop_assert!(whole.stages.values().map(|spent| spent.blamed).sum::<u64>() <= whole.misses);
    }
}

#[test]
fn a_miss_is_what_is_degraded_or_later_than_its_budget_and_is_blamed_on_one_stage() {
    let sum = sum(&[(1, false, 50_000, Some(40_000)), (1, false, 50_001, Some(50_000)), (2, true, 60_000, None)]);
    assert_eq!((sum.misses, sum.split), (2, 3));
    let blamed: Vec<_> = sum.stages.iter().filter(|(_, spent)| spent.blamed > 0).map(|(stage, _)| *stage).collect();
    assert_eq!(blamed, [Stage::Queue, Stage::Silent]);
}

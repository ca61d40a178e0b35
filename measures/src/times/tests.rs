//! Histograms beside those of the crate `hdrhistogram`.

use std::time::Duration;

use hdrhistogram::Histogram;
use proptest::{collection::vec, prelude::*};

use super::Times;

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn times(all: &[u64]) -> Times {
    let mut times = Times::default();
    for took in all {
        times.add(micros(*took));
    }
    times
}

proptest! {
    #[test]
    fn quantiles_and_counts_are_those_of_an_hdr_histogram(all in vec(0_u64..400_000_000, 1..200), share in 0.0..=1.0) {
        let mut reference = Histogram::<u64>::new_with_bounds(1, 400_000_000, 3).expect("bounds");
        for took in &all {
            reference.record(*took).expect("within bounds");
        }
        let times = times(&all);
        prop_assert_eq!(times.quantile(share), Some(micros(reference.value_at_quantile(share))));
        let cells: Vec<_> = reference.iter_recorded().map(|cell| (micros(cell.value_iterated_to()), cell.count_at_value())).collect();
        prop_assert_eq!(times.iter().collect::<Vec<_>>(), cells);
    }

    #[test]
    fn parts_in_any_order_add_up_to_the_whole(all in vec(0_u64..400_000_000, 0..100), cut in 0_usize..100) {
        let (some, others) = all.split_at(cut.min(all.len()));
        let mut merged = times(others);
        merged += &times(some);
        prop_assert_eq!(merged, times(&all));
    }

    #[test]
    fn who_is_said_to_be_within_a_limit_was(all in vec(0_u64..1_000_000, 0..100), limit in 0_u64..1_000_000) {
        let said = times(&all).within(micros(limit));
        let were = all.iter().filter(|took| **took <= limit).count() as u64;
        let surely = all.iter().filter(|took| **took < limit - limit / 1_000).count() as u64;
        prop_assert!(said <= were && said >= surely, "{said} of {were}, at least {surely}");
    }
}

proptest! {
    #[test]
    fn what_is_rough_is_overstated_by_less_than_a_thirty_second_and_adds_up_with_what_is_not(
        all in vec(0_u64..400_000_000, 1..100), cut in 0_usize..100, share in 0.0..=1.0,
    ) {
        let rough = |all: &[u64]| {
            let mut rough = Times::rough();
            for took in all {
                rough.add(micros(*took));
            }
            rough
        };
        let (some, others) = all.split_at(cut.min(all.len()));
        let (mut here, mut there) = (times(some), rough(others));
        here += &rough(others);
        there += &times(some);
        prop_assert_eq!(&here, &rough(&all));
        prop_assert_eq!(&there, &here);
        prop_assert_eq!(here.rougher().count(), here.count());
        prop_assert!(here.rougher().quantile(share) >= here.quantile(share) && here.rougher().len() <= here.len());
        let (exact, rough) = (times(&all).quantile(share).unwrap_or_default(), here.quantile(share).unwrap_or_default());
        prop_assert!(rough + micros(1) > exact && rough.as_micros() * 32 <= exact.as_micros() * 33 + 32, "{rough:?}, {exact:?}");
    }

    #[test]
    fn it_is_read_as_it_was_written(all in vec(0_u64..4_000_000_000, 0..100)) {
        let written = serde_json::to_string(&times(&all)).expect("numbers");
        prop_assert_eq!(serde_json::from_str::<Times>(&written).expect("what was written"), times(&all));
    }

    #[test]
    fn whatever_is_written_is_read_or_refused(written in vec(0_u64..70_000, 0..9)) {
        if let Ok(times) = Times::try_from(written.clone()) {
            prop_assert_eq!(Vec::from(times.clone()), written);
            prop_assert!(times.iter().is_sorted_by(|(before, _), (after, _)| before < after));
        }
    }
}

#[test]
fn nothing_has_no_quantile_and_what_takes_for_ever_has_one() {
    assert_eq!(Times::default().quantile(0.5), None);
    let mut times = Times::default();
    times.add(Duration::MAX);
    assert_eq!((times.count(), times.within(Duration::MAX)), (1, 1));
    assert!(times.quantile(1.0) > Some(Duration::from_mins(30)));
}

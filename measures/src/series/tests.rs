//! Counts at any time, in any order.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use wire::Timestamp;

use super::{COUNT, LEVELS, Series, number};

const NOW: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);

fn ago(seconds: u64) -> Timestamp {
    NOW.before(Duration::from_secs(seconds))
}

/// Counts one so long ago, in each level.
fn count(series: &mut Series<u64>, seconds: u64) {
    (0..COUNT).for_each(|level| series.add(level, number(level, ago(seconds)), &1));
}

fn series(seconds: &[u64]) -> Series<u64> {
    let mut series = Series::default();
    for seconds in seconds {
        count(&mut series, *seconds);
    }
    series
}

/// Adds all that `other` counted, slice by slice.
fn merge(series: &mut Series<u64>, other: &Series<u64>) {
    for (level, slices) in other.levels.iter().enumerate() {
        for (number, counted) in slices {
            series.add(level, *number, counted);
        }
    }
}

proptest! {
    #[test]
    fn in_any_order_and_in_parts_it_is_the_same(all in vec(0_u64..4_000_000, 0..200), cut in 0_usize..200) {
        let (some, others) = all.split_at(cut.min(all.len()));
        let mut merged = series(others);
        merge(&mut merged, &series(some));
        prop_assert_eq!(&merged, &series(&all));
        let mut backwards = all.clone();
        backwards.sort_unstable();
        prop_assert_eq!(series(&backwards), merged);
    }

    #[test]
    fn a_window_counts_what_is_in_it_and_at_most_a_slice_more(all in vec(0_u64..2_600_000, 0..200), window in 1_u64..2_592_000) {
        let window_is = Duration::from_secs(window);
        let slice = if window <= 3_600 { 10 } else if window <= 86_400 { 300 } else { 3_600 };
        let counted = series(&all).slices(window_is, NOW).map(|(_, counted)| counted).sum::<u64>();
        // The newest slices are those of the newest count.
        let were = |longer: u64| all.iter().filter(|seconds| **seconds <= window + longer).count() as u64;
        prop_assert!(counted >= were(0) && counted <= were(slice), "{counted}, {} to {}", were(0), were(slice));
    }
}

#[test]
fn what_is_held_is_bounded_whatever_comes() {
    let mut series = Series::<u64>::default();
    for hour in (0..2_000_u64).rev() {
        for tens in 0..400 {
            count(&mut series, hour * 3_600 + tens * 10);
        }
    }
    assert_eq!(series.len() as u64, LEVELS.iter().map(|level| level.kept).sum::<u64>());
    let before = series.clone();
    count(&mut series, 40 * 86_400);
    assert_eq!(series, before, "what is too old is not counted");
}

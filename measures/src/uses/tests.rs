//! Parts and wholes of what models did.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use wire::{Failure, FailureKind, Reply, Timestamp};

use super::{Used, Uses, VERSIONS_MAX};
use crate::{Failed, Sum};

const KINDS: [FailureKind; 4] =
    [FailureKind::Failed, FailureKind::Abstained, FailureKind::Expired, FailureKind::Overloaded];

/// A call: of which version, when, how long it took, and what its requests were told, answers being 4.
type Call = (u8, i64, u64, Vec<usize>);

fn reply(kind: usize) -> Reply {
    KINDS
        .get(kind)
        .map_or(Reply::Answer(Bytes::new()), |kind| Reply::Failure(Failure { kind: *kind, message: String::new() }))
}

fn uses(calls: &[Call]) -> Uses {
    let mut uses = Uses::default();
    for (version, at, took, told) in calls {
        let replies: Vec<Reply> = told.iter().map(|kind| reply(*kind)).collect();
        let took = Duration::from_micros(*took);
        uses.on_call(&format!("forest@{version}"), Timestamp::from_micros(*at), took, &replies);
    }
    uses
}

fn sum(uses: Uses) -> Sum {
    Sum { uses: BTreeMap::from([("forest".to_owned(), uses)]), ..Sum::default() }
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    vec((any::<u8>(), 0_i64..1_000_000, 0_u64..3_000_000, vec(0_usize..5, 1..100)), 0..60)
}

proptest! {
    #[test]
    fn uses_counted_in_parts_in_any_order_are_those_of_the_whole(all in calls(), cut in 0_usize..60, few in any::<bool>()) {
        let all: Vec<Call> = all.into_iter().map(|(version, at, took, told)| {
            (if few { version % 12 } else { version }, at, took, told)
        }).collect();
        let (some, others) = all.split_at(cut.min(all.len()));
        let whole = uses(&all);
        let mut merged = uses(others);
        merged += &uses(some);
        prop_assert_eq!(&merged, &whole);
        prop_assert_eq!(&Sum::total(&[&sum(uses(some)), &sum(uses(others))]), &sum(whole.clone()));
        prop_assert!(whole.versions.len() <= VERSIONS_MAX);
        prop_assert!(!few || whole.others == Used::default(), "nothing is dropped while there is room");
        let written = serde_json::to_string(&whole).expect("counts");
        prop_assert_eq!(&serde_json::from_str::<Uses>(&written).expect("what was written"), &whole);

        let rough = sum(whole.clone()).rougher();
        prop_assert_eq!(rough.uses["forest"].total().took, whole.total().took.rougher());

        let total = whole.total();
        let told = |kind: usize| all.iter().flat_map(|call| &call.3).filter(|told| **told == kind).count() as u64;
        prop_assert_eq!(total.calls(), all.len() as u64);
        prop_assert_eq!(total.requests, (0..5).map(told).sum::<u64>());
        prop_assert_eq!((total.answered, total.abstained), (told(4), told(1)));
        let failed = [Failed::Failed, Failed::Expired, Failed::Overloaded].map(|kind| total.failed(kind));
        prop_assert_eq!(failed, [told(0), told(2), told(3)]);
        prop_assert_eq!(total.took.count(), all.len() as u64);
        prop_assert_eq!(total.shortest_us, all.iter().map(|call| call.2).min());
        prop_assert_eq!(total.longest_us, all.iter().map(|call| call.2).max());
        prop_assert_eq!(total.first_us, all.iter().map(|call| call.1).min());
        prop_assert_eq!(total.last_us, all.iter().map(|call| call.1).max());
    }

    #[test]
    fn sizes_of_calls_are_exact_as_far_as_most_are_small_and_never_understated(sizes in vec(1_usize..300, 1..40), share in 0.0..1.0) {
        let calls: Vec<Call> = sizes.iter().map(|size| (1, 1, 1, vec![4; *size])).collect();
        let mut sorted = sizes;
        sorted.sort_unstable();
        let used = uses(&calls).total();
        let rank = crate::times::rank(sorted.len() as u64, share);
        let exact = u32::try_from(sorted[usize::try_from(rank).unwrap() - 1]).unwrap();
        let told = used.size(share).unwrap();
        prop_assert!(told == exact || (exact > 64 && told > exact && told <= exact * 2), "{told} for {exact}");
        prop_assert_eq!(used.largest as usize, *sorted.last().unwrap());
        prop_assert!(told <= used.largest, "{told} was nobody's size");
    }
}

#[test]
fn of_too_many_versions_the_newest_numbers_are_kept_and_the_others_count_together() {
    let versions = u8::try_from(VERSIONS_MAX).unwrap() + 4;
    let uses = uses(&(1..=versions).map(|version| (version, 1, 10, vec![4])).collect::<Vec<_>>());
    let kept: Vec<String> = (5..=versions).map(|version| format!("forest@{version}")).collect();
    assert!(kept.iter().all(|label| uses.versions.contains_key(label)), "{:?}", uses.versions.keys());
    assert_eq!((uses.versions.len(), uses.others.calls()), (VERSIONS_MAX, 4));
}

#[test]
fn what_was_refused_is_no_call_and_is_told_by_why() {
    let mut uses = Uses::default();
    uses.on_refused("forest@1", Timestamp::from_micros(7), FailureKind::Overloaded);
    let total = uses.total();
    assert_eq!((total.calls(), total.failed(Failed::Overloaded), total.first_us), (0, 1, Some(7)));
    assert!(!uses.is_empty() && !sum(uses).is_empty());
}

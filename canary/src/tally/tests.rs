//! What is kept where there is more than is kept.

use proptest::prelude::*;
use uuid::Uuid;
use wire::RequestId;

use super::*;

proptest! {
    #[test]
    fn of_many_labels_the_same_are_kept_in_whatever_order(pairs in prop::collection::vec((0..60_u8, 0..60_u8), 0..200)) {
        let of = |pairs: &mut dyn Iterator<Item = &(u8, u8)>| {
            let mut matrix = Matrix::default();
            pairs.for_each(|(one, two)| matrix.count(&one.to_string(), &two.to_string()));
            matrix
        };
        let whole = of(&mut pairs.iter());
        prop_assert_eq!(&of(&mut pairs.iter().rev()), &whole);
        let (one, two) = pairs.split_at(pairs.len() / 3);
        let mut sum = of(&mut two.iter());
        sum.merge(&of(&mut one.iter()));
        prop_assert_eq!(&sum, &whole);
        let (labels, _) = whole.labels();
        let named = labels.into_iter().map(Some).chain([None]);
        let all: Vec<Option<String>> = named.collect();
        let sum: u64 = all.iter().flat_map(|one| all.iter().map(|two| whole.of(one.as_deref(), two.as_deref()))).sum();
        prop_assert_eq!(sum, pairs.len() as u64);
        prop_assert!(all.len() <= 25);
    }

    #[test]
    fn the_same_few_examples_are_kept_in_whatever_order(ids in prop::collection::vec(0..1_000_u128, 0..60)) {
        let of = |ids: &mut dyn Iterator<Item = &u128>| {
            let mut examples = Examples::default();
            ids.for_each(|id| examples.some(RequestId::from_uuid(Uuid::from_u128(*id))));
            examples
        };
        let whole = of(&mut ids.iter());
        prop_assert_eq!(&of(&mut ids.iter().rev()), &whole);
        prop_assert!(whole.names().len() <= 5);
    }
}

#[test]
fn the_slowest_are_kept() {
    let mut examples = Examples::default();
    for millis in 1..100_u64 {
        examples.largest(RequestId::from_uuid(Uuid::from_u128(millis.into())), Duration::from_millis(millis));
    }
    let names: Vec<String> = (95..100).rev().map(|id| Uuid::from_u128(id).to_string()).collect();
    assert_eq!(examples.names(), names);
}

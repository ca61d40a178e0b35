//! Whose traces are kept, and how shares are written.

use bytes::Bytes;
use policies::Definition;
use proptest::prelude::*;
use wire::{Attributes, Budget};

use super::*;

const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";
const NONE: Sampling = Sampling { share: Share::NONE };

fn request(key: &str, caller: Option<&str>) -> Request {
    let text = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol] }\nexecutors:\n  forest: { echo: }\n\
                decide:\n- first: any\n- default: { class: unknown }";
    let definition = Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    Request {
        id: RequestId::from_key(definition.name(), key),
        born: BORN,
        budget: Budget::from_millis(50),
        policy: definition.policy_ref.clone(),
        case: None,
        plan: definition.plan(),
        key: None,
        attributes: Attributes::default(),
        traceparent: caller.map(|flag| Bytes::from(format!("{CALLER}{flag}"))),
        reply: None,
        body: "{}".into(),
    }
}

fn at(millis: u64) -> Timestamp {
    Budget::from_millis(millis).deadline(BORN)
}

#[test]
fn every_miss_is_kept_and_nothing_else_of_no_share() {
    let request = request("1", None);
    let keeps = |kind, given| NONE.keeps(&request, kind, given).map(Kept::as_str);
    assert_eq!(keeps(ResultKind::Prediction, at(50)), None);
    assert_eq!(keeps(ResultKind::Prediction, at(51)), Some("miss"));
    assert_eq!(keeps(ResultKind::Default, at(1)), Some("miss"));
    assert_eq!(keeps(ResultKind::Error, at(1)), Some("miss"));
}

#[test]
fn what_a_caller_keeps_is_kept_and_what_he_does_not_is_not_unless_it_misses() {
    let all = Sampling { share: Share::ALL };
    let keeps = |sampling: Sampling, flag, given| {
        let kept = sampling.keeps(&request("1", Some(flag)), ResultKind::Prediction, given);
        kept.map(Kept::as_str)
    };
    assert_eq!(keeps(NONE, "1", at(1)), Some("caller"));
    assert_eq!(keeps(all, "0", at(1)), None);
    assert_eq!(keeps(all, "0", at(51)), Some("miss"));
}

#[test]
fn a_share_is_about_that_share_of_each_partition_and_stable() {
    for (share, expected) in [("10%", 0.1), ("0.5", 0.5)] {
        let sampling = Sampling { share: share.parse().unwrap() };
        let mut kept = [0_u32; 4];
        let name = wire::RendezvousName::new("wine").unwrap();
        for key in 0..20_000 {
            let id = RequestId::from_key(&name, &key.to_string());
            let keeps = sampling.keeps_whose(id, None).is_some();
            assert_eq!(keeps, sampling.keeps_whose(id, None).is_some());
            kept[usize::try_from(id.partition(4)).unwrap()] += u32::from(keeps);
        }
        for partition in kept {
            let share = f64::from(partition) / 5_000.0;
            assert!((share - expected).abs() < 0.03, "{share} of {expected}");
        }
    }
}

#[test]
fn a_share_is_written_as_people_write_it() {
    let read = |text: &str| text.parse::<Share>().map(|share| share.to_string()).map_err(|error| error.to_string());
    assert_eq!(read("1%").as_deref(), Ok("1%"));
    assert_eq!(read("0.05 %").as_deref(), Ok("0.05%"));
    assert_eq!(read("0.25").as_deref(), Ok("25%"));
    assert_eq!(read("0").as_deref(), Ok("0%"));
    assert_eq!(read("100%").as_deref(), Ok("100%"));
    for wrong in ["", "1.1", "-1%", "NaN", "101%", "much"] {
        assert_eq!(read(wrong), Err(format!("`{wrong}` is no share: write `1%`, `0.05%`, `0` or `100%`")));
    }
}

proptest! {
    /// Whatever is kept of a smaller share is kept of a larger one.
    #[test]
    fn shares_grow_around_each_other(id in any::<u128>(), small in 0_u32..=WHOLE, large in 0_u32..=WHOLE) {
        let id = RequestId::from_uuid(Uuid::from_u128(id));
        let (small, large) = (Share(small.min(large)), Share(small.max(large)));
        prop_assert!(!small.holds(id) || large.holds(id));
    }
}

//! What was read before changes nothing.

use proptest::prelude::*;

use super::super::tests::{failure, request, response, result};
use super::*;
use crate::FailureKind;

/// Records of all kinds, some of which cannot be read, with few and with many names in them.
fn record() -> impl Strategy<Value = Record> {
    let odd = prop_oneof![Just(Vec::new()), Just(b"a,b".to_vec()), Just(b"\xff".to_vec()), any::<Vec<u8>>()];
    let odd = proptest::option::of((proptest::sample::select(Name::ALL), odd));
    (0..5_u8, 0..40_u8, odd).prop_map(|(kind, who, odd)| {
        let executor = ExecutorId::new(&format!("e{who}")).unwrap();
        let model = ModelVersion::new("m", &who.to_string());
        let answer = Response { executor, model, ..response(Reply::Answer(Bytes::from_static(b"{}"))) };
        let plan = format!("forest,e{who}+{who}").parse().unwrap();
        let policy = format!("wine@{who}").parse().unwrap();
        let mut record = match kind {
            0 => Request { plan, case: Some(who.to_string().into()), policy, ..request() }.encode(),
            1 => answer.encode(),
            2 => Response { reply: failure(FailureKind::Failed), ..answer }.encode(),
            3 => ResultRecord { policy, ..result(ResultKind::Default) }.encode(),
            _ => Fence(result(ResultKind::Default).fencing).encode(),
        };
        if let Some((name, value)) = odd {
            record.headers.put(name, &value);
        }
        record
    })
}

proptest! {
    #[test]
    fn what_was_read_before_changes_nothing(records in proptest::collection::vec(record(), 0..60)) {
        let mut decoder = Decoder::default();
        for record in records {
            prop_assert_eq!(decoder.decode(&record), Envelope::decode(&record));
        }
    }
}

#[test]
fn what_records_repeat_is_shared() {
    let mut decoder = Decoder::default();
    let mut read = || match decoder.decode(&request().encode()) {
        Ok(Envelope::Request(request)) => request,
        other => panic!("{other:?}"),
    };
    let (first, second) = (read(), read());
    assert!(std::ptr::eq(first.plan.asked(), second.plan.asked()));
    assert!(std::ptr::eq(first.policy.rendezvous.as_str(), second.policy.rendezvous.as_str()));
}

//! What is written into the control topic is read back; what is garbage is named.

use proptest::prelude::*;

use super::*;

fn change(action: Action) -> Change {
    Change {
        id: Uuid::from_u128(7),
        rendezvous: RendezvousName::new("wine").unwrap(),
        author: "ada".to_owned(),
        message: "forest is on \"holiday\"".to_owned(),
        action,
    }
}

fn apply(mode: ApplyMode, rolls_back: Option<u64>) -> Action {
    Action::Apply(Apply { mode, rolls_back, ..Apply::live("rendezvous: wine\n".into(), 3) })
}

/// A canary's promotion by a report that a test changes.
fn promotion(report: Option<ActedOn>) -> Action {
    let canary = Some(CanaryAct { canary: "next".to_owned(), act: Deed::PromoteFirst, report });
    Action::Apply(Apply { canary, ..Apply::live("rendezvous: wine\n".into(), 3) })
}

fn better() -> ActedOn {
    let because = "it failed less often".to_owned();
    ActedOn { digest: "0a".repeat(32), verdict: "better".to_owned(), because, compared: 12_000 }
}

fn tally() -> Tally {
    Tally { policy: "wine@12".parse().unwrap(), partition: 3, counted: Bytes::from_static(b"{}") }
}

fn speeds() -> Speeds {
    Speeds { rendezvous: RendezvousName::new("wine").unwrap(), measured: Bytes::from_static(b"{}") }
}

fn refused(record: &Record) -> String {
    ControlRecord::decode(record).unwrap_err().to_string()
}

#[test]
fn every_control_record_is_read_back_as_it_was_written() {
    let actions = [
        apply(ApplyMode::Live, None),
        apply(ApplyMode::Shadow, Some(2)),
        apply(ApplyMode::Share(500), None),
        promotion(None),
        promotion(Some(better())),
        Action::Approve { version: 4 },
        Action::Promote { version: 4 },
        Action::Withdraw { version: 4, reason: "slower".to_owned() },
    ];
    let changes = actions.map(|action| ControlRecord::Change(change(action)));
    let counts = [ControlRecord::Tally(tally()), ControlRecord::Speeds(speeds())];
    for record in changes.into_iter().chain(counts) {
        assert_eq!(ControlRecord::decode(&record.encode()), Ok(record));
    }
}

#[test]
fn a_change_is_json_that_people_can_read_in_the_topic() {
    let record = change(apply(ApplyMode::Share(500), Some(1))).encode();
    let body = String::from_utf8(record.payload.unwrap().to_vec()).unwrap();
    let expected = r#"{"rendezvous":"wine","author":"ada","message":"forest is on \"holiday\"","#.to_owned()
        + r#""action":{"apply":{"text":"rendezvous: wine\n","mode":{"share":500},"expected":3,"rolls_back":1}}}"#;
    assert_eq!(body, expected);
}

#[test]
fn who_acted_on_a_canary_by_which_report_stands_in_the_topic() {
    let record = change(promotion(Some(better()))).encode();
    let body: serde_json::Value = serde_json::from_slice(&record.payload.unwrap()).unwrap();
    let expected = serde_json::json!({ "canary": "next", "act": "promote_first", "report": {
        "digest": "0a".repeat(32), "verdict": "better", "because": "it failed less often", "compared": 12_000,
    }});
    assert_eq!(body["action"]["apply"]["canary"], expected);
}

#[test]
fn an_act_without_measure_is_refused_by_every_reader() {
    let cases = [
        (ActedOn { digest: "0a".repeat(31), ..better() }, "64 hex digits"),
        (ActedOn { digest: "0A".repeat(32), ..better() }, "64 hex digits"),
        (ActedOn { verdict: "v".repeat(101), ..better() }, "its verdict has 101 bytes"),
        (ActedOn { because: "b".repeat(4_001), ..better() }, "its reason has 4001 bytes"),
    ];
    for (report, expected) in cases {
        let change = change(promotion(Some(report)));
        assert!(change.check().unwrap_err().to_string().contains(expected), "{expected}");
        assert!(refused(&change.encode()).contains(expected), "{expected}");
    }
    let Action::Apply(mut apply) = promotion(None) else { unreachable!("a promotion is an apply") };
    apply.canary = apply.canary.map(|act| CanaryAct { canary: "n/xt".to_owned(), ..act });
    assert!(change(Action::Apply(apply)).check().unwrap_err().to_string().contains("`n/xt` is not a name"));
}

#[test]
fn changes_have_keys_of_their_own_and_a_later_tally_takes_the_earlier_ones_place() {
    let another = Change { id: Uuid::from_u128(8), ..change(Action::Promote { version: 1 }) };
    assert_ne!(another.encode().key, change(Action::Promote { version: 1 }).encode().key);
    let later = Tally { counted: Bytes::from_static(b"{ }"), ..tally() };
    assert_eq!(later.encode().key, tally().encode().key);
    let later = Speeds { measured: Bytes::from_static(b"{ }"), ..speeds() };
    assert_eq!(later.encode().key, speeds().encode().key);
    assert_ne!(Tally { partition: 4, ..tally() }.encode().key, tally().encode().key);
}

#[test]
fn a_record_that_is_none_of_ours_says_why() {
    let body = |text: &str| {
        let payload = Some(Bytes::copy_from_slice(text.as_bytes()));
        Record { payload, ..change(Action::Promote { version: 1 }).encode() }
    };
    let long = "a".repeat(201);
    let cases = [
        (Record::default(), "header `ce_type` is missing"),
        (crate::Fence(crate::Fencing { epoch: 1, instance: Uuid::nil() }).encode(), "record type"),
        (Record { payload: None, ..body("") }, "the body cannot be read"),
        (body("rendezvous: wine"), "the body cannot be read"),
        (body(r#"{"rendezvous":"wine","author":"ada","action":{"explode":{}}}"#), "unknown variant `explode`"),
        (body(r#"{"rendezvous":"w/ne","author":"ada","action":{"promote":{"version":1}}}"#), "`w/ne` is not a name"),
        (body(r#"{"rendezvous":"wine","author":" ","action":{"promote":{"version":1}}}"#), "it names no author"),
        (body(&format!(r#"{{"rendezvous":"wine","author":"{long}","action":{{"promote":{{"version":1}}}}}}"#)), "201"),
    ];
    for (record, expected) in cases {
        assert!(refused(&record).contains(expected), "{expected}: {}", refused(&record));
    }
    for key in ["tally/wine/1", "tally/wine/1/-1", "tally/wine/1/2/3", "tally/wine/x/2", "tallywine/1/2"] {
        let headers = attributes(TALLY_TYPE, key, "");
        assert!(refused(&Record { headers, ..Record::default() }).contains("cannot be read"), "{key}");
    }
}

proptest! {
    #[test]
    fn no_body_whatever_makes_reading_fail_otherwise_than_by_saying_so(body: Vec<u8>, key in "[a-z0-9/-]{0,20}") {
        let _ = ControlRecord::decode(&Record { payload: Some(body.clone().into()), ..change(Action::Promote { version: 1 }).encode() });
        let headers = attributes(TALLY_TYPE, format_args!("tally/{key}"), "");
        let _ = ControlRecord::decode(&Record { payload: Some(body.into()), headers, ..Record::default() });
    }

    #[test]
    fn whatever_people_write_is_read_back(author in "\\PC{1,50}", message in "\\PC{0,200}", text in "(?s).{0,200}") {
        prop_assume!(!author.trim().is_empty());
        let action = Action::Apply(Apply::live(text.into(), 0));
        let change = ControlRecord::Change(Change { author, message, ..change(action) });
        prop_assert_eq!(ControlRecord::decode(&change.encode()), Ok(change));
    }
}

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
    Action::Apply(Apply { text: "rendezvous: wine\n".into(), mode, expected: 3, rolls_back })
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
        let action = Action::Apply(Apply { text: text.into(), mode: ApplyMode::Live, expected: 0, rolls_back: None });
        let change = ControlRecord::Change(Change { author, message, ..change(action) });
        prop_assert_eq!(ControlRecord::decode(&change.encode()), Ok(change));
    }
}

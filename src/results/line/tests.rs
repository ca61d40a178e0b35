//! How each record is shown.

use bus::TopicPartition;
use bytes::Bytes;
use uuid::Uuid;
use wire::{EnvelopeError, Fence, Record, RequestId, ResultKind, Timestamp};

use super::*;

fn fencing(epoch: u64, instance: u128) -> Fencing {
    Fencing { epoch, instance: Uuid::from_u128(instance) }
}

fn result(body: &'static str, key: Option<&str>) -> ResultRecord {
    ResultRecord {
        request: RequestId::from_uuid(Uuid::from_u128(0x6f1d_2c4b_7a90_5b0f_9a8e_1b1c_3d5e_52cf)),
        policy: "wine@3".parse().unwrap(),
        kind: ResultKind::Prediction,
        key: key.map(Into::into),
        reply: None,
        fencing: fencing(1, 1),
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn line(entry: ResultsEntry, accepted: Option<Fencing>) -> Option<Line> {
    let received = Received {
        partition: TopicPartition::new("wine.results", 2),
        offset: 1_042,
        appended: Timestamp::from_micros(1_800_000_000_123_000),
        record: Record::default(),
    };
    Line::of(&received, entry, accepted)
}

const BODY: &str = "{\"answer\":{\n  \"class\": 1\n},\"decision\":{\"decided_by\":\"agree\",\"reason\":\"early\"}}";

#[test]
fn each_sort_of_record_is_one_line_with_its_reason() {
    let owner = Some(fencing(2, 2));
    let void = |accepted| ResultsEntry::Void { result: result(BODY, None), accepted };
    let shown = [
        line(ResultsEntry::Valid(result(BODY, Some("customer-7"))), owner),
        line(ResultsEntry::Repeat(result(BODY, None)), owner),
        line(void(owner), owner),
        line(void(Some(fencing(1, 9))), owner),
        line(void(None), None),
        line(ResultsEntry::Valid(result("\u{1b}[2J", Some("a\nb\u{1b}"))), owner),
        line(ResultsEntry::Fence { fence: Fence(fencing(2, 2)), accepted: true }, owner),
        line(ResultsEntry::Fence { fence: Fence(fencing(1, 1)), accepted: false }, owner),
        line(ResultsEntry::Garbage(EnvelopeError::UnknownType("com.acme\n".to_owned())), owner),
    ];
    let shown: Vec<String> = shown.iter().map(|line| line.as_ref().unwrap().to_string()).collect();
    assert!(shown.iter().all(|line| !line.contains(char::is_control)), "{shown:?}");
    insta::assert_snapshot!("lines", shown.join("\n"));
}

#[test]
fn a_repeated_fence_is_not_worth_a_line() {
    let owner = fencing(2, 2);
    assert!(line(ResultsEntry::Fence { fence: Fence(owner), accepted: false }, Some(owner)).is_none());
}

#[test]
fn json_stays_on_one_line_whatever_the_answer_is_written_like() {
    let line = line(ResultsEntry::Valid(result(BODY, Some("a\nb"))), None).unwrap();
    assert!(line.is_valid());
    insta::assert_snapshot!("json", line.json());
}

#[test]
fn an_answer_that_is_too_long_for_a_line_is_cut() {
    let mut result = result(BODY, None);
    result.body = format!("{{\"answer\":\"{}\",\"decision\":{{}}}}", "é".repeat(500)).into();
    let shown = line(ResultsEntry::Valid(result), None).unwrap().to_string();
    assert!(shown.ends_with("éé…") && shown.chars().count() < 300, "{shown}");
}

//! Whatever lies in a partition's topics, it is accounted for, and the partition goes on.

use bytes::Bytes;
use proptest::prelude::*;
use wire::Headers;

use super::*;

/// Values that a header of ours may have been given.
const VALUES: [&[u8]; 14] = [
    b"",
    b"-1",
    b"0",
    b"1",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"a,b,a,~a,nobody+18446744073709551615",
    b"test@18446744073709551615",
    b"test@1",
    b"\xff\xfe\x00",
    b"dev.hedgerow.failure.v1",
    b"failed",
    b"{\"tenant\":\"x\"}",
];

/// A record of ours, damaged: which, its number, headers that get another value or go, and another payload.
type Damaged = (u8, u128, Vec<(usize, usize)>, Option<Vec<u8>>);

fn damaged() -> impl Strategy<Value = Damaged> {
    let header = (0_usize..12, 0_usize..VALUES.len() + 2);
    let payload = prop::option::of(prop::collection::vec(any::<u8>(), 0..30));
    (0_u8..4, 1_u128..20, prop::collection::vec(header, 0..4), payload)
}

fn record((kind, number, headers, payload): Damaged, now: Timestamp) -> Record {
    let id = RequestId::from_uuid(Uuid::from_u128(number));
    let whole = match kind {
        0 => request(id, "test@1", now),
        1 => response(id),
        2 => result(id),
        _ => Record::default(),
    };
    let mut all: Vec<(String, Option<Bytes>)> =
        whole.headers.iter().map(|(name, value)| (name.to_owned(), value.map(Bytes::copy_from_slice))).collect();
    for (index, value) in headers {
        let Some(place) = all.get(index).cloned() else { continue };
        match VALUES.get(value) {
            Some(value) => all[index].1 = Some(Bytes::from_static(value)),
            None if value == VALUES.len() => drop(all.remove(index)),
            None => all.push(place),
        }
    }
    let mut headers = Headers::default();
    for (name, value) in all {
        headers.push(&name, value.as_deref());
    }
    Record { headers, payload: payload.map_or(whole.payload, |payload| Some(payload.into())), ..whole }
}

fn result(request: RequestId) -> Record {
    let fencing = Fencing { epoch: 9, instance: Uuid::nil() };
    let (policy, kind) = ("test@1".parse().expect("a policy"), wire::ResultKind::Prediction);
    ResultRecord { request, policy, kind, key: None, reply: None, fencing, body: "{}".into() }.encode()
}

/// Confirms what is written, for as long as there is something, and returns how many requests were decided, copied
/// and put aside.
fn account(scene: &mut Scene, results: &mut i64) -> (usize, usize, usize) {
    let (mut decided, mut copied, mut buried) = (0, 0, 0);
    while !scene.told.is_empty() {
        for output in std::mem::take(&mut scene.told) {
            match output {
                Output::Act(Action::WriteResult(_, _, record)) => {
                    *results += 1;
                    scene.read(Source::Results, *results, record);
                }
                Output::WriteDeadLetter(source, offset, _) => {
                    buried += usize::from(source == Source::Requests);
                    scene.partition.on_dead_letter(source, offset, true);
                }
                Output::Tell(Fact::Decided(..)) => decided += 1,
                Output::Tell(Fact::Copy) => copied += 1,
                _ => {}
            }
        }
    }
    (decided, copied, buried)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_lies_in_its_topics_each_request_is_decided_known_or_put_aside_and_the_partition_goes_on(
        story in prop::collection::vec((0_u8..3, damaged()), 0..40),
    ) {
        let mut scene = Scene::serving();
        let (mut offsets, mut results) = ([0_i64; 2], 0_i64);
        for (topic, damaged) in story {
            let record = record(damaged, scene.now);
            match topic {
                2 if matches!(Envelope::decode(&record), Ok(Envelope::Fence(_))) => {}
                2 => {
                    results += 1;
                    scene.read(Source::Results, results, record);
                }
                topic => {
                    let source = [Source::Requests, Source::Responses][usize::from(topic)];
                    let offset = &mut offsets[usize::from(topic)];
                    scene.read(source, *offset, record);
                    *offset += 1;
                }
            }
        }
        // Later than any budget, and than anybody waits for a version that does not come.
        scene.now = scene.now.after(Duration::from_secs(40));
        scene.pass();
        scene.read(Source::Requests, offsets[0], request(id_at(1), "test@1", scene.now));
        scene.now = scene.now.after(Duration::from_secs(1));
        scene.pass();
        let (decided, copied, buried) = account(&mut scene, &mut results);
        prop_assert_eq!(i64::try_from(decided + copied + buried), Ok(offsets[0] + 1));
        prop_assert_eq!(scene.watermark(), Some(offsets[0] + 1));
    }
}

#[path = "../../../../tests/pipeline/garbage.rs"]
mod table;

#[test]
fn every_sort_of_garbage_is_a_dead_letter_in_requests_and_responses_and_named_in_results() {
    let mut scene = Scene::serving();
    let sorts = table::garbage();
    for (offset, (what, record)) in (0..).zip(&sorts) {
        for source in [Source::Requests, Source::Responses] {
            scene.told.clear();
            scene.read(source, offset, record.clone());
            let (origin, reason) = scene.dead_letter().unwrap_or_else(|| panic!("{what} is passed over in silence"));
            assert_eq!(origin, format!("{source:?}/1/{offset}"), "{what}");
            assert!(!reason.is_empty(), "{what}");
        }
        scene.told.clear();
        scene.read(Source::Results, offset + 1, record.clone());
        assert!(scene.tells("Unreadable"), "{what}: {:?}", scene.told);
        let named = scene.tells("Unreadable(Some");
        assert_eq!(named, offset == 0, "{what}: the first of a burst is named, and the rest counted");
    }
}

#[test]
fn a_record_too_large_for_a_dead_letter_goes_without_its_bytes_and_holds_nothing_up() {
    let mut headers = Headers::default();
    headers.push("x", Some(&vec![b'x'; 1_000_000]));
    for record in [
        Record { payload: Some(Bytes::from(vec![0; 1_000_000])), ..Record::default() },
        Record { headers, ..Record::default() },
    ] {
        let mut scene = Scene::serving();
        scene.read(Source::Requests, 0, record);
        scene.told.clear();
        scene.partition.on_dead_letter_too_large(Source::Requests, 0);
        assert_eq!(scene.watermark(), None, "nobody else can read it");
        scene.pass();
        let (_, reason) = scene.dead_letter().expect("sent again, shorter");
        assert!(reason.contains("too many for a dead letter: read them at Requests/1/0"), "{reason}");
        let short = |output: &Output| matches!(output, Output::WriteDeadLetter(_, _, record) if record.payload.is_none() && record.headers.get("x").is_none());
        assert!(scene.told.iter().any(short), "{:?}", scene.told);
        scene.partition.on_dead_letter(Source::Requests, 0, true);
        assert_eq!(scene.watermark(), Some(1));
    }
}

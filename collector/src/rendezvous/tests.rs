//! Timelines of one partition: `10:1` is request 1 in the log after 10 ms, `12:a1=cat` executor a's answer to it, `12:a1!`
//! its failure, `50` a timer. Two of three must agree within 30 ms, or it is the first that was heard, by 50 ms.

mod scale;
mod trial;
mod versions;

use proptest::prelude::*;

use bytes::Bytes;
use policies::{Definition, Versions};
use std::sync::Arc;

use uuid::Uuid;
use wire::{Failure, FailureKind, ModelVersion, Reply};

use super::*;
use crate::way_back::WayBack;

const LADDER: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- agree: 2\n  until: 30ms\n- first: any\n  until: 50ms\n- default: { class: none }\n";

/// A rendezvous, and around it a world in which results are read the moment they are written.
struct Scene {
    rendezvous: Rendezvous,
    surroundings: Surroundings,
}

fn parsed(text: &str, version: u64) -> Arc<Definition> {
    let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(definition.at_version(version))
}

fn fresh() -> Scene {
    Scene::of(Versions::only(parsed(LADDER, 1)))
}

impl Scene {
    fn of(versions: Versions) -> Self {
        let mut surroundings = Surroundings::new(Arc::new(versions));
        surroundings.way_back = WayBack::of(Duration::ZERO);
        let mut rendezvous = Rendezvous::default();
        rendezvous.on_versions(0, &mut surroundings);
        Self { rendezvous, surroundings }
    }

    fn edit(&mut self, versions: Versions) {
        self.surroundings.on_versions(Arc::new(versions));
        self.rendezvous.on_versions(0, &mut self.surroundings);
    }

    fn on_request(&mut self, request: Request, appended: Timestamp, offset: i64) {
        self.rendezvous.on_request(request, appended, offset, &mut self.surroundings);
    }

    fn on_response(&mut self, response: Response, appended: Timestamp, offset: i64) {
        self.rendezvous.on_response(response, appended, offset, &mut self.surroundings);
    }

    fn on_time(&mut self, now: Timestamp) {
        self.rendezvous.on_time(now, &mut self.surroundings);
    }
}

fn at(millis: &str) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_millis(1_000 + millis.parse::<u64>().expect("milliseconds")))
}

fn id(digits: &str) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(digits.parse().expect("a number")))
}

fn request(name: &str, born: Timestamp) -> Request {
    Request {
        id: id(name),
        born,
        budget: Budget::from_millis(50),
        policy: "test@1".parse().expect("a name and a version"),
        plan: "a,b,c".parse().expect("a plan"),
        case: None,
        key: None,
        attributes: wire::Attributes::default(),
        traceparent: None,
        reply: None,
        body: "{}".into(),
    }
}

fn response(executor: &str, request: &str, reply: Reply) -> Response {
    Response {
        request: id(request),
        executor: wire::ExecutorId::new(executor).expect("a name"),
        model: ModelVersion::from("model@1"),
        fetched: Duration::ZERO,
        queued: Duration::ZERO,
        scored: Duration::ZERO,
        reply,
    }
}

/// Plays one event; offsets count the events.
fn play(scene: &mut Scene, event: &str, offset: i64) {
    let (time, what) = event.split_once(':').unwrap_or((event, ""));
    let now = at(time);
    if what.is_empty() {
        scene.on_time(now);
    } else if let Some((from, class)) = what.split_once('=') {
        let answer = Reply::Answer(format!(r#"{{"class":"{class}"}}"#).into());
        scene.on_response(response(&from[..1], &from[1..], answer), now, offset);
    } else if let Some(from) = what.strip_suffix('!') {
        let failure = Reply::Failure(Failure { kind: FailureKind::Failed, message: "dead".to_owned() });
        scene.on_response(response(&from[..1], &from[1..], failure), now, offset);
    } else {
        scene.on_request(request(what, now), now, offset);
    }
}

fn tell(scene: &mut Scene) -> Vec<String> {
    let short = |id: RequestId| id.as_uuid().as_u128();
    std::iter::from_fn(|| scene.rendezvous.poll_output())
        .map(|output| match output {
            Output::Emit(decision) => {
                let verdict = &decision.verdict;
                let (by, why) = (verdict.decided_by.as_str(), verdict.reason.as_str());
                format!("{} {} ({by}, {why})", short(decision.request), String::from_utf8_lossy(&verdict.answer))
            }
            Output::Late(response, _) => format!("late {}{}", response.executor, short(response.request)),
            Output::Ignored(id, heard) => format!("{heard:?} {}", short(id)),
            Output::Copy(id) => format!("copy {}", short(id)),
            Output::Evicted(count) => format!("evicted {count}"),
            Output::Parked(id) => format!("parked {}", short(id)),
            Output::Unheard(id) => format!("unheard {}", short(id)),
            Output::NoSuchCase(id) => format!("no such case {}", short(id)),
        })
        .map(|line| line.replace("{\"class\":\"", "").replace("\"}", ""))
        .collect()
}

fn check(events: &str, expected: &str) {
    let mut scene = fresh();
    for (offset, event) in events.split_whitespace().enumerate() {
        play(&mut scene, event, i64::try_from(offset).expect("few"));
    }
    assert_eq!(tell(&mut scene).join("\n"), expected.replace("; ", "\n"), "{events}");
}

#[test]
fn a_request_meets_its_responses() {
    check("0:1 5:a1=cat 6:b1=cat", "1 cat (agree, early)");
}

#[test]
fn requests_do_not_hear_each_other_s_responses() {
    check("0:1 0:2 5:a1=cat 6:b2=cat 7:b1=cat", "1 cat (agree, early)");
}

#[test]
fn a_response_before_its_request_is_not_lost() {
    check("5:a1=cat 6:b1=cat 7:1", "1 cat (agree, early)");
}

#[test]
fn what_came_before_the_request_is_heard_in_its_order() {
    check("5:b1=dog 6:a1=cat 7:1 57", "1 dog (first, early)");
}

#[test]
fn silence_gets_the_default_at_the_deadline_and_not_before() {
    check("0:1 49", "");
    check("0:1 50", "1 none (default, too_few)");
}

#[test]
fn the_deadline_beats_a_response_of_the_same_instant() {
    check("0:1 50:a1=cat", "1 none (default, too_few); late a1");
}

#[test]
fn a_late_timer_changes_when_and_not_what() {
    check("0:1 10:a1=dog 10:b1=cat 9000", "1 dog (first, early)");
    check("0:1 10:a1=dog 40:b1=dog 9000", "1 dog (first, early); late b1");
}

#[test]
fn a_response_after_the_verdict_is_late() {
    check("0:1 5:a1=cat 6:b1=cat 7:c1=dog", "1 cat (agree, early); late c1");
}

#[test]
fn a_second_response_of_an_executor_is_no_second_vote() {
    check("0:1 5:a1=cat 6:a1=cat 50", "Duplicate 1; 1 cat (first, early)");
}

#[test]
fn a_response_of_nobody_that_was_asked_does_not_count() {
    check("0:1 5:z1=cat 6:a1=cat 50", "Uninvited 1; 1 cat (first, early)");
}

#[test]
fn a_second_copy_of_a_request_neither_resets_its_clock_nor_wipes_its_evidence() {
    check("0:1 5:a1=cat 20:1 29 30", "copy 1; 1 cat (first, early)");
}

#[test]
fn a_copy_of_a_decided_request_does_not_open_again() {
    check("0:1 5:a1=cat 6:b1=cat 7:1 8:a1=cat 9000", "1 cat (agree, early); copy 1; late a1");
}

#[test]
fn an_id_that_has_its_result_in_the_log_is_not_decided_again() {
    let mut scene = fresh();
    scene.rendezvous.on_decided(id("1"), at("0"));
    play(&mut scene, "1:1", 0);
    play(&mut scene, "9000", 1);
    assert_eq!(tell(&mut scene), ["copy 1"]);
}

#[test]
fn a_request_that_is_dead_when_the_log_takes_it_in_gets_its_default_at_once() {
    let mut scene = fresh();
    scene.on_request(request("1", at("0")), at("50"), 0);
    scene.on_request(request("2", at("1")), at("50"), 1);
    play(&mut scene, "51:a1=cat", 2);
    assert_eq!(tell(&mut scene), ["1 none (default, stale_on_arrival)", "late a1"]);
}

#[test]
fn a_starter_whose_clock_runs_ahead_buys_no_time() {
    let mut scene = fresh();
    scene.on_request(request("1", at("60000")), at("0"), 0);
    play(&mut scene, "51", 1);
    assert_eq!(tell(&mut scene), ["1 none (default, too_few)"]);
}

#[test]
fn ten_thousand_that_expire_in_one_instant_go_in_one_pass() {
    let mut scene = fresh();
    for number in 0..10_000 {
        scene.on_request(request(&number.to_string(), at("0")), at("0"), number);
    }
    scene.on_time(at("50"));
    assert_eq!(tell(&mut scene).len(), 10_000);
    assert_eq!((scene.rendezvous.open_requests(), scene.rendezvous.next_deadline()), (0, None));
}

#[test]
fn the_next_deadline_is_the_first_clause_s_of_any_request() {
    let mut scene = fresh();
    play(&mut scene, "7:1", 0);
    play(&mut scene, "3:2", 1);
    assert_eq!(scene.rendezvous.next_deadline(), Some(at("33")));
    scene.on_time(at("33"));
    assert_eq!(scene.rendezvous.next_deadline(), Some(at("37")));
}

#[test]
fn orphans_are_put_out_when_they_are_old_and_counted() {
    check("0:a1=cat 1:b2=cat 30000 30001", "evicted 1; evicted 1");
}

#[test]
fn orphans_are_bounded_by_count_and_the_oldest_go() {
    let mut scene = fresh();
    for number in 0..65_538 {
        play(&mut scene, &format!("0:a{number}=cat"), number);
    }
    assert_eq!(tell(&mut scene), ["evicted 1", "evicted 1"]);
    assert_eq!(scene.rendezvous.oldest_orphan(), Some(2));
}

#[test]
fn orphans_are_bounded_by_bytes() {
    let mut scene = fresh();
    let large = Bytes::from(vec![b' '; 40 << 20]);
    scene.on_response(response("a", "1", Reply::Answer(large.clone())), at("0"), 0);
    scene.on_response(response("a", "2", Reply::Answer(large)), at("0"), 1);
    assert_eq!(scene.rendezvous.oldest_orphan(), Some(1));
}

#[test]
fn decided_ids_are_forgotten_after_the_window() {
    let mut scene = fresh();
    scene.rendezvous.on_decided(id("1"), at("0"));
    scene.on_time(at("59999"));
    play(&mut scene, "59999:1", 0);
    scene.on_time(at("60000"));
    play(&mut scene, "60000:1", 1);
    assert_eq!(tell(&mut scene), ["copy 1"]);
    assert_eq!(scene.rendezvous.open_requests(), 1);
}

/// Each event of one request at an instant of its own, read in any order: the log's instants decide.
fn emitted(order: &[usize]) -> Vec<String> {
    const EVENTS: [&str; 4] = ["0:1", "5:a1=cat", "6:b1=dog", "7:c1=dog"];
    let mut scene = fresh();
    for (offset, index) in order.iter().enumerate() {
        play(&mut scene, EVENTS[*index], i64::try_from(offset).expect("few"));
    }
    scene.on_time(at("9000"));
    tell(&mut scene)
}

#[test]
fn in_whatever_order_the_records_are_read_there_is_one_verdict_and_it_is_the_same() {
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..4 {
        orders = orders
            .iter()
            .flat_map(|order| {
                (0..4).filter(|next| !order.contains(next)).map(|next| [order.as_slice(), &[next]].concat())
            })
            .collect();
    }
    assert_eq!(orders.len(), 24);
    for order in orders {
        let verdicts: Vec<String> = emitted(&order).into_iter().filter(|line| line.starts_with('1')).collect();
        assert_eq!(verdicts.len(), 1, "{order:?}");
        assert!(verdicts[0].starts_with("1 dog (agree"), "{order:?}: {verdicts:?}");
    }
}

proptest! {
    #[test]
    fn any_events_in_any_order_emit_each_request_that_was_read_once(
        events in prop::collection::vec((0_u8..6, 0_u8..4, 0_u64..120), 0..60),
    ) {
        let mut scene = fresh();
        let mut read = std::collections::BTreeSet::new();
        for (offset, (kind, number, millis)) in events.into_iter().enumerate() {
            let event = match kind {
                0 => { read.insert(number); format!("{millis}:{number}") }
                1 => format!("{millis}"),
                2 => format!("{millis}:a{number}!"),
                _ => format!("{millis}:{}{number}={}", ["a", "b", "c"][usize::from(kind) - 3], millis % 3),
            };
            play(&mut scene, &event, i64::try_from(offset).expect("few"));
        }
        scene.on_time(at("9000"));
        let told = tell(&mut scene);
        for number in 0_u8..4 {
            let verdicts = told.iter().filter(|line| line.starts_with(&format!("{number} "))).count();
            prop_assert_eq!(verdicts, usize::from(read.contains(&number)));
        }
        prop_assert_eq!(scene.rendezvous.open_requests(), 0);
        prop_assert_eq!(scene.rendezvous.next_deadline(), None);
    }
}

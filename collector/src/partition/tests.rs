//! One partition as a pure timeline.

mod garbage;

use std::{sync::Arc, time::Duration};

use bus::TopicPartition;
use policies::{Definition, Reason, ResultBody, Versions};
use uuid::Uuid;
use wire::{Budget, DeadLetter, ModelVersion, Reply};

use super::*;

const DEFINITION: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n\
decide:\n- first: any\n  until: 50ms\n- default: { class: none }\n";

const PREDECESSOR: Fencing = Fencing { epoch: 7, instance: Uuid::from_u128(77) };

/// A partition, 1 of 2, that has been taken over and is served.
struct Scene {
    partition: Partition,
    surroundings: Surroundings,
    now: Timestamp,
    told: Vec<Output>,
}

impl Scene {
    fn serving() -> Self {
        let mut scene = Self::fresh();
        scene.answer_survey(&Spans::default());
        scene.take_over(0);
        scene.told.clear();
        scene
    }

    fn fresh() -> Self {
        let definition = Definition::parse("test.yaml", DEFINITION).unwrap_or_else(|problems| panic!("{problems}"));
        let mut surroundings = Surroundings::new(Arc::new(Versions::only(Arc::new(definition))));
        let partition = Partition::new((1, 2), None, Uuid::from_u128(5), &mut surroundings);
        let now = Timestamp::from_micros(1_000_000);
        Self { partition, surroundings, now, told: Vec::new() }
    }

    /// A partition that warms up beside a predecessor, whose fence was read: it waits for the request at `ends` - 1.
    fn warming(ends: i64) -> Self {
        let mut scene = Self::fresh();
        scene.answer_survey(&Spans { requests: 0..ends, ..Spans::default() });
        scene.read(Source::Results, 0, wire::Fence(PREDECESSOR).encode());
        scene.told.clear();
        scene
    }

    /// Reads its own fence back, which it has written, and serves.
    fn take_over(&mut self, offset: i64) {
        let fence = self.told.iter().find_map(|output| match output {
            Output::Act(Action::WriteFence(fence)) => Some(*fence),
            _ => None,
        });
        self.told.clear();
        self.read(Source::Results, offset, fence.expect("it has fenced").encode());
        self.answer_survey(&Spans::default());
        assert!(self.partition.is_running());
    }

    fn answer_survey(&mut self, spans: &Spans) {
        self.pass();
        let asked = self.told.iter().position(|output| matches!(output, Output::Act(Action::Survey(_))));
        let Output::Act(Action::Survey(survey)) = self.told.remove(asked.expect("it asks")) else { unreachable!() };
        self.partition.on_spans(survey, spans);
        self.pass();
    }

    fn read(&mut self, source: Source, offset: i64, record: Record) {
        let partition = TopicPartition::new(&format!("{source:?}"), 1);
        let received = Received { partition, offset, appended: self.now, record };
        self.partition.on_record(source, &received, self.now, &mut self.surroundings);
        self.pass();
    }

    /// Makes `text` the live version; the others stay known.
    fn edit(&mut self, text: &str, version: u64) {
        let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
        let definition = Arc::new(definition.at_version(version));
        self.surroundings.on_versions(Arc::new(Versions::only(definition)));
        self.partition.on_versions(self.now, &mut self.surroundings);
        self.pass();
    }

    fn pass(&mut self) {
        self.partition.on_time(self.now, &mut self.surroundings);
        self.told.extend(std::iter::from_fn(|| self.partition.poll_output()));
    }

    fn written(&self) -> Option<ResultRecord> {
        self.told.iter().find_map(|output| match output {
            Output::Act(Action::WriteResult(_, _, record)) => match Envelope::decode(record) {
                Ok(Envelope::Result(result)) => Some(result),
                other => panic!("{other:?}"),
            },
            _ => None,
        })
    }

    fn dead_letter(&mut self) -> Option<(String, String)> {
        self.told.iter().find_map(|output| match output {
            Output::WriteDeadLetter(_, _, record) => DeadLetter::describe(record),
            _ => None,
        })
    }

    /// How many results were written.
    fn count_written(&self) -> usize {
        self.told.iter().filter(|output| matches!(output, Output::Act(Action::WriteResult(..)))).count()
    }

    /// The predecessor answers `id`.
    fn read_his_result(&mut self, offset: i64, id: RequestId) {
        let policy = "test@1".parse().expect("a policy");
        let kind = wire::ResultKind::Prediction;
        let result =
            ResultRecord { request: id, policy, kind, key: None, reply: None, fencing: PREDECESSOR, body: "{}".into() };
        self.read(Source::Results, offset, result.encode());
    }

    fn tells(&self, wanted: &str) -> bool {
        self.told.iter().any(|output| matches!(output, Output::Tell(fact) if format!("{fact:?}").starts_with(wanted)))
    }

    fn watermark(&mut self) -> Option<i64> {
        self.partition.on_tick(self.now).map(|watermarks| watermarks.requests)
    }
}

/// Returns an id whose home is `partition` of two.
fn id_at(partition: i32) -> RequestId {
    (1..100)
        .map(|n| RequestId::from_uuid(Uuid::from_u128(n)))
        .find(|id| id.partition(2) == partition)
        .expect("half are")
}

fn request(id: RequestId, policy: &str, born: Timestamp) -> Record {
    let (policy, plan) = (policy.parse().expect("a policy"), "a,b".parse().expect("a plan"));
    let budget = Budget::from_millis(50);
    Request {
        id,
        born,
        budget,
        policy,
        plan,
        case: None,
        key: None,
        attributes: wire::Attributes::default(),
        traceparent: None,
        reply: None,
        body: "{}".into(),
    }
    .encode()
}

fn response(id: RequestId) -> Record {
    let executor = wire::ExecutorId::new("a").expect("a name");
    let (queued, scored, model) = (Duration::ZERO, Duration::ZERO, ModelVersion::from("m@1"));
    let reply = Reply::Answer(r#"{"class":"cat"}"#.into());
    Response { request: id, executor, model, fetched: Duration::ZERO, queued, scored, reply }.encode()
}

#[test]
fn a_response_in_a_partition_not_its_request_s_is_counted_and_ignored() {
    let mut scene = Scene::serving();
    scene.read(Source::Responses, 0, response(id_at(0)));
    assert!(scene.tells("Misplaced"), "{:?}", scene.told);
    assert_eq!(scene.partition.rendezvous.oldest_orphan(), None);
}

#[test]
fn a_request_of_a_version_not_heard_of_waits_for_it_and_its_result_names_it() {
    let mut scene = Scene::serving();
    scene.read(Source::Requests, 0, request(id_at(1), "test@2", scene.now));
    scene.read(Source::Responses, 0, response(id_at(1)));
    assert!(scene.tells("Parked"), "{:?}", scene.told);
    assert!(scene.written().is_none());
    scene.edit(DEFINITION, 2);
    assert_eq!(scene.written().map(|result| result.policy.to_string()).as_deref(), Some("test@2"));
}

#[test]
fn a_request_whose_version_never_comes_gets_the_default_of_the_newest_known_in_time() {
    let mut scene = Scene::serving();
    scene.edit(&DEFINITION.replace("none", "newer"), 2);
    let born = scene.now;
    scene.read(Source::Requests, 0, request(id_at(1), "test@3", born));
    scene.now = born.after(Duration::from_millis(48));
    scene.pass();
    assert!(scene.written().is_none());
    scene.now = born.after(Duration::from_millis(49));
    scene.pass();
    let result = scene.written().expect("a millisecond is left for the way back");
    assert!(scene.tells("Unheard"), "{:?}", scene.told);
    assert_eq!((result.policy.to_string().as_str(), result.kind), ("test@2", wire::ResultKind::Default));
    let body = ResultBody::read(&result.body).expect("a body");
    assert_eq!((body.answer["class"].as_str(), body.decision.reason), (Some("newer"), Reason::Deadline));
    scene.read(Source::Responses, 0, response(id_at(1)));
    assert!(scene.tells("Late"), "{:?}", scene.told);
}

#[test]
fn a_request_of_another_rendezvous_or_partition_is_a_dead_letter() {
    for (record, why) in [
        (request(id_at(1), "other@1", Timestamp::from_micros(1_000_000)), "it is a request to `other`"),
        (request(id_at(0), "test@1", Timestamp::from_micros(1_000_000)), "its partition is 0"),
        (response(id_at(1)), "it is not a request"),
    ] {
        let mut scene = Scene::serving();
        scene.read(Source::Requests, 0, record);
        assert_eq!(scene.dead_letter(), Some(("Requests/1/0".to_owned(), why.to_owned())));
    }
}

#[test]
fn watermarks_wait_for_a_dead_letter_which_is_sent_until_it_is_written() {
    let mut scene = Scene::serving();
    scene.read(Source::Requests, 0, Record::default());
    scene.told.clear();
    assert_eq!(scene.watermark(), None, "still 0, as at the start");
    scene.partition.on_dead_letter(Source::Requests, 0, false);
    assert_eq!(scene.watermark(), None);
    scene.pass();
    assert!(scene.dead_letter().is_some(), "sent again");
    scene.partition.on_dead_letter(Source::Requests, 0, true);
    assert_eq!(scene.watermark(), Some(1));
}

#[test]
fn watermarks_wait_for_the_response_of_an_orphan() {
    let mut scene = Scene::serving();
    scene.read(Source::Responses, 0, response(id_at(1)));
    scene.read(Source::Responses, 1, response(id_at(0)));
    assert_eq!(scene.partition.on_tick(scene.now).map(|watermarks| watermarks.responses), None, "still 0");
    scene.read(Source::Requests, 0, request(id_at(1), "test@1", scene.now));
    let result = scene.written().expect("the orphan has decided it");
    assert_eq!(scene.watermark(), None, "not confirmed");
    scene.read(Source::Results, 1, result.encode());
    let watermarks = scene.partition.on_tick(scene.now).expect("confirmed");
    assert_eq!((watermarks.requests, watermarks.responses), (1, 2));
}

#[test]
fn the_longest_budget_is_the_policy_s() {
    let mut scene = Scene::serving();
    let born = scene.now;
    let mut long = Envelope::decode(&request(id_at(1), "test@1", born)).expect("a request");
    if let Envelope::Request(request) = &mut long {
        request.budget = Budget::from_millis(60_000);
    }
    scene.read(Source::Requests, 0, long.encode());
    scene.now = born.after(Duration::from_millis(50));
    scene.pass();
    assert!(scene.written().is_some());
}

#[test]
fn what_evidence_decides_beside_a_predecessor_is_withheld_until_nobody_else_can_write() {
    let mut scene = Scene::warming(1);
    scene.read(Source::Responses, 0, response(id_at(1)));
    scene.read(Source::Requests, 0, request(id_at(1), "test@1", scene.now));
    assert_eq!(scene.count_written(), 0);
    assert!(!scene.tells("Decided"));
    scene.take_over(1);
    assert_eq!(scene.count_written(), 1);
    assert!(scene.tells("Decided"));
}

#[test]
fn what_a_predecessor_decides_is_dropped_without_a_word_whether_it_is_open_parked_withheld_or_not_read_yet() {
    let ids: Vec<RequestId> = (1..200).map(|n| RequestId::from_uuid(Uuid::from_u128(n))).collect();
    let mut ids = ids.into_iter().filter(|id| id.partition(2) == 1);
    let mut next = || ids.next().expect("enough");
    let (open, parked, withheld, unread) = (next(), next(), next(), next());
    let mut scene = Scene::warming(3);
    scene.read(Source::Requests, 0, request(open, "test@1", scene.now));
    scene.read(Source::Requests, 1, request(parked, "test@9", scene.now));
    scene.read(Source::Responses, 0, response(parked));
    scene.read(Source::Responses, 1, response(withheld));
    scene.read(Source::Responses, 2, response(unread));
    scene.read(Source::Requests, 2, request(withheld, "test@1", scene.now));
    for (offset, id) in [open, parked, withheld, unread].into_iter().enumerate() {
        scene.read_his_result(i64::try_from(offset).expect("few") + 1, id);
    }
    assert_eq!((scene.partition.open_requests(), scene.partition.rendezvous.oldest_orphan()), (0, None));
    scene.take_over(5);
    scene.now = scene.now.after(Duration::from_secs(40));
    scene.read(Source::Requests, 3, request(unread, "test@1", scene.now));
    assert_eq!(scene.count_written(), 0, "{:?}", scene.told);
    let watermarks = scene.partition.on_tick(scene.now).expect("nothing holds them back");
    assert_eq!((watermarks.requests, watermarks.responses), (4, 3));
}

#[test]
fn no_timer_fires_beside_a_predecessor_and_all_that_are_due_fire_once_it_can_write_no_more() {
    let mut scene = Scene::warming(1);
    scene.read(Source::Requests, 0, request(id_at(1), "test@1", scene.now));
    scene.now = scene.now.after(Duration::from_secs(1));
    scene.pass();
    assert_eq!(scene.count_written(), 0);
    scene.take_over(1);
    assert_eq!(scene.written().map(|result| result.kind), Some(wire::ResultKind::Default));
    assert_eq!(
        scene.surroundings.way_back.p99(),
        Surroundings::new(scene.surroundings.versions.clone()).way_back.p99()
    );
}

#[test]
fn a_dead_letter_is_withheld_beside_a_predecessor_who_writes_it_himself() {
    let mut scene = Scene::warming(1);
    scene.read(Source::Requests, 0, Record::default());
    scene.partition.on_tick(scene.now);
    scene.pass();
    assert_eq!(scene.dead_letter(), None);
    scene.take_over(1);
    scene.partition.on_tick(scene.now);
    scene.pass();
    assert!(scene.dead_letter().is_some());
}

#[test]
fn a_backlog_beyond_what_may_be_in_hand_is_read_behind_the_fence() {
    let mut scene = Scene::warming(i64::MAX);
    let ids = (1..).map(|n| RequestId::from_uuid(Uuid::from_u128(n))).filter(|id| id.partition(2) == 1);
    for (offset, id) in ids.take(WARM_MAX + 10).enumerate() {
        scene.read(Source::Requests, i64::try_from(offset).expect("few"), request(id, "test@1", scene.now));
    }
    assert_eq!(scene.partition.open_requests(), WARM_MAX);
    let fenced = scene.told.iter().any(|output| matches!(output, Output::Act(Action::WriteFence(_))));
    assert!(fenced && scene.told.iter().any(|output| matches!(output, Output::Act(Action::Halt))));
}

#[test]
fn who_serves_on_is_handed_over_and_who_does_not_is_fenced_off() {
    for (leaving, word) in [(true, "HandedOver"), (false, "FencedOff")] {
        let mut scene = Scene::serving();
        scene.partition.on_leaving(leaving);
        scene.read(Source::Results, 1, wire::Fence(Fencing { epoch: 9_000_000, ..PREDECESSOR }).encode());
        assert!(scene.tells(word) && !scene.partition.is_running());
    }
}

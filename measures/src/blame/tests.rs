//! Stories of requests, and where their time went.

use std::time::Duration;

use policies::{Definition, Given, Recorded};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;
use wire::{
    Attributes, ExecutorId, Failure, FailureKind, Fencing, ModelVersion, Plan, Reply, Request, RequestId, Response,
    ResultKind, ResultRecord, Timestamp,
};

use super::{Split, Stage};

const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);
const POLICY: &str = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol] }\nexecutors:\n  forest: { echo: }\n  \
    boost: { echo: }\n  next: { echo: , canary: { of: forest } }\ndecide:\n- first: any\n- default: { class: unknown }";

/// A request: when it was asked, who said something when after how long on its way to him, in queue and at work, when it was decided by whom,
/// and when its result was there; all in microseconds since its birth.
struct Story<'a> {
    asked: u64,
    said: &'a [(&'a str, u64, [u64; 3])],
    decided: (u64, &'a [&'a str]),
    given: u64,
}

impl Story<'_> {
    fn split(&self) -> Split {
        Split::of(&self.recorded()).expect("request and result")
    }

    fn recorded(&self) -> Recorded {
        let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
        let after = |micros| BORN.after(Duration::from_micros(micros));
        let request = Request {
            id: RequestId::from_key(definition.name(), "1"),
            born: BORN,
            budget: definition.budget,
            policy: definition.policy_ref.clone(),
            case: None,
            plan: definition.plan(),
            key: None,
            attributes: Attributes::default(),
            traceparent: None,
            reply: None,
            body: "{}".into(),
        };
        let response = |(executor, at, [fetched, queued, scored]): &(&str, u64, [u64; 3])| {
            let reply = if *executor == "boost" && *scored == 0 {
                Reply::Failure(Failure { kind: FailureKind::Failed, message: "no model".to_owned() })
            } else {
                Reply::Answer(r#"{"class":1}"#.into())
            };
            let response = Response {
                request: request.id,
                executor: ExecutorId::new(executor).expect("a name"),
                model: ModelVersion::new(executor, "1f3a"),
                fetched: Duration::from_micros(*fetched),
                queued: Duration::from_micros(*queued),
                scored: Duration::from_micros(*scored),
                reply,
            };
            (response, after(*at))
        };
        let mut responses: Vec<_> = self.said.iter().map(response).collect();
        responses.sort_by_key(|(_, at)| *at);
        let decision = json!({
            "decided_by": "first", "completeness": "partial", "reason": "early", "executors": self.decided.1,
            "policy": "wine@1", "elapsed_us": self.decided.0, "budget_us": 50_000, "receipt": [], "clauses": [],
        });
        let body = json!({ "answer": {}, "decision": decision }).to_string();
        let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
        let (id, policy) = (request.id, request.policy.clone());
        let record = ResultRecord {
            request: id,
            policy,
            kind: ResultKind::Prediction,
            key: None,
            reply: None,
            fencing,
            body: body.into(),
        };
        let result = Given::read(record, after(self.given)).expect("a body of ours");
        Recorded { request: Some((request, after(self.asked))), responses, result: Some(result) }
    }
}

fn micros(split: &Split) -> Vec<(Stage, u128)> {
    split.stages.iter().map(|(stage, took)| (*stage, took.as_micros())).collect()
}

#[test]
fn a_stage_is_called_as_json_calls_it() {
    for stage in Stage::ALL {
        assert_eq!(json!(stage), stage.as_str());
    }
}

#[test]
fn an_answer_s_time_is_told_stage_by_stage() {
    let said = [("forest", 9_000, [1_500, 2_000, 4_000]), ("boost", 3_000, [0, 0, 100])];
    let split = Story { asked: 1_000, said: &said, decided: (10_000, &["forest"]), given: 10_500 }.split();
    assert_eq!(
        micros(&split),
        [
            (Stage::Starter, 1_000),
            (Stage::BrokerThere, 1_500),
            (Stage::Queue, 2_000),
            (Stage::Compute, 4_000),
            (Stage::BrokerBack, 500),
            (Stage::Policy, 1_000),
            (Stage::Result, 500)
        ]
    );
    assert_eq!((split.awaited.as_deref(), split.blamed()), (Some("forest"), Some(Stage::Compute)));
}

#[test]
fn of_several_that_agree_the_last_was_waited_for() {
    let said = [("forest", 9_000, [0, 0, 1_000]), ("boost", 4_000, [0, 0, 3_000])];
    let split = Story { asked: 0, said: &said, decided: (9_000, &["boost", "forest"]), given: 9_000 }.split();
    assert_eq!(split.awaited.as_deref(), Some("forest"));
}

#[test]
fn what_came_too_late_is_blamed_for_what_it_did_meanwhile() {
    let late = |fetched, queued, scored| {
        let said = [("forest", 80_000, [fetched, queued, scored]), ("next", 60_000, [0, 0, 50_000])];
        Story { asked: 500, said: &said, decided: (50_000, &[]), given: 50_500 }.split()
    };
    assert_eq!(late(4_000, 1_000, 70_000).blamed(), Some(Stage::Compute));
    assert_eq!(late(4_000, 70_000, 1_000).blamed(), Some(Stage::Queue));
    assert_eq!(late(70_000, 0, 1_000).blamed(), Some(Stage::BrokerThere));
    assert_eq!(late(4_000, 0, 1_000).blamed(), Some(Stage::BrokerBack));
    assert_eq!(late(4_000, 70_000, 1_000).awaited.as_deref(), Some("forest"), "a canary is not waited for");
}

#[test]
fn whom_the_policy_lets_start_later_costs_the_policy_s_time_and_not_the_broker_s() {
    let said = [("forest", 60_000, [1_000, 2_000, 3_000])];
    let mut recorded = Story { asked: 0, said: &said, decided: (60_000, &["forest"]), given: 60_000 }.recorded();
    let request = &mut recorded.request.as_mut().expect("it was asked").0;
    let mut asked = request.plan.asked().to_vec();
    asked[0].start_after = Duration::from_millis(20);
    request.plan = Plan::new(asked);
    let split = Split::of(&recorded).expect("request and result");
    assert_eq!(
        micros(&split),
        [
            (Stage::BrokerThere, 1_000),
            (Stage::Queue, 2_000),
            (Stage::Compute, 3_000),
            (Stage::BrokerBack, 35_000),
            (Stage::Policy, 19_000)
        ]
    );
}

#[test]
fn who_never_came_was_silent() {
    let said = [("boost", 3_000, [0, 0, 0]), ("next", 60_000, [0, 0, 50_000])];
    let split = Story { asked: 500, said: &said, decided: (50_000, &[]), given: 50_500 }.split();
    assert_eq!(micros(&split), [(Stage::Starter, 500), (Stage::Silent, 49_500), (Stage::Result, 500)]);
    assert_eq!((split.awaited, split.whole.as_micros()), (None, 50_500));
}

#[test]
fn without_a_request_or_a_result_nothing_is_split() {
    let story = Story { asked: 0, said: &[], decided: (1, &[]), given: 1 };
    assert_eq!(Split::of(&Recorded { result: None, ..story.recorded() }), None);
    assert_eq!(Split::of(&Recorded { request: None, ..story.recorded() }), None);
}

proptest! {
    #[test]
    fn the_stages_sum_to_the_whole_whatever_the_clocks_said(
        asked in 0_u64..60_000, decided in 0_u64..60_000, given in 0_u64..70_000, of_forest in any::<bool>(),
        said in prop::collection::vec((0_usize..3, 0_u64..100_000, prop::array::uniform3(0_u64..100_000)), 0..6),
    ) {
        let said: Vec<_> = said.into_iter().map(|(who, at, took)| (["forest", "boost", "next"][who], at, took)).collect();
        let made_of: &[&str] = if of_forest { &["forest"] } else { &[] };
        let story = Story { asked, said: &said, decided: (decided, made_of), given };
        let split = story.split();
        prop_assert_eq!(split.stages.values().sum::<Duration>(), split.whole);
        prop_assert!(split.stages.values().all(|took| !took.is_zero()));
        prop_assert_eq!(split.blamed().is_none(), split.whole.is_zero());
    }
}

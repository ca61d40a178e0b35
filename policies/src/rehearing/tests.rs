//! What was decided live, however late records were read, is decided again from the receipt and the log.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;
use wire::{Attributes, Failure, FailureKind, Fencing, ModelVersion, Reply, RequestId, ResultRecord};

use super::*;
use crate::{Given, Latencies, Quantile, Step};

/// Who says what: the log takes it in so many microseconds after birth, and the collector reads it so much later.
pub(crate) type Said = (&'static str, u64, u64, Reply);

pub(crate) fn definition(decide: &str) -> Definition {
    let text = format!(
        "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [x] }}\nkey: input.x\nanswer: {{ value: class, confidence: sure }}\n\
         executors:\n  forest: {{ echo: }}\n  boost: {{ echo: }}\n  linear: {{ echo: }}\n  \
         next: {{ echo: , canary: {{ of: forest }} }}\ndecide:\n{decide}"
    );
    Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}")).at_version(3)
}

pub(crate) fn class(class: &str, sure: f64) -> Reply {
    Reply::Answer(json!({ "class": class, "sure": sure }).to_string().into())
}

pub(crate) fn failed(message: &str) -> Reply {
    Reply::Failure(Failure { kind: FailureKind::Failed, message: message.to_owned() })
}

pub(crate) const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_123_456);

pub(crate) fn request(definition: &Definition) -> Request {
    Request {
        id: RequestId::from_key(definition.name(), "order-17"),
        born: BORN,
        budget: definition.budget,
        policy: definition.policy_ref.clone(),
        case: None,
        plan: definition.plan(),
        key: None,
        attributes: Attributes::default(),
        traceparent: None,
        reply: None,
        body: r#"{"x":1}"#.into(),
    }
}

/// Decides as a collector does that reads late and whose timers go by its own clock; writes everything down.
pub(crate) fn recorded(definition: &Definition, said: Vec<Said>, lead: Duration) -> Recorded {
    recorded_without(definition, &[], said, lead)
}

/// The same, where the breakers of some are open.
pub(crate) fn recorded_without(definition: &Definition, broken: &[&str], said: Vec<Said>, lead: Duration) -> Recorded {
    recorded_asking(definition, definition.plan(), broken, said, lead)
}

/// The same, where `plan` says who was asked.
pub(crate) fn recorded_asking(
    definition: &Definition,
    plan: Plan,
    broken: &[&str],
    mut said: Vec<Said>,
    lead: Duration,
) -> Recorded {
    let request = Request { plan, ..request(definition) };
    said.sort_by_key(|(_, at, ..)| *at);
    let (mut step, mut clock) = (open(definition, &request, lead, broken), BORN);
    let mut responses = Vec::new();
    for (executor, at, delay, reply) in said {
        let appended = BORN.after(Duration::from_micros(at));
        clock = clock.max(appended.after(Duration::from_micros(delay)));
        let response = response(&request, executor, reply);
        step = tell(step, &response, appended, clock);
        responses.push((response, appended));
    }
    let verdict = step.finish([]);
    let body = verdict.body(&request.policy, None, BORN, request.budget);
    let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
    let (id, policy, kind) = (request.id, request.policy.clone(), verdict.kind());
    let record = ResultRecord { request: id, policy, kind, key: None, reply: None, fencing, body };
    let given = Given::read(record, verdict.at).expect("a body of ours");
    Recorded { request: Some((request, BORN)), responses, result: Some(given) }
}

fn open(definition: &Definition, request: &Request, lead: Duration, broken: &[&str]) -> Step {
    let policy = Arc::clone(&definition.policy);
    Evaluation::open(policy, &request.plan, BORN, request.budget, lead, &known(broken))
}

/// What the collector knew, and a replay has from the receipt alone.
fn known(broken: &[&str]) -> Circumstances {
    let mut latencies = Latencies::default();
    for (executor, millis) in [("forest", 8), ("boost", 15)] {
        let usual = Quantile::ALL.map(|quantile| Duration::from_millis(millis).mul_f64(quantile.share()));
        latencies.set(ExecutorId::new(executor).expect("a name"), usual);
    }
    let at = BORN.before(Duration::from_mins(5));
    let last_known = Some(LastKnown { answer: r#"{"class":"cat","sure":0.7}"#.into(), at });
    let open_breakers = broken.iter().map(|name| ExecutorId::new(name).expect("a name")).collect();
    Circumstances { latencies: latencies.into(), last_known, open_breakers }
}

/// That a last known answer was there and too old stands in a sentence alone, which a replay cannot read.
fn told(mut body: ResultBody) -> ResultBody {
    let last = body.decision.clauses.last_mut().filter(|clause| clause.kind == crate::DecidedBy::Default);
    if let Some(last) = last {
        last.why.clear();
    }
    body
}

/// What is due on the collector's clock is played before the record is read.
fn tell(step: Step, response: &Response, appended: Timestamp, clock: Timestamp) -> Step {
    let Step::Wait(mut evaluation) = step else { return step };
    while evaluation.deadline() <= clock {
        match evaluation.on_time(clock) {
            Step::Wait(waiting) => evaluation = waiting,
            emit @ Step::Emit(_) => return emit,
        }
    }
    evaluation.observe(response, appended).1
}

fn response(request: &Request, executor: &str, reply: Reply) -> Response {
    Response {
        request: request.id,
        executor: ExecutorId::new(executor).expect("a name"),
        model: ModelVersion::new(executor, "1f3a"),
        fetched: Duration::ZERO,
        queued: Duration::from_micros(200),
        scored: Duration::from_micros(1_500),
        reply,
    }
}

const LADDERS: [&str; 11] = [
    "- prefer: [forest: { until: p95 }, boost: { until: { quantile: p50, min: 2ms, max: 20ms } }, linear]\n  \
     until: 40ms\n- default: { last_known: { max_age: 1h, otherwise: { class: unknown } } }",
    "- agree: { votes: plurality, min_votes: 2, margin: 1, weights: { forest: 1.5 }, on_tie: [next_clause] }\n  \
     until: 20ms\n- combine: { mean: [sure], min_answers: 2 }\n  until: 45ms\n- default: { error: nobody }",
    "- agree: { votes: 2, on: [{ sure: { within: { abs: 0.06 } } }], must_include: [linear] }\n  until: 30ms\n  \
     extra_wait: 4ms\n- first: { where: answer.sure > 0.8 }\n  until: 40ms\n- default: { class: unknown }",
    "- best: { score: sure }\n  until: 40ms\n  extra_wait: { times: 0.5, min: 1ms, max: 10ms }\n\
     - default: { class: unknown }",
    "- combine: { vote_weighted: [class], weights: { boost: 3 }, min_answers: 2 }\n  until: 30ms\n\
     - prefer: [boost: { until: p99 }, forest]\n  until: 50ms\n\
     - default: { last_known: { max_age: 2m, otherwise: { class: unknown } } }",
    "- first: any\n  until: 20ms\n- default: { class: unknown }",
    "- agree: 2\n  until: 15ms\n- best: { score: sure, at_least: 0.8 }\n  until: 30ms\n- prefer: [forest, boost]\n- default: { class: unknown }",
    "- prefer: [forest: { until: 10ms }, boost: { until: 20ms }, linear]\n  until: 50ms\n- default: { class: unknown }",
    "- best: { score: sure }\n  until: 40ms\n- default: { class: unknown }",
    "- agree: majority\n  until: 50ms\n- default: { class: unknown }",
    "- agree: 3\n  until: 10ms\n- agree: 2\n  until: 25ms\n- first: any\n  until: 50ms\n- default: { class: unknown }",
];

fn reply() -> impl Strategy<Value = Reply> {
    let (word, sure) = (prop_oneof![Just("cat"), Just("dog")], prop_oneof![Just(0.3), Just(0.85), Just(0.9)]);
    prop_oneof![
        6 => (word, sure).prop_map(|(word, sure)| class(word, sure)),
        1 => Just(Reply::Answer(r#"{"sure":1}"#.into())),
        1 => Just(failed("out of memory")),
    ]
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let name = prop_oneof![Just("forest"), Just("boost"), Just("linear"), Just("next"), Just("stranger")];
    let at = (0..60_u64, prop_oneof![Just(0_u64), Just(1), Just(999)]).prop_map(|(ms, us)| ms * 1_000 + us);
    let delay = prop_oneof![3 => Just(0_u64), 2 => 0..20_000_u64];
    prop::collection::vec((name, at, delay, reply()), 0..7)
}

proptest! {
    #[test]
    fn a_replay_gives_the_verdict_that_was_given(
        ladder in prop::sample::select(LADDERS.to_vec()),
        said in said(),
        lead in 0..10_000_u64,
        broken in prop::sample::subsequence(vec!["forest", "boost", "linear"], 0..=3),
    ) {
        let definition = definition(ladder);
        let recorded = recorded_without(&definition, &broken, said, Duration::from_micros(lead));
        let given = recorded.result.as_ref().expect("decided").body.clone();
        let again = Rehearing::of(&recorded).expect("all is there").again(&definition).expect("the same policy");
        let again = ResultBody::read(&again.body(&definition.policy_ref, None, BORN, definition.budget));
        prop_assert_eq!(told(again.expect("a body of ours")), told(given));
    }

    #[test]
    fn no_more_time_changes_nothing(ladder in prop::sample::select(LADDERS.to_vec()), mut said in said()) {
        for (_, _, delay, _) in &mut said {
            *delay = 0;
        }
        let definition = definition(ladder);
        let recorded = recorded(&definition, said, Duration::ZERO);
        let replay = Rehearing::of(&recorded).expect("all is there");
        let more = replay.with_more(&definition, Duration::ZERO).expect("the same policy");
        prop_assert_eq!(more, replay.again(&definition).expect("the same policy"));
    }

    #[test]
    fn less_time_ends_sooner_and_no_less_changes_nothing(
        ladder in prop::sample::select(LADDERS.to_vec()),
        said in said(),
        less in 0..60_000_u64,
    ) {
        let definition = definition(ladder);
        let recorded = recorded(&definition, said, Duration::ZERO);
        let replay = Rehearing::of(&recorded).expect("all is there");
        let none = replay.with_less(&definition, Duration::ZERO).expect("the same policy");
        prop_assert_eq!(&none, &replay.with_more(&definition, Duration::ZERO).expect("the same policy"));
        let less = Duration::from_micros(less);
        let sooner = replay.with_less(&definition, less).expect("the same policy");
        let end = definition.budget.as_duration().saturating_sub(less);
        prop_assert!(sooner.at.since(replay.born()) <= end.max(Duration::from_micros(1)), "{:?} after {end:?}", sooner.at);
    }

    #[test]
    fn below_the_first_threshold_more_time_changes_no_answer(
        ladder in prop::sample::select(LADDERS.to_vec()),
        said in said(),
        lead in 0..10_000_u64,
    ) {
        let definition = definition(ladder);
        let recorded = recorded(&definition, said, Duration::from_micros(lead));
        let replay = Rehearing::of(&recorded).expect("all is there");
        let thresholds = replay.thresholds(&definition).expect("the same policy");
        let first = thresholds.first().map_or(Duration::from_secs(1), |(threshold, _)| *threshold);
        let almost = first.saturating_sub(Duration::from_micros(1));
        let then = replay.with_more(&definition, almost).expect("the same policy");
        prop_assert_eq!(then.answer, replay.again(&definition).expect("the same policy").answer);
    }
}

#[test]
fn a_canary_that_was_not_asked_is_in_no_receipt_and_a_replay_agrees() {
    let definition = definition(LADDERS[1]);
    let said = vec![("forest", 3_000, 0, class("cat", 0.9)), ("boost", 4_000, 0, class("cat", 0.8))];
    let asked = Plan::new(definition.plan().asked()[..3].to_vec());
    let recorded = recorded_asking(&definition, asked, &[], said, Duration::ZERO);
    let given = recorded.result.as_ref().expect("decided").body.clone();
    assert!(given.decision.receipt.iter().all(|entry| entry.executor != "next"));
    let again = Rehearing::of(&recorded).expect("all is there").again(&definition).expect("the same policy");
    let again = ResultBody::read(&again.body(&definition.policy_ref, None, BORN, definition.budget));
    assert_eq!(told(again.expect("a body of ours")), told(given));
}

#[test]
fn what_is_gone_is_said_to_be_gone() {
    let definition = definition(LADDERS[1]);
    let said = vec![("forest", 3_000, 0, class("cat", 0.9)), ("boost", 4_000, 0, class("cat", 0.8))];
    let whole = recorded(&definition, said, Duration::ZERO);
    let without = |change: &dyn Fn(&mut Recorded)| {
        let mut less = whole.clone();
        change(&mut less);
        Rehearing::of(&less).map(|_| ()).unwrap_err()
    };
    assert_eq!(without(&|less| less.request = None), Unreplayable::RequestGone);
    assert_eq!(without(&|less| less.result = None), Unreplayable::NoResult);
    let gone = Unreplayable::ResponsesGone(vec!["forest".to_owned(), "boost".to_owned()]);
    assert_eq!(without(&|less| less.responses.clear()), gone);
}

#[test]
fn another_policy_hears_those_who_were_late_for_the_first() {
    let hasty = definition("- first: any\n  until: 5ms\n- default: { class: unknown }");
    let said = vec![("forest", 9_000, 0, class("cat", 0.9)), ("boost", 12_000, 0, class("cat", 0.8))];
    let recorded = recorded(&hasty, said, Duration::ZERO);
    let replay = Rehearing::of(&recorded).unwrap();
    let patient = definition("- agree: 2\n  until: 50ms\n- default: { class: unknown }");
    let verdict = replay.under(&patient, Some(&hasty));
    assert_eq!(
        (verdict.answer, verdict.at),
        (Bytes::from(r#"{"class":"cat","sure":0.9}"#), BORN.after(Duration::from_millis(12)))
    );
}

#[test]
fn whose_breaker_was_open_is_not_waited_for_by_another_policy_either_unless_it_has_none() {
    let agree = "- agree: 2\n  until: 20ms\n- default: { class: unknown }";
    let now = definition(agree);
    let said = vec![("forest", 3_000, 0, class("cat", 0.9)), ("boost", 4_000, 0, class("cat", 0.8))];
    let recorded = recorded_without(&now, &["boost", "linear"], said, Duration::ZERO);
    let replay = Rehearing::of(&recorded).unwrap();
    let at = |definition: &Definition| replay.under(definition, Some(&now)).at.since(BORN).as_millis();
    assert_eq!(at(&now), 0, "two cannot agree");
    let without = now.text.replace("boost: { echo: }", "boost: { echo: , breaker: off }");
    assert_eq!(at(&Definition::parse("wine.yaml", &without).unwrap()), 4);
}

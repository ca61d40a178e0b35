//! A result's body, as it lies in the log: what other programs read must not change by accident.

use std::{sync::Arc, time::Duration};

use hedgerow_policies::{Circumstances, Definition, Evaluation, LastKnown, Reason, ResultBody, Verdict};
use wire::{Failure, FailureKind, ModelVersion, Reply, RequestId, Response, Timestamp};

const BORN: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn wine() -> Definition {
    Definition::parse("wine.yaml", include_str!("../wine.yaml")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn response(executor: &str, reply: Reply) -> Response {
    Response {
        request: RequestId::from_uuid(uuid::Uuid::nil()),
        executor: wire::ExecutorId::new(executor).expect("a name"),
        model: ModelVersion::new(executor, "1f3a"),
        fetched: Duration::ZERO,
        queued: Duration::ZERO,
        scored: Duration::ZERO,
        reply,
    }
}

fn answer(json: &'static str) -> Reply {
    Reply::Answer(json.into())
}

fn failure(message: &str) -> Reply {
    Reply::Failure(Failure { kind: FailureKind::Failed, message: message.to_owned() })
}

/// Plays responses `(microseconds, executor, reply)` under the wine policy, and lets time run out.
fn play(wine: &Definition, heard: Vec<(u64, &str, Reply)>) -> Verdict {
    let policy = Arc::clone(&wine.policy);
    let step = Evaluation::open(policy, &wine.plan(), BORN, wine.budget, Duration::ZERO, &Circumstances::default());
    let heard = heard.into_iter();
    let heard = heard.map(|(at, executor, reply)| (response(executor, reply), BORN.after(Duration::from_micros(at))));
    step.finish(heard.collect::<Vec<_>>().iter().map(|(response, at)| (response, *at)))
}

#[track_caller]
fn check(name: &str, heard: Vec<(u64, &str, Reply)>) -> ResultBody {
    let wine = wine();
    let bytes = play(&wine, heard).body(&wine.policy_ref, None, BORN, wine.budget);
    let pretty: serde_json::Value = serde_json::from_slice(&bytes).expect("a body is JSON");
    insta::assert_json_snapshot!(name, pretty);
    ResultBody::read(&bytes).expect("a body reads back")
}

#[test]
fn an_agreement() {
    let body = check(
        "agreement",
        vec![
            (1_200, "next", answer(r#"{"class": 2, "probability": 0.5}"#)),
            (2_000, "boost", answer(r#"{"class": 1, "probability": 0.910, "probabilities": [0.05, 0.91, 0.04]}"#)),
            (3_500, "linear", failure("out of memory")),
            (4_000, "forest", answer(r#"{"class": 1, "probability": 0.970}"#)),
        ],
    );
    assert_eq!(body.answer["class"], 1);
    assert_eq!(body.canaries()["next"]["class"], 2);
}

#[test]
fn a_default() {
    let body = check("default", vec![(900, "linear", answer("{}")), (1_000, "next", answer("not \"JSON\""))]);
    assert_eq!(body.decision.executors, Vec::<String>::new());
}

#[test]
fn the_answer_stands_byte_for_byte_as_it_was_sent() {
    let wine = wine();
    let sent = r#"{ "class":1.0,  "probability" : 9.70e-1 , "é":"\u00e9" }"#;
    let verdict = play(&wine, vec![(1, "forest", answer(sent)), (2, "boost", answer(r#"{"class":1}"#))]);
    let body = verdict.body(&wine.policy_ref, None, BORN, wine.budget);
    let body = std::str::from_utf8(&body).expect("a body is text");
    assert!(body.starts_with(&format!(r#"{{"answer":{sent},"decision":"#)), "{body}");
}

#[test]
fn the_same_evidence_gives_the_same_bytes() {
    let wine = wine();
    let heard = || vec![(1, "forest", answer(r#"{"class":1}"#)), (2, "boost", answer(r#"{"class":2}"#))];
    let bytes = || play(&wine, heard()).body(&wine.policy_ref, None, BORN, wine.budget);
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_refused_request_is_a_default_in_the_body_too() {
    let wine = wine();
    let late = BORN.after(Duration::from_millis(80));
    let verdict =
        Evaluation::refuse(&wine.policy, &wine.plan(), BORN, Reason::StaleOnArrival, late, &Circumstances::default());
    assert_eq!(verdict.kind(), wire::ResultKind::Default);
    let body = ResultBody::read(&verdict.body(&wine.policy_ref, None, BORN, wine.budget)).expect("a body reads back");
    assert_eq!((body.decision.reason, body.decision.elapsed_us), (Reason::StaleOnArrival, 80_000));
}

/// The body of a verdict of a small policy whose candidates `a` and `b` say these.
fn body_of(
    decide: &str,
    case: Option<&str>,
    circumstances: &Circumstances,
    heard: &[(&str, &'static str)],
) -> ResultBody {
    let text = format!(
        "rendezvous: small\nbudget: 50ms\ninput: {{ features: [x], attributes: [who] }}\nkey: attributes.who\n\
         executors: {{ a: {{ echo: }}, b: {{ echo: }} }}\ndecide:\n{decide}"
    );
    let small = Definition::parse("small.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let step =
        Evaluation::open(Arc::clone(&small.policy), &small.plan(), BORN, small.budget, Duration::ZERO, circumstances);
    let heard: Vec<Response> = heard.iter().map(|(executor, said)| response(executor, answer(said))).collect();
    let verdict = step.finish(heard.iter().map(|response| (response, BORN.after(Duration::from_millis(2)))));
    ResultBody::read(&verdict.body(&small.policy_ref, case, BORN, small.budget)).expect("a body reads back")
}

#[test]
fn a_synthesis_says_so_and_lists_its_sources_and_a_case_is_named() {
    let heard = [("a", r#"{"n":1,"more":true}"#), ("b", r#"{"n":2}"#)];
    let body =
        body_of("- combine: { mean: [n] }\n- default: { n: 0 }", Some("gold"), &Circumstances::default(), &heard);
    assert_eq!(body.answer, serde_json::json!({ "n": 1.5 }));
    assert_eq!((body.decision.synthesised, body.decision.executors), (true, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((body.decision.case.as_deref(), body.decision.policy.as_str()), (Some("gold"), "small@1"));
    assert_eq!(body.decision.clauses[0].why, "mean of 2");
}

#[test]
fn what_was_known_before_is_given_with_its_age() {
    let default = "- prefer: [{ a: { until: 20ms } }, b]\n\
        - default: { last_known: { max_age: 1h, otherwise: { n: 0 } } }";
    let known = LastKnown { answer: r#"{"n":7}"#.into(), at: BORN.before(Duration::from_mins(1)) };
    let body = body_of(default, None, &Circumstances { last_known: Some(known), ..Circumstances::default() }, &[]);
    assert_eq!(body.answer, serde_json::json!({ "n": 7 }));
    assert_eq!(body.decision.last_known.map(|known| known.age_us), Some(60_050_000));
    let patience: Vec<(&str, u64)> =
        body.decision.clauses[0].patience.iter().map(|rank| (rank.executor.as_str(), rank.until_us)).collect();
    assert_eq!(patience, [("a", 20_000)]);
    let nothing = body_of(default, None, &Circumstances::default(), &[]);
    assert_eq!((nothing.answer, nothing.decision.last_known), (serde_json::json!({ "n": 0 }), None));
}

#[test]
fn an_extra_wait_that_ended_a_clause_stands_beside_its_end() {
    let best = "- best: { score: n }\n  until: 30ms\n  extra_wait: 5ms\n- default: { n: 0 }";
    let body = body_of(best, None, &Circumstances::default(), &[("a", r#"{"n":1}"#)]);
    let clause = &body.decision.clauses[0];
    assert_eq!((clause.until_us, clause.extra_until_us, body.decision.elapsed_us), (30_000, Some(7_000), 7_000));
}

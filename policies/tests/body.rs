//! A result's body, as it lies in the log: what other programs read must not change by accident.

use std::{sync::Arc, time::Duration};

use hedgerow_policies::{Circumstances, Definition, Evaluation, Reason, ResultBody, Step, Verdict};
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
    let mut step = Evaluation::open(policy, &wine.plan(), BORN, wine.budget, Duration::ZERO, &Circumstances::default());
    for (at, executor, reply) in heard {
        let Step::Wait(evaluation) = step else { break };
        step = evaluation.observe(&response(executor, reply), BORN.after(Duration::from_micros(at))).1;
    }
    loop {
        match step {
            Step::Emit(verdict) => return *verdict,
            Step::Wait(evaluation) => {
                let due = evaluation.deadline();
                step = evaluation.on_time(due);
            }
        }
    }
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

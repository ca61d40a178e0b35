//! Every field of a live policy can be edited: the next request comes under the edit, and a request in flight does not.

use bus::{Clock, EmbeddedBus};
use serde_json::{Value, json};
use starter::{Answered, RawInput};
use tokio::time::timeout;

use crate::rendezvous::{PATIENCE, Rendezvous, UNARCHIVED, body};

/// Requests are in flight until the budget ends: the one that is preferred never answers.
const LIVE: &str = "
rendezvous: NAME
budget: 900ms
input: { features: [x] }
answer: { value: x }
executors:
  slow: { constant: { answer: { x: 7 }, delay: 1h } }
  echo: { echo: {} }
decide:
  - prefer: [slow, echo]
    until: 900ms
  - default: { x: 0 }
";

/// An edit of one field: what it is, what it replaces by what, and what the next request's decision must say where.
type Edit = (&'static str, &'static [(&'static str, &'static str)], &'static str, fn() -> Value);

const EDITS: [Edit; 10] = [
    ("budget", &[("900ms", "300ms")], "/decision/budget_us", || json!(300_000)),
    ("until", &[("until: 900ms", "until: 200ms")], "/decision/clauses/0/until_us", || json!(200_000)),
    ("decide", &[("prefer: [slow, echo]", "first: any")], "/decision/decided_by", || json!("first")),
    ("default", &[("prefer: [slow, echo]", "prefer: [slow]"), ("x: 0", "x: 42")], "/answer/x", || json!(42)),
    ("input", &[("[x]", "[x, y]")], "/answer/y", || json!(2)),
    ("answer", &[("value: x", "value: x, confidence: x")], "/decision/receipt/1/confidence", || json!(1.0)),
    ("executors", &[("  echo: {", "  more: { echo: {} }\n  echo: {")], "/decision/receipt/1/executor", || {
        json!("more")
    }),
    (
        "a role",
        &[("  echo: {", "  next: { echo: {}, canary: { of: echo } }\n  echo: {")],
        "/decision/receipt/1/role",
        || json!("canary"),
    ),
    ("a model", &[("x: 7 }, delay: 1h", "x: 8 }, delay: 1ms")], "/answer/x", || json!(8)),
    (
        "cases",
        &[("decide:", "cases:\n  - { case: any, when: input.x > 0.0, decide: [{ default: { x: 5 } }] }\ndecide:")],
        "/decision/case",
        || json!("any"),
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_a_live_policy_changed_takes_effect_on_the_next_request_and_only_there() {
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, LIVE, &UNARCHIVED).await;
    let mut version = 1;
    for (index, (field, replaced, place, expected)) in (0..).zip(EDITS) {
        let edited = replaced.iter().fold(LIVE.to_owned(), |text, (old, new)| text.replace(old, new));
        assert_ne!(edited, LIVE, "{field}");
        let asking = rendezvous.starter().clone();
        let before = tokio::spawn(async move { asking.ask(input(r#"{"x": 1}"#)).await.unwrap() });
        // Somebody answered it, so it is in flight.
        let heard = |observed: &hedgerow::observer::Observed| {
            observed.responses.get("echo").is_some_and(|(answers, _)| *answers > 2 * index)
        };
        rendezvous.until(heard, "the request in flight is answered by one").await;
        let next = rendezvous.apply(&edited).await;
        let says = if field == "input" { r#"{"x": 1, "y": 2}"# } else { r#"{"x": 1}"# };
        let mut after = timeout(PATIENCE, rendezvous.starter().ask(input(says))).await.unwrap().unwrap();
        // A model is changed when it is loaded; until then the one before it works.
        while field == "a model" && said(&after).pointer(place) != Some(&expected()) {
            assert_eq!(after.result.policy.version, next);
            after = timeout(PATIENCE, rendezvous.starter().ask(input(says))).await.unwrap().unwrap();
        }
        let before = timeout(PATIENCE, before).await.unwrap().unwrap();
        assert_eq!((before.result.policy.version, after.result.policy.version), (version, next), "{field}");
        assert_eq!(said(&after).pointer(place), Some(&expected()), "{field}: {}", said(&after));
        assert_ne!(said(&before).pointer(place), Some(&expected()), "{field}: {}", said(&before));
        version = rendezvous.apply(LIVE).await;
    }
    rendezvous.stop().await;
}

fn input(body: &'static str) -> RawInput {
    RawInput { body: body.as_bytes().into(), ..RawInput::default() }
}

fn said(answered: &Answered) -> Value {
    serde_json::to_value(body(answered)).unwrap()
}

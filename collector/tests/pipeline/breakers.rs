//! Breakers as one sees them from outside: in the metrics.

use wire::Budget;

use crate::scene::Scene;

/// Nobody answers; three requests in a row over 20 ms are enough for `a`, and never for `b`.
const MORTAL: &str = "\
rendezvous: test\nbudget: 60ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: , breaker: { min: 3, window: 200ms, pause: 30s } }\n  b: { echo: , breaker: off }\n  c: { echo: }\n\
decide:\n- best: { score: answer.x }\n- default: { class: none }\n";

#[tokio::test]
async fn a_breaker_that_opens_is_shown_and_counted_until_its_executor_is_asked_no_more() {
    let scene = Scene::set_with(MORTAL, 1).await;
    let running = scene.collector().await;
    for number in 0..12 {
        scene.ask(number, Budget::from_millis(60));
        scene.results(usize::try_from(number).expect("few") + 1).await;
    }
    running.until("hedgerow_breaker_state{executor=\"a\"}", 2).await;
    running.until("hedgerow_breaker_transitions_total{executor=\"a\",to=\"open\"}", 1).await;
    let counted = running.counted();
    assert!(counted.contains("hedgerow_breaker_state{executor=\"c\"} 0"), "{counted}");
    assert!(!counted.contains("executor=\"b\""), "{counted}");
    running.stop().await;
}

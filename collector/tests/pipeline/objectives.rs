//! Objectives as one sees them from outside: in the metrics.

use wire::Budget;

use crate::scene::{Scene, parsed};

const LADDER: &str = "\
rendezvous: test\nbudget: 60s\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- agree: 2\n  until: 60s\n- default: { class: none }\n";

/// Ten minutes are kept by whatever comes, a microsecond by nothing.
const OBJECTIVES: &str = "objectives:\n- { within: 10m, share: 99%, window: 1d }\n- { within: 10m, share: 90%, window: 1h }\n\
                          - { within: 10m, share: 99%, window: 1d, degraded: good }\n- { within: 1us, share: 1%, window: 1d }\n";

#[tokio::test]
async fn each_result_is_counted_once_for_each_objective_as_good_or_bad() {
    let scene = Scene::set_with(&format!("{LADDER}{OBJECTIVES}"), 2).await;
    let running = scene.collector().await;
    let counter = |labels: &str| format!("hedgerow_objective_results_total{{{labels}}}");
    let shown = r#"objective="10m",degraded="bad",good="false""#;
    running.until_shown(&counter(shown)).await;
    (0..5).for_each(|number| scene.ask_and_answer(number));
    (5..8).for_each(|number| scene.ask(number, Budget::from_millis(20)));
    scene.results(8).await;
    for (labels, count) in [
        (r#"objective="10m",degraded="bad",good="true""#, 5),
        (shown, 3),
        (r#"objective="10m",degraded="good",good="true""#, 8),
        (r#"objective="10m",degraded="good",good="false""#, 0),
        (r#"objective="1us",degraded="bad",good="true""#, 0),
        (r#"objective="1us",degraded="bad",good="false""#, 8),
    ] {
        running.until(&counter(labels), count).await;
        assert_eq!(running.value(&counter(labels)), count, "{labels}:\n{}", running.counted());
    }
    scene.edit(&parsed(&format!("{LADDER}objectives: [{{ within: 5m, share: 99%, window: 1d }}]\n"), 2));
    running.until_shown(&counter(r#"objective="5m",degraded="bad",good="true""#)).await;
    running.stop().await;
}

//! Edges of `docs/edges.md` that need a whole collector.

use crate::{MINUTE, scene::Scene};

#[tokio::test]
async fn a_kill_with_a_thousand_open_requests_loses_none_of_them_and_nothing_they_have_heard() {
    let scene = Scene::set(4).await;
    let first = scene.collector().await;
    for number in 0..1_000 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
    }
    // One that is decided, behind all that are open in its partition.
    scene.ask_and_answer(1_000);
    scene.results(1).await;
    first.crash().await;
    let second = scene.collector().await;
    (0..1_000).for_each(|number| scene.answer("b", number, "cat"));
    let results = scene.results(1_001).await;
    assert!(results.values().all(|result| result.kind == wire::ResultKind::Prediction), "two of two have agreed");
    second.stop().await;
}

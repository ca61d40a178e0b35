//! Topics that lose what is still needed: cut off, or deleted and created again. It is told, and the rest goes on.

use bus::{Bus, TopicPartition};

use crate::scene::{Scene, id};

const GONE: &str = "hedgerow_records_gone_total";

/// A scene in which requests 0 to 4 have their results, and 5 to 9 are open: `a` has answered them.
async fn half_done() -> Scene {
    let scene = Scene::set(1).await;
    let first = scene.collector().await;
    (0..5).for_each(|number| scene.ask_and_answer(number));
    scene.results(5).await;
    for number in 5..10 {
        scene.ask(number, crate::MINUTE);
        scene.answer("a", number, "cat");
    }
    first.stop().await;
    scene
}

fn first_of(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

#[tokio::test]
async fn requests_cut_off_while_nobody_served_are_told_and_the_rest_is_answered() {
    let scene = half_done().await;
    scene.embedded.drop_before(&first_of(&scene.topics.requests), 8).expect("it exists");
    let second = scene.collector().await;
    (5..10).for_each(|number| scene.answer("b", number, "cat"));
    let results = scene.results(7).await;
    assert!((8..10).all(|number| results.contains_key(&id(number))), "what is left is answered");
    assert!(second.counted().contains(&format!("{GONE} 1")), "{}", second.counted());
    second.stop().await;
}

#[tokio::test]
async fn responses_cut_off_while_nobody_served_cost_their_votes_and_no_result() {
    let scene = half_done().await;
    let responses = first_of(&scene.topics.responses);
    let end = scene.embedded.span(&responses).await.expect("it exists").end;
    scene.embedded.drop_before(&responses, end).expect("it exists");
    let second = scene.collector().await;
    for executor in ["b", "c"] {
        (5..10).for_each(|number| scene.answer(executor, number, "dog"));
    }
    let results = scene.results(10).await;
    assert!(results[&id(7)].body.windows(3).any(|word| word == b"dog"), "the others have decided");
    assert!(second.counted().contains(&format!("{GONE} 1")), "{}", second.counted());
    second.stop().await;
}

#[tokio::test]
async fn results_cut_off_with_every_fence_are_begun_anew_above_whatever_readers_remember() {
    let scene = half_done().await;
    let before = scene.fence().await;
    let results = first_of(&scene.topics.results);
    let end = scene.embedded.span(&results).await.expect("it exists").end;
    scene.embedded.drop_before(&results, end).expect("it exists");
    let second = scene.collector().await;
    (5..10).for_each(|number| scene.answer("b", number, "cat"));
    assert_eq!(scene.results(5).await.len(), 5);
    assert!(scene.fence().await.succeeds(before), "a reader who was there all the time heeds the new fence");
    second.stop().await;
}

#[tokio::test]
async fn a_committed_offset_past_the_end_is_told_and_what_is_held_is_answered() {
    for which in 0..3 {
        let scene = half_done().await;
        let topics = &scene.topics;
        let recreated = [&topics.requests, &topics.responses, &topics.results][which];
        scene.embedded.recreate(recreated).expect("it exists");
        let second = scene.collector().await;
        // In its first minute a rendezvous needs its results from offset 0 on, which is where the new topic begins.
        let told = recreated == &topics.results || second.counted().contains(&format!("{GONE} 1"));
        assert!(told, "{recreated}: {}", second.counted());
        (20..30).for_each(|number| scene.ask_and_answer(number));
        second
            .until("hedgerow_results_total{decided_by=\"agree\",completeness=\"partial\",reason=\"early\"}", 10)
            .await;
        second.stop().await;
    }
}

#[tokio::test]
async fn a_topic_created_again_under_a_running_collector_is_told_and_gone_on_with() {
    for which in 0..3 {
        let scene = Scene::set(1).await;
        let running = scene.collector().await;
        (0..5).for_each(|number| scene.ask_and_answer(number));
        scene.results(5).await;
        let topics = &scene.topics;
        let recreated = [&topics.requests, &topics.responses, &topics.results][which];
        scene.embedded.recreate(recreated).expect("it exists");
        running.until(GONE, 1).await;
        running.until("hedgerow_takeovers_total", 2).await;
        (20..30).for_each(|number| scene.ask_and_answer(number));
        running
            .until("hedgerow_results_total{decided_by=\"agree\",completeness=\"partial\",reason=\"early\"}", 15)
            .await;
        running.stop().await;
    }
}

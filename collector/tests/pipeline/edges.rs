//! Edges of `docs/edges.md` that need a whole collector.

use std::time::Duration;

use bus::Clock;
use wire::{Budget, ResultKind, Timestamp};

use crate::{
    MINUTE,
    scene::{Scene, id},
};

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

/// Nothing of the collector runs while the test does not wait: so it stands still, and the log goes on. Of what it finds
/// then, what nobody answered gets the named default, what was answered in time is decided by that, and what is alive is
/// decided too, before any more time passes.
#[tokio::test]
async fn stopped_for_a_minute_at_full_rate_it_answers_all_at_once_the_dead_with_their_default() {
    const ASKED: u32 = 12_000;
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let text = crate::scene::DEFINITION.replace("60s", "50ms");
    let scene = Scene::set_on(clock.clone(), &text, 4).await;
    let (running, mut served) = scene.start();
    while served.try_recv().is_err() {
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    for number in 0..ASKED {
        clock.advance(Duration::from_millis(5));
        scene.ask(number, Budget::from_millis(50));
        if number % 2 == 0 {
            scene.answer("a", number, "cat");
            scene.answer("b", number, "cat");
        }
    }
    // From here on the clock stands.
    let resumed = clock.now();
    let may_wait = |number: u32| ASKED - number <= 10 && number % 2 == 1;
    let waiting = (0..ASKED).filter(|number| may_wait(*number)).count();
    let results = scene.results(ASKED as usize - waiting).await;
    for number in 0..ASKED {
        let Some(result) = results.get(&id(number)) else {
            assert!(may_wait(number), "{number} has no result though nothing more can come");
            continue;
        };
        let expected = if number % 2 == 0 { ResultKind::Prediction } else { ResultKind::Default };
        assert_eq!(result.kind, expected, "{number}");
    }
    assert_eq!(clock.now(), resumed);
    running.crash().await;
}

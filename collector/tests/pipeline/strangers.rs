//! Somebody else writes into the topics of a running collector.

use bytes::Bytes;
use uuid::Uuid;
use wire::{Fence, Fencing, ResultRecord};

use crate::scene::{Scene, id};

#[path = "../../../tests/pipeline/garbage.rs"]
mod garbage;

#[tokio::test]
async fn whatever_a_stranger_writes_into_the_results_each_request_has_one_result() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    let stranger = |epoch| Fencing { epoch, instance: Uuid::from_u128(0xbad) };
    let forged = |number, fencing| {
        let (policy, kind) = (scene.definition.policy_ref.clone(), wire::ResultKind::Prediction);
        let body = Bytes::from_static(b"{\"answer\":\"forged\"}");
        ResultRecord { request: id(number), policy, kind, key: None, reply: None, fencing, body }.encode()
    };
    let mut asked = 0;
    let behind: [fn(u64) -> u64; 6] =
        [|own| own - 1, |own| own, |own| own + 1, |own| own + (1 << 40), |_| u64::MAX, |own| own.wrapping_add(1 << 63)];
    for (round, behind) in (1..).zip(behind) {
        // Not under the fence, which would give it the right to.
        let own = scene.fence().await;
        scene.put(&scene.topics.results, 0, forged(asked, stranger(own.epoch + 7)));
        scene.ask_and_answer(asked);
        scene.put(&scene.topics.results, 0, Fence(stranger(behind(own.epoch))).encode());
        (asked + 1..asked + 10).for_each(|number| scene.ask_and_answer(number));
        asked += 10;
        let results = scene.results(round * 10).await;
        assert!(results.values().all(|result| !result.body.windows(6).any(|word| word == b"forged")));
    }
    running.stop().await;
}

#[tokio::test]
async fn garbage_in_every_topic_under_load_is_counted_and_costs_nobody_a_result() {
    let scene = Scene::set(2).await;
    let running = scene.collector().await;
    let sorts = garbage::garbage();
    for (number, (_, record)) in (0_u32..).zip(&sorts) {
        let partition = i32::try_from(number % 2).expect("0 or 1");
        for topic in [&scene.topics.requests, &scene.topics.responses, &scene.topics.results] {
            scene.put(topic, partition, record.clone());
        }
        scene.ask_and_answer(number);
    }
    assert_eq!(scene.results(sorts.len()).await.len(), sorts.len());
    let count = u64::try_from(sorts.len()).expect("a few");
    running.until("hedgerow_collector_dead_letters_total", 2 * count).await;
    running.until("hedgerow_results_unreadable_total", count).await;
    running.stop().await;
}

//! What is no request, and requests that are gone.

use bus::TopicPartition;

use crate::{
    LONG,
    rig::{Model, Rig},
};

#[path = "../../../tests/pipeline/garbage.rs"]
mod table;

const REQUESTS: &str = "wine.requests";

#[tokio::test]
async fn every_sort_of_garbage_is_passed_over_counted_and_holds_nothing_up() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    let sorts = table::garbage();
    for (_, record) in &sorts {
        rig.put(record.clone());
        rig.send_into_partition(LONG, 0);
    }
    assert_eq!(rig.responses(sorts.len()).await.len(), sorts.len());
    let count = u64::try_from(sorts.len()).unwrap();
    assert_eq!(rig.counted("hedgerow_executor_skipped_total{reason=\"poison\"}"), count);
    running.stop().await;
    assert_eq!(rig.committed().await, i64::try_from(2 * sorts.len()).unwrap());
}

/// It was wrong once: nothing was committed until the new log was as long as the old one.
#[tokio::test]
async fn a_committed_offset_past_the_end_is_told_and_what_is_held_is_answered() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    for _ in 0..20 {
        rig.send_into_partition(LONG, 0);
    }
    assert_eq!(rig.responses(20).await.len(), 20);
    running.stop().await;
    assert_eq!(rig.committed().await, 20);
    rig.bus.recreate(REQUESTS).unwrap();
    let asked = rig.send_into_partition(LONG, 0);
    let running = rig.start().await;
    assert_eq!(rig.responses(1).await[0].response.request, asked);
    assert_eq!(rig.counted("hedgerow_executor_skipped_total{reason=\"gone\"}"), 1);
    running.stop().await;
    assert_eq!(rig.committed().await, 1);
}

#[tokio::test]
async fn requests_cut_off_before_they_were_read_are_told_and_the_rest_is_answered() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    rig.send_into_partition(LONG, 0);
    assert_eq!(rig.responses(1).await.len(), 1);
    running.stop().await;
    let asked: Vec<_> = (0..5).map(|_| rig.send_into_partition(LONG, 0)).collect();
    rig.bus.drop_before(&TopicPartition::new(REQUESTS, 0), 4).unwrap();
    let running = rig.start().await;
    let answered: Vec<_> = rig.responses(2).await.iter().map(|heard| heard.response.request).collect();
    assert_eq!(answered, asked[3..]);
    assert_eq!(rig.counted("hedgerow_executor_skipped_total{reason=\"gone\"}"), 1);
    running.stop().await;
    assert_eq!(rig.committed().await, 6);
}

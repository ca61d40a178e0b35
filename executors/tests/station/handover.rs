//! From one process to the next: nobody goes unheard while partitions change hands, nor when nobody takes them.

use bus::{Clock, Consumer, Event};
use wire::{Reply, RequestId, Timestamp};

use crate::{
    LONG,
    rig::{Model, Rig, millis},
};

/// A rig whose time stands still, so that nothing ends because time has passed.
async fn timeless() -> (Clock, Rig) {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    (clock.clone(), Rig::on(clock, &[("fine", Model::Fine), ("echo", Model::Echo)]).await)
}

/// Waits until `member` was given `count` partitions altogether; returns those.
async fn given(member: &mut dyn Consumer, count: usize) -> Vec<i32> {
    let mut given = Vec::new();
    while given.len() < count {
        if let Event::Assigned(more) = member.next().await.unwrap() {
            given.extend(more.into_iter().map(|assigned| assigned.partition.partition));
        }
    }
    given
}

/// Asks, and hears everybody answer, once.
async fn ask(rig: &Rig, partition: i32) -> RequestId {
    let id = rig.send_into_partition(LONG, partition);
    let heard = rig.responses(2).await;
    assert!(heard.iter().all(|heard| heard.response.request == id && matches!(heard.response.reply, Reply::Answer(_))));
    id
}

#[tokio::test]
async fn a_station_that_stops_serves_on_until_its_successor_is_heard() {
    let (_, rig) = timeless().await;
    let running = rig.start().await;
    let mut successor = rig.join().await;
    ask(&rig, 0).await;
    let leaving = running.leave();
    // The group has it all from now on, but it has not begun.
    let partitions = given(&mut *successor, 3).await;
    let mut last = Vec::new();
    for partition in partitions {
        ask(&rig, partition).await;
        last.push(ask(&rig, partition).await);
    }
    for id in &last {
        rig.respond(*id, "fine");
    }
    rig.responses(last.len()).await;
    assert!(!leaving.is_gone(), "of two executors one was heard");
    for id in &last {
        rig.respond(*id, "echo");
    }
    leaving.gone().await;
}

#[tokio::test]
async fn a_station_that_nobody_succeeds_stops_when_nobody_asks_any_more() {
    let (clock, rig) = timeless().await;
    let leaving = rig.start().await.leave();
    let mut group = rig.join().await;
    given(&mut *group, 3).await;
    clock.advance(millis(400));
    ask(&rig, 1).await;
    clock.advance(millis(400));
    ask(&rig, 1).await;
    clock.advance(millis(500));
    leaving.gone().await;
}

#[tokio::test]
async fn however_many_ask_a_station_stops_in_time() {
    let (clock, rig) = timeless().await;
    let leaving = rig.start().await.leave();
    let mut group = rig.join().await;
    given(&mut *group, 3).await;
    for _ in 0..13 {
        for partition in 0..3 {
            ask(&rig, partition).await;
        }
        clock.advance(millis(400));
    }
    leaving.gone().await;
}

#[tokio::test]
async fn a_partition_that_another_is_given_is_served_on_until_that_one_is_heard() {
    let (_, rig) = timeless().await;
    let running = rig.start().await;
    let mut other = rig.join().await;
    let moved = given(&mut *other, 1).await[0];
    let kept = (0..3).find(|partition| *partition != moved).unwrap();
    let id = ask(&rig, moved).await;
    for executor in ["fine", "echo"] {
        rig.respond(id, executor);
    }
    rig.responses(2).await;

    // From now on that one alone has it; what it leaves lying is answered by whoever gets the partition next.
    let left_lying = loop {
        let id = rig.send_into_partition(LONG, moved);
        let sign = rig.send_into_partition(LONG, kept);
        let (mut signs, mut was_answered) = (0, false);
        while signs < 2 {
            let heard = &rig.responses(1).await[0];
            signs += usize::from(heard.response.request == sign);
            was_answered |= heard.response.request == id;
        }
        // Else the station had not read the last response yet.
        if !was_answered {
            break id;
        }
    };
    other.close(Vec::new()).await;
    loop {
        if rig.responses(1).await[0].response.request == left_lying {
            break;
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_partition_that_comes_back_is_read_on_and_nothing_is_done_again() {
    let (_, rig) = timeless().await;
    let running = rig.start().await;
    let mut other = rig.join().await;
    let moved = given(&mut *other, 1).await[0];
    ask(&rig, moved).await;
    other.close(Vec::new()).await;
    for _ in 0..10 {
        ask(&rig, moved).await;
    }
    running.stop().await;
    assert_eq!(rig.committed().await, 11, "and it is committed again");
}

//! Laws of consumer groups: who owns what, and what was committed.

use std::collections::BTreeSet;

use hedgerow_bus::{Bus, BusError, Committed, StartAt, TopicPartition};

use super::support::{
    Reader, commit, committed, partitions, producer, record, send, send_numbers, settle, topic, unique, within,
};

pub(crate) async fn the_only_member_gets_every_partition(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 4).await, unique("group"));
    let mut member = Reader::member(bus, &group, &name).await;
    settle(&mut [&mut member], |owned| owned == [4]).await;
    assert!(member.owned.keys().copied().eq(0..4));
}

pub(crate) async fn two_members_share_the_partitions(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 4).await, unique("group"));
    let mut one = Reader::member(bus, &group, &name).await;
    settle(&mut [&mut one], |owned| owned == [4]).await;
    let mut two = Reader::member(bus, &group, &name).await;
    settle(&mut [&mut one, &mut two], |owned| owned == [2, 2]).await;
    let all: BTreeSet<i32> = one.owned.keys().chain(two.owned.keys()).copied().collect();
    assert!(all.into_iter().eq(0..4));
}

pub(crate) async fn a_member_that_closes_leaves_its_partitions_to_the_others(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 4).await, unique("group"));
    let (mut one, two) = pair(bus, &group, &name, 2).await;
    two.close(Vec::new()).await;
    settle(&mut [&mut one], |owned| owned == [4]).await;
    let mut three = Reader::member(bus, &group, &name).await;
    settle(&mut [&mut one, &mut three], |owned| owned == [2, 2]).await;
    one.close(Vec::new()).await;
    settle(&mut [&mut three], |owned| owned == [4]).await;
}

pub(crate) async fn a_member_that_is_dropped_leaves_its_partitions_to_the_others(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 4).await, unique("group"));
    let (one, mut two) = pair(bus, &group, &name, 2).await;
    drop(one);
    settle(&mut [&mut two], |owned| owned == [4]).await;
}

pub(crate) async fn more_members_than_partitions_are_idle_but_ready(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 1).await, unique("group"));
    let mut one = Reader::member(bus, &group, &name).await;
    settle(&mut [&mut one], |owned| owned == [1]).await;
    let mut two = Reader::member(bus, &group, &name).await;
    settle(&mut [&mut one, &mut two], |owned| owned.iter().sum::<usize>() == 1).await;
    one.close(Vec::new()).await;
    settle(&mut [&mut two], |owned| owned == [1]).await;
}

pub(crate) async fn groups_do_not_share_with_each_other(bus: &dyn Bus) {
    let name = topic(bus, 2).await;
    for _ in 0..2 {
        let mut member = Reader::member(bus, &unique("group"), &name).await;
        settle(&mut [&mut member], |owned| owned == [2]).await;
    }
}

pub(crate) async fn members_together_read_everything_once(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 4).await, unique("group"));
    let all = partitions(&name, 4);
    let (mut one, mut two) = pair(bus, &group, &name, 2).await;
    for member in [&mut one, &mut two] {
        let owned: Vec<_> = member.owned.keys().map(|index| TopicPartition::new(&name, *index)).collect();
        member.start_all(&owned);
    }
    let producer = producer(bus, &name).await;
    for partition in &all {
        send_numbers(&*producer, partition, 0..100).await;
    }
    one.read(200).await;
    two.read(200).await;
    for partition in &all {
        let read = [one.offsets_of(partition), two.offsets_of(partition)].concat();
        assert_eq!(read, (0..100).collect::<Vec<_>>());
    }
}

pub(crate) async fn nothing_is_delivered_after_a_partition_is_revoked(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 2).await, unique("group"));
    let all = partitions(&name, 2);
    let producer = producer(bus, &name).await;
    for partition in &all {
        send_numbers(&*producer, partition, 0..3_000).await;
    }
    let mut one = owner(bus, &group, &name, 2).await;
    one.start_all(&all);
    one.read(1).await;
    // More is fetched by now; the reader itself asserts that nothing of the lost partition arrives any more.
    let mut two = Reader::member(bus, &group, &name).await;
    settle(&mut [&mut one, &mut two], |owned| owned == [1, 1]).await;
    let lost = usize::from(!two.owned.contains_key(&0));
    send(&*producer, &all[lost], record("not for the first")).await.unwrap();
    send(&*producer, &all[1 - lost], record("marker")).await.unwrap();
    one.start(&all[1 - lost], StartAt::Beginning);
    one.read_to("marker").await;
    two.start(&all[lost], StartAt::Beginning);
    two.read_to("not for the first").await;
}

pub(crate) async fn joining_is_cancel_safe(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 4).await, unique("group"));
    let mut one = Reader::member(bus, &group, &name).await;
    let mut two = Reader::member(bus, &group, &name).await;
    within(async {
        // The readers assert that nothing is assigned twice, nor revoked that was not assigned.
        while (one.owned.len(), two.owned.len()) != (2, 2) {
            tokio::select! {
                () = one.step() => {}
                () = two.step() => {}
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await;
}

pub(crate) async fn nothing_is_committed_at_first(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 2).await, unique("group"));
    assert_eq!(committed_of(bus, &group, &name, 2).await, [None, None]);
    // Having been a member is no commit.
    assert_eq!(committed_of(bus, &group, &name, 2).await, [None, None]);
}

pub(crate) async fn a_commit_is_read_back_with_its_note(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 1).await, unique("group"));
    let only = TopicPartition::new(&name, 0);
    let producer = producer(bus, &name).await;
    send_numbers(&*producer, &only, 0..10).await;
    let note = r#"{"fence":3,"grüße":"höflich"}"#;
    let mut member = owner(bus, &group, &name, 1).await;
    member.consumer.commit(&[commit(&only, 7, note)]).unwrap();
    member.close(Vec::new()).await;
    let mut heir = owner(bus, &group, &name, 1).await;
    assert_eq!(heir.owned[&0], Some(committed(7, note)));
    heir.start(&only, StartAt::Offset(7));
    heir.read(3).await;
    assert_eq!(heir.offsets_of(&only), [7, 8, 9]);
}

pub(crate) async fn closing_commits_what_it_is_given(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 2).await, unique("group"));
    let all = partitions(&name, 2);
    let member = owner(bus, &group, &name, 2).await;
    member.close(vec![commit(&all[0], 3, "zero"), commit(&all[1], 5, "")]).await;
    assert_eq!(committed_of(bus, &group, &name, 2).await, [Some(committed(3, "zero")), Some(committed(5, ""))]);
}

pub(crate) async fn later_commits_overtake_earlier_ones(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 1).await, unique("group"));
    let only = TopicPartition::new(&name, 0);
    let mut member = owner(bus, &group, &name, 1).await;
    for offset in 1..100 {
        member.consumer.commit(&[commit(&only, offset, &format!("at {offset}"))]).unwrap();
    }
    member.close(vec![commit(&only, 100, "at 100")]).await;
    assert_eq!(committed_of(bus, &group, &name, 1).await, [Some(committed(100, "at 100"))]);
}

pub(crate) async fn a_note_may_have_four_thousand_bytes(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 1).await, unique("group"));
    let only = TopicPartition::new(&name, 0);
    let note = "n".repeat(4_000);
    let mut member = owner(bus, &group, &name, 1).await;
    member.consumer.commit(&[commit(&only, 1, &note)]).unwrap();
    let refused = member.consumer.commit(&[commit(&only, 2, &format!("{note}n"))]);
    assert!(matches!(refused, Err(BusError::Fatal(_))), "{refused:?}");
    member.close(Vec::new()).await;
    assert_eq!(committed_of(bus, &group, &name, 1).await, [Some(committed(1, &note))]);
}

pub(crate) async fn commits_of_one_partition_leave_the_others_alone(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 2).await, unique("group"));
    let all = partitions(&name, 2);
    owner(bus, &group, &name, 2).await.close(vec![commit(&all[0], 3, "zero"), commit(&all[1], 5, "one")]).await;
    owner(bus, &group, &name, 2).await.close(vec![commit(&all[1], 6, "again")]).await;
    let expected = [Some(committed(3, "zero")), Some(committed(6, "again"))];
    assert_eq!(committed_of(bus, &group, &name, 2).await, expected);
}

pub(crate) async fn a_commit_of_what_was_revoked_has_no_effect(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 2).await, unique("group"));
    let all = partitions(&name, 2);
    let rightful = all.iter().map(|partition| commit(partition, 5, "rightful")).collect();
    owner(bus, &group, &name, 2).await.close(rightful).await;
    let (mut one, two) = pair(bus, &group, &name, 1).await;
    let lost = *two.owned.keys().next().expect("it has one, which the other had before");
    let stale = commit(&TopicPartition::new(&name, lost), 9, "stale");
    // Refused or ignored: both will do.
    drop(one.consumer.commit(std::slice::from_ref(&stale)));
    one.close(vec![stale]).await;
    two.close(Vec::new()).await;
    let unchanged = Some(committed(5, "rightful"));
    assert_eq!(committed_of(bus, &group, &name, 2).await, [unchanged.clone(), unchanged]);
}

pub(crate) async fn a_consumer_without_a_group_cannot_commit(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let only = TopicPartition::new(&name, 0);
    let producer = producer(bus, &name).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    let refused = tail.consumer.commit(&[commit(&only, 1, "")]);
    assert!(matches!(refused, Err(BusError::Fatal(_))), "{refused:?}");
    send(&*producer, &only, record("still read")).await.unwrap();
    tail.read(1).await;
    tail.close(Vec::new()).await;
}

pub(crate) async fn whoever_asks_is_told_where_a_group_stands(bus: &dyn Bus) {
    let (name, group, other) = (topic(bus, 2).await, unique("group"), unique("group"));
    let all = partitions(&name, 2);
    assert_eq!(within(bus.committed(&group, &name)).await, Ok(vec![None, None]), "nobody was ever in it");
    let member = owner(bus, &group, &name, 2).await;
    // Asked while somebody is in it: he stays, and what he commits afterwards counts.
    assert_eq!(within(bus.committed(&group, &name)).await, Ok(vec![None, None]));
    member.close(vec![commit(&all[1], 5, "one")]).await;
    assert_eq!(within(bus.committed(&group, &name)).await, Ok(vec![None, Some(committed(5, "one"))]));
    owner(bus, &group, &name, 2).await.close(vec![commit(&all[0], 3, "")]).await;
    let expected = vec![Some(committed(3, "")), Some(committed(5, "one"))];
    assert_eq!(within(bus.committed(&group, &name)).await, Ok(expected));
    assert_eq!(within(bus.committed(&other, &name)).await, Ok(vec![None, None]), "another's is another's");
}

pub(crate) async fn groups_are_found_by_how_their_names_begin(bus: &dyn Bus) {
    let (name, group) = (topic(bus, 1).await, unique("group"));
    let [first, second] = ["a", "b"].map(|part| format!("{group}.{part}"));
    assert_eq!(within(bus.groups(&group)).await, Ok(Vec::new()));
    let only = TopicPartition::new(&name, 0);
    owner(bus, &second, &name, 1).await.close(vec![commit(&only, 1, "")]).await;
    let member = owner(bus, &first, &name, 1).await;
    assert_eq!(within(bus.groups(&group)).await, Ok(vec![first.clone(), second.clone()]));
    assert_eq!(within(bus.groups(&second)).await, Ok(vec![second]));
    member.close(Vec::new()).await;
}

pub(crate) async fn where_a_group_stands_in_a_topic_that_does_not_exist_is_an_error(bus: &dyn Bus) {
    let answer = within(bus.committed(&unique("group"), &unique("topic"))).await;
    assert!(matches!(answer, Err(BusError::Fatal(_))), "{answer:?}");
}

/// Returns a member that owns all `count` partitions.
pub(crate) async fn owner(bus: &dyn Bus, group: &str, topic: &str, count: usize) -> Reader {
    let mut member = Reader::member(bus, group, topic).await;
    settle(&mut [&mut member], |owned| owned == [count]).await;
    member
}

/// Returns two members with `each` partitions each.
async fn pair(bus: &dyn Bus, group: &str, topic: &str, each: usize) -> (Reader, Reader) {
    let mut one = owner(bus, group, topic, 2 * each).await;
    let mut two = Reader::member(bus, group, topic).await;
    settle(&mut [&mut one, &mut two], |owned| owned == [each, each]).await;
    (one, two)
}

/// Returns what the next member of `group` is told was committed, by partition.
pub(crate) async fn committed_of(bus: &dyn Bus, group: &str, topic: &str, count: usize) -> Vec<Option<Committed>> {
    let member = owner(bus, group, topic, count).await;
    let read_back = member.owned.values().cloned().collect();
    member.close(Vec::new()).await;
    read_back
}

//! Laws of transactions: all or nothing, by whoever has the id and still belongs to its group.

use bytes::Bytes;
use hedgerow_bus::{Bus, Commit, Membership, StartAt, TopicPartition, TransactError, Transactions};
use wire::Record;

use super::{
    groups::{committed_of, owner},
    support::{Reader, commit, committed, partitions, producer, record, send, topic, unique, within},
};

pub(crate) async fn what_a_transaction_writes_and_commits_is_there_together(bus: &dyn Bus) {
    let (from, to, group) = (topic(bus, 1).await, topic(bus, 2).await, unique("group"));
    let (source, targets) = (TopicPartition::new(&from, 0), partitions(&to, 2));
    let member = owner(bus, &group, &from, 1).await;
    let mut transactions = open(bus, &unique("id"), &to).await;
    let first = records(&[(&targets[0], "a"), (&targets[1], "b"), (&targets[0], "c")]);
    transact(&mut *transactions, first, vec![commit(&source, 3, "at three")], &member).await.unwrap();
    transact(&mut *transactions, records(&[(&targets[0], "d")]), vec![commit(&source, 4, "at four")], &member)
        .await
        .unwrap();
    let mut tail = Reader::tail(bus).await;
    tail.start_all(&targets);
    tail.read(4).await;
    assert_eq!(payloads_of(&tail, &targets[0]), ["a", "c", "d"]);
    assert_eq!(payloads_of(&tail, &targets[1]), ["b"]);
    member.close(Vec::new()).await;
    assert_eq!(committed_of(bus, &group, &from, 1).await, [Some(committed(4, "at four"))]);
}

pub(crate) async fn transactions_in_a_row_keep_their_order_and_the_last_commit_counts(bus: &dyn Bus) {
    let (from, to, group) = (topic(bus, 1).await, topic(bus, 1).await, unique("group"));
    let (source, target) = (TopicPartition::new(&from, 0), TopicPartition::new(&to, 0));
    let member = owner(bus, &group, &from, 1).await;
    let mut transactions = open(bus, &unique("id"), &to).await;
    let payloads: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
    for (offset, payload) in (1..).zip(&payloads) {
        let of_one = records(&[(&target, payload)]);
        transact(&mut *transactions, of_one, vec![commit(&source, offset, payload)], &member).await.unwrap();
    }
    let mut tail = Reader::tail(bus).await;
    tail.start(&target, StartAt::Beginning);
    tail.read_to("20").await;
    assert_eq!(payloads_of(&tail, &target), payloads);
    member.close(Vec::new()).await;
    assert_eq!(committed_of(bus, &group, &from, 1).await, [Some(committed(20, "20"))]);
}

pub(crate) async fn a_transaction_keeps_keys_headers_and_bytes(bus: &dyn Bus) {
    let (from, to, group) = (topic(bus, 1).await, topic(bus, 1).await, unique("group"));
    let member = owner(bus, &group, &from, 1).await;
    let mut transactions = open(bus, &unique("id"), &to).await;
    let target = TopicPartition::new(&to, 0);
    let mut whole = Record { key: Some(Bytes::from_static(b"key")), ..record("body") };
    whole.headers.push("ce_id", Some(b"7"));
    whole.headers.push("null", None);
    transact(&mut *transactions, vec![(target.clone(), whole.clone())], Vec::new(), &member).await.unwrap();
    let mut tail = Reader::tail(bus).await;
    tail.start(&target, StartAt::Beginning);
    assert_eq!(tail.read(1).await[0].record, whole);
}

pub(crate) async fn offsets_alone_are_committed_too(bus: &dyn Bus) {
    let (from, to, group) = (topic(bus, 2).await, topic(bus, 1).await, unique("group"));
    let member = owner(bus, &group, &from, 2).await;
    let mut transactions = open(bus, &unique("id"), &to).await;
    let commits = partitions(&from, 2).iter().map(|partition| commit(partition, 7, "")).collect();
    transact(&mut *transactions, Vec::new(), commits, &member).await.unwrap();
    member.close(Vec::new()).await;
    assert_eq!(committed_of(bus, &group, &from, 2).await, [Some(committed(7, "")), Some(committed(7, ""))]);
}

pub(crate) async fn who_has_left_its_group_writes_and_commits_nothing(bus: &dyn Bus) {
    let (from, to, group) = (topic(bus, 1).await, topic(bus, 1).await, unique("group"));
    let (source, target) = (TopicPartition::new(&from, 0), TopicPartition::new(&to, 0));
    let zombie = owner(bus, &group, &from, 1).await;
    let mut transactions = open(bus, &unique("id"), &to).await;
    transact(&mut *transactions, records(&[(&target, "before")]), vec![commit(&source, 1, "")], &zombie).await.unwrap();
    let stale = zombie.consumer.membership().unwrap();
    zombie.close(Vec::new()).await;
    let heir = owner(bus, &group, &from, 1).await;
    let refused =
        within(transactions.transact(records(&[(&target, "late")]), vec![commit(&source, 2, "")], stale)).await;
    assert!(matches!(refused, Err(TransactError::Aborted(_))), "{refused:?}");
    // The same transactions serve whoever belongs to the group now.
    transact(&mut *transactions, records(&[(&target, "after")]), vec![commit(&source, 3, "")], &heir).await.unwrap();
    let mut tail = Reader::tail(bus).await;
    tail.start(&target, StartAt::Beginning);
    tail.read_to("after").await;
    assert_eq!(payloads_of(&tail, &target), ["before", "after"]);
    heir.close(Vec::new()).await;
    assert_eq!(committed_of(bus, &group, &from, 1).await, [Some(committed(3, ""))]);
}

pub(crate) async fn who_opens_an_id_fences_off_whoever_had_it(bus: &dyn Bus) {
    let (from, to, group, id) = (topic(bus, 1).await, topic(bus, 1).await, unique("group"), unique("id"));
    let target = TopicPartition::new(&to, 0);
    let member = owner(bus, &group, &from, 1).await;
    let mut former = open(bus, &id, &to).await;
    transact(&mut *former, records(&[(&target, "before")]), Vec::new(), &member).await.unwrap();
    let mut latter = open(bus, &id, &to).await;
    for _ in 0..2 {
        let refused = transact(&mut *former, records(&[(&target, "late")]), Vec::new(), &member).await;
        assert!(matches!(refused, Err(TransactError::Broken(_))), "{refused:?}");
    }
    transact(&mut *latter, records(&[(&target, "after")]), Vec::new(), &member).await.unwrap();
    let mut tail = Reader::tail(bus).await;
    tail.start(&target, StartAt::Beginning);
    tail.read_to("after").await;
    assert_eq!(payloads_of(&tail, &target), ["before", "after"]);
}

pub(crate) async fn a_record_over_the_limit_spoils_its_transaction_only(bus: &dyn Bus) {
    let (from, to, group) = (topic(bus, 1).await, topic(bus, 1).await, unique("group"));
    let target = TopicPartition::new(&to, 0);
    let member = owner(bus, &group, &from, 1).await;
    let mut transactions = open(bus, &unique("id"), &to).await;
    let large = "x".repeat(2 << 20);
    let spoilt = records(&[(&target, "beside"), (&target, &large)]);
    let refused = Err(TransactError::TooLarge(to.as_str().into()));
    assert_eq!(transact(&mut *transactions, spoilt, Vec::new(), &member).await, refused);
    transact(&mut *transactions, records(&[(&target, "after")]), Vec::new(), &member).await.unwrap();
    let mut tail = Reader::tail(bus).await;
    tail.start(&target, StartAt::Beginning);
    tail.read_to("after").await;
    assert_eq!(payloads_of(&tail, &target), ["after"]);
}

pub(crate) async fn what_is_sent_beside_transactions_is_read_among_them(bus: &dyn Bus) {
    let (from, to, group) = (topic(bus, 1).await, topic(bus, 1).await, unique("group"));
    let target = TopicPartition::new(&to, 0);
    let member = owner(bus, &group, &from, 1).await;
    let mut transactions = open(bus, &unique("id"), &to).await;
    let plain = producer(bus, &to).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&target, StartAt::Beginning);
    transact(&mut *transactions, records(&[(&target, "one")]), Vec::new(), &member).await.unwrap();
    send(&*plain, &target, record("two")).await.unwrap();
    transact(&mut *transactions, records(&[(&target, "three")]), Vec::new(), &member).await.unwrap();
    tail.read_to("three").await;
    assert_eq!(payloads_of(&tail, &target), ["one", "two", "three"]);
}

async fn open(bus: &dyn Bus, id: &str, topic: &str) -> Box<dyn Transactions> {
    within(bus.transactions(id, &[topic])).await.unwrap()
}

fn records(wanted: &[(&TopicPartition, &str)]) -> Vec<(TopicPartition, Record)> {
    wanted.iter().map(|(to, payload)| ((*to).clone(), record(payload))).collect()
}

async fn transact(
    transactions: &mut dyn Transactions,
    records: Vec<(TopicPartition, Record)>,
    commits: Vec<Commit>,
    by: &Reader,
) -> Result<(), TransactError> {
    let by: Membership = by.consumer.membership().unwrap();
    within(transactions.transact(records, commits, by)).await
}

fn payloads_of(reader: &Reader, partition: &TopicPartition) -> Vec<String> {
    let of = reader.records.iter().filter(|received| received.partition == *partition);
    of.map(|received| String::from_utf8(received.record.payload.clone().unwrap().to_vec()).unwrap()).collect()
}

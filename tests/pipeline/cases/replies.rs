//! Results that go where their callers want them, besides the results topic.

use std::{collections::BTreeMap, sync::Arc};

use bus::{Event, StartAt, TopicPartition, TopicSpec};
use bytes::Bytes;
use starter::RawInput;
use tokio::time::timeout;
use wire::{DeadLetter, Headers, Record, ReplyTo};

use crate::rendezvous::{PATIENCE, Rendezvous, put};

/// One executor, which answers at once.
pub(crate) const PROMPT: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class }
executors:
  quick: { constant: { answer: { class: 1 } } }
decide:
  - first:
    until: 15s
  - default: { class: unknown }
";

fn input(headers: &[(&str, &str)], x: u32) -> Record {
    let mut all = Headers::default();
    for (name, value) in headers {
        all.push(name, Some(value.as_bytes()));
    }
    let (key, payload) = (Bytes::from(format!("key-{x}")), Bytes::from(format!("{{\"x\": {x}}}")));
    Record { key: Some(key), headers: all, payload: Some(payload) }
}

/// Reads all that is in `topic` up to its `count`th record.
async fn read(rendezvous: &Rendezvous, topic: &str, count: usize) -> Vec<Record> {
    let mut tail = rendezvous.app.bus.tail().await.unwrap();
    for partition in 0..rendezvous.app.bus.partitions(topic).await.unwrap() {
        tail.start(&TopicPartition::new(topic, partition), StartAt::Beginning).unwrap();
    }
    let mut read = Vec::new();
    while read.len() < count {
        let event = timeout(PATIENCE, tail.next()).await;
        let Ok(event) = event else { panic!("only {} of {count} records of {topic}", read.len()) };
        if let Event::Records(records) = event.unwrap() {
            read.extend(records.into_iter().map(|received| received.record));
        }
    }
    tail.close(Vec::new()).await;
    read
}

pub(crate) async fn a_result_goes_where_its_caller_wants_it_if_that_is_allowed(rendezvous: Rendezvous) {
    let name = rendezvous.app.definition().name().to_string();
    let topic = format!("replies-{name}");
    let spec = TopicSpec { name: topic.clone(), partitions: 3, retention: None, compacted: false };
    rendezvous.app.bus.create_topics(&[spec]).await.unwrap();
    let inputs = rendezvous.topics().inputs;
    let producer = rendezvous.app.bus.producer(&[&inputs]).await.unwrap();
    let wanted = [
        // What nobody allowed, what is not there, and a partition that is not there, are in nobody's way.
        [("ce_replyto", "elsewhere"), ("ce_correlationid", "0")],
        [("ce_replyto", "replies-absent"), ("ce_correlationid", "1")],
        [("ce_replyto", &format!("{topic}/3")), ("ce_correlationid", "2")],
        [("ce_replyto", &topic), ("ce_correlationid", "3")],
        [("kafka_replyTopic", &topic), ("kafka_correlationId", "4")],
    ];
    for (x, headers) in (0..).zip(&wanted) {
        put(&*producer, &inputs, 0, input(headers, x)).await;
    }
    let address = format!("{topic}/2").parse().unwrap();
    let reply = ReplyTo { address, key: None, correlation: Some(Bytes::from_static(b"5")) };
    let body = Bytes::from_static(b"{\"x\": 5}");
    let asked = RawInput { body, reply: Some(Arc::new(reply)), ..RawInput::default() };
    let answered = timeout(PATIENCE, rendezvous.starter().ask(asked)).await.unwrap().unwrap();

    let replies = read(&rendezvous, &topic, 3).await;
    let header = |of: &Record, name| of.headers.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let by_correlation: BTreeMap<_, _> =
        replies.iter().map(|reply| (header(reply, "kafka_correlationId").unwrap(), reply)).collect();
    assert_eq!(by_correlation.keys().collect::<Vec<_>>(), ["3", "4", "5"]);
    for (correlation, reply) in &by_correlation {
        assert_eq!(header(reply, "ce_correlationid").as_ref(), Some(correlation));
        assert_eq!(header(reply, "ce_type").as_deref(), Some("dev.hedgerow.result.v1"));
        assert!(reply.payload.as_deref().unwrap().starts_with(b"{\"answer\":{\"class\":1}"), "{reply:?}");
    }
    assert_eq!(by_correlation["3"].key.as_deref(), Some(&b"key-3"[..]), "it has its input's key");
    assert_eq!(header(by_correlation["5"], "ce_id"), Some(answered.id.to_string()), "a caller who waits has both");

    let letters = read(&rendezvous, &rendezvous.topics().dead_letters, 1).await;
    let (_, reason) = DeadLetter::describe(&letters[0]).unwrap();
    assert_eq!(reason, "the reply topic `elsewhere` is not among those that the operator allows with --reply-topics");
    rendezvous.has_results(5).await;
    rendezvous.stop().await;
}

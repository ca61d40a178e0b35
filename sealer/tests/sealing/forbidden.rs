//! Replies to topics of which one may not be written to.

use std::sync::Arc;

use bus::{Bus, Clock, EmbeddedBus, Event, StartAt, TopicPartition, TopicSpec};
use bytes::Bytes;
use hedgerow_sealer::{Destination, Metrics, SealerStation, run};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{Fence, Fencing, PolicyRef, Record, RendezvousName, ReplyTo, RequestId, ResultKind, ResultRecord, Topics};

use crate::scene::PATIENCE;

const RESULTS: usize = 200;
const FENCING: Fencing = Fencing { epoch: 1, instance: Uuid::from_u128(1) };

/// A result that its caller wants in `topic`.
fn result(rendezvous: &RendezvousName, number: usize, topic: &str) -> Record {
    let policy = PolicyRef { rendezvous: rendezvous.clone(), version: 1 };
    let request = RequestId::from_key(rendezvous, &number.to_string());
    let reply = Some(Arc::new(ReplyTo { address: topic.parse().unwrap(), key: None, correlation: None }));
    let (kind, body) = (ResultKind::Prediction, Bytes::from(number.to_string()));
    ResultRecord { request, policy, kind, key: None, reply, fencing: FENCING, body }.encode()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_may_not_be_written_to_costs_no_other_caller_its_reply() {
    let bus = EmbeddedBus::new(Clock::system());
    let rendezvous = RendezvousName::new("wine").unwrap();
    let topics = Topics::of(&rendezvous);
    let spec = |name: &str| TopicSpec { name: name.to_owned(), partitions: 1, retention: None, compacted: false };
    bus.create_topics(&[spec(&topics.results), spec("open"), spec("closed")]).await.unwrap();
    bus.faults().forbid("closed");
    let producer = bus.producer(&[&topics.results]).await.unwrap();
    let of = |number: usize| result(&rendezvous, number, if number.is_multiple_of(2) { "open" } else { "closed" });
    for record in std::iter::once(Fence(FENCING).encode()).chain((0..RESULTS).map(of)) {
        producer
            .send(&TopicPartition::new(&topics.results, 0), record, Box::new(|sent| assert!(sent.is_ok())))
            .unwrap();
    }
    let (stop, metrics, (ready, _)) = (CancellationToken::new(), Arc::new(Metrics::default()), oneshot::channel());
    let to = Destination::Replies("open,closed".parse().unwrap());
    let counted = Arc::clone(&metrics);
    let station = SealerStation { bus: bus.clone(), clock: Clock::system(), rendezvous, to, metrics };
    let work = tokio::spawn(run(station, stop.clone(), ready));

    let mut tail = bus.tail().await.unwrap();
    tail.start(&TopicPartition::new("open", 0), StartAt::Beginning).unwrap();
    let mut replies: Vec<usize> = Vec::new();
    while replies.len() < RESULTS / 2 {
        let event = timeout(PATIENCE, tail.next()).await.expect("the replies go on").unwrap();
        let Event::Records(records) = event else { continue };
        let number =
            |payload: Option<Bytes>| String::from_utf8(payload.unwrap().to_vec()).unwrap().parse::<usize>().unwrap();
        replies.extend(records.into_iter().map(|received| number(received.record.payload)));
    }
    assert_eq!(replies, (0..RESULTS).step_by(2).collect::<Vec<_>>(), "each once, in order");
    stop.cancel();
    timeout(PATIENCE, work).await.expect("it stops in time").unwrap().unwrap();
    let told = counted.misdirected_for(hedgerow_sealer::Reason::Forbidden);
    assert_eq!((told, counted.restarts.get()), (RESULTS as u64 / 2, 0));
}

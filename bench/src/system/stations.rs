//! Three executors on plain rdkafka: one fetch, an answer each, stragglers from a thread that waits for them.
//!
//! What a user would write who needs no more: nothing is batched, dropped or committed.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use bytes::Bytes;
use rdkafka::{Message, producer::BaseRecord};
use tokio::{
    runtime::Handle,
    time::{Instant as At, sleep_until},
};
use uuid::Uuid;
use wire::{RequestId, Topics};

use crate::{
    kafka::{self, Producer},
    work::{CANDIDATES, PARTITIONS, Work},
};

/// Starts them: each response carries in its first byte whose it is.
pub(super) fn start(brokers: &str, topics: &Topics, work: Work, stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let requests = kafka::consumer(brokers, &topics.requests)?;
    let (producer, to) = (kafka::producer(brokers)?, topics.responses.clone());
    let runtime = Handle::current();
    kafka::each("executors", requests, stop, move |message| {
        let (id, heard) = (kafka::request_of(message), Instant::now());
        let body = Bytes::copy_from_slice(message.payload().unwrap_or_default());
        for place in 0..CANDIDATES.len() {
            let takes = work.takes(id, place);
            if takes.is_zero() {
                respond(&producer, &to, id, place, &body);
                continue;
            }
            let (producer, to, body) = (producer.clone(), to.clone(), body.clone());
            runtime.spawn(async move {
                sleep_until(At::from_std(heard + takes)).await;
                respond(&producer, &to, id, place, &body);
            });
        }
    })
}

fn respond(producer: &Producer, topic: &str, id: Uuid, place: usize, body: &[u8]) {
    let mut payload = vec![u8::try_from(place).unwrap_or(u8::MAX)];
    payload.extend_from_slice(body);
    let record = BaseRecord::to(topic)
        .partition(RequestId::from_uuid(id).partition(PARTITIONS))
        .key(id.as_bytes().as_slice())
        .payload(payload.as_slice());
    kafka::send(producer, record);
}

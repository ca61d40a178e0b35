//! Questions to brokers. rdkafka asks them on the caller's thread until there is an answer, so each gets its own.

use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset,
    consumer::{Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
    metadata::Metadata,
};
use tokio::sync::oneshot;

use wire::Timestamp;

use super::{ANSWER_WITHIN, Asker, error, group::native};
use crate::{BusError, TopicPartition};

/// Asks on a thread and waits for the answer. Dropped, it no longer waits; the thread ends when its own bound does.
pub(super) async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, BusError> + Send + 'static,
) -> Result<T, BusError> {
    let (tell, told) = oneshot::channel();
    aside("kafka-question", move || drop(tell.send(question())))?;
    told.await.unwrap_or_else(|_| Err(BusError::Fatal("a thread that asked Kafka something has failed".to_owned())))
}

/// Does `work` on a thread of its own.
pub(super) fn aside(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), BusError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| BusError::Fatal(format!("a thread cannot be started: {error}")))
}

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again while the answer is one that passes by itself: a new topic's leader that has not heard of it yet, a leader
/// that moves. Blocks, for `ANSWER_WITHIN` and what the last question takes.
pub(super) fn patiently<T>(mut question: impl FnMut() -> KafkaResult<T>) -> KafkaResult<T> {
    let started = Instant::now();
    loop {
        match question() {
            Err(error) if passes(&error) && started.elapsed() < ANSWER_WITHIN => thread::sleep(PAUSE),
            answer => return answer,
        }
    }
}

/// Asks for the offsets that `partition` holds. Blocks.
pub(super) fn span(asker: &Asker, partition: &TopicPartition) -> Result<Range<i64>, BusError> {
    let question = || asker.fetch_watermarks(&partition.topic, partition.partition, ANSWER_WITHIN);
    let (low, high) = answered(asker, &format!("ask what {partition} holds"), patiently(question))?;
    Ok(low..high)
}

/// Asks for the offset of the first record of `partition` at or after `at`, or for the end. Blocks.
pub(super) fn locate(asker: &Asker, partition: &TopicPartition, at: Timestamp) -> Result<i64, BusError> {
    let question = || first_at(&**asker, partition, at, ANSWER_WITHIN);
    answered(asker, &format!("ask where in {partition} an instant lies"), patiently(question))
}

/// Asks once for the offset of the first record of `partition` at or after `at`, or for the end. Blocks.
pub(super) fn first_at<C: ConsumerContext>(
    client: &impl Consumer<C>,
    partition: &TopicPartition,
    at: Timestamp,
    within: Duration,
) -> KafkaResult<i64> {
    // Kafka's instants are milliseconds, rounded down: the first that is not before `at` is the next one up.
    let millis = at.as_micros().div_euclid(1_000) + i64::from(at.as_micros().rem_euclid(1_000) > 0);
    // The end is asked for first: what is appended between the two questions must not be missed.
    let (_, end) = client.fetch_watermarks(&partition.topic, partition.partition, within)?;
    let mut times = native([partition]);
    times.set_all_offsets(Offset::Offset(millis.max(0)))?;
    let answer = client.offsets_for_times(times, within)?;
    let found = answer.find_partition(&partition.topic, partition.partition);
    match found.map(|found| found.error().map(|()| found.offset())).transpose()? {
        Some(Offset::Offset(offset)) => Ok(offset),
        _ => Ok(end),
    }
}

/// Asks for what is known of `topic`, or of all of them. Blocks.
pub(super) fn metadata(asker: &Asker, what: &str, topic: Option<&str>) -> Result<Metadata, BusError> {
    answered(asker, what, asker.fetch_metadata(topic, ANSWER_WITHIN))
}

fn answered<T>(asker: &Asker, what: &str, answer: KafkaResult<T>) -> Result<T, BusError> {
    answer.inspect(|_| asker.context().forget()).map_err(|error| asker.context().explain(what, &error))
}

fn passes(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| !error::is_fatal(code) && !error::is_absence(code))
}

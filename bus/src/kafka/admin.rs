//! Topics: what there is, and what is made.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::IsError,
    types::RDKafkaErrorCode as Code,
};

use super::{
    ANSWER_WITHIN, Asker, KafkaSettings, error,
    question::{self, ask},
};
use crate::{BusError, TopicSpec};

/// How long new topics may take until every partition has a leader.
const CREATED_WITHIN: Duration = Duration::from_secs(15);
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(20);
const REPLICATION: i16 = 3;
/// A compacted topic begins a new segment after so much; larger than the largest record.
const SEGMENT_BYTES: &str = "33554432";
/// And after ten minutes.
const SEGMENT_MILLIS: &str = "600000";

/// What is known of a topic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// There is none.
    Nothing,
    /// It has so many partitions, not all of which can be used yet.
    Coming(i32),
    /// It has so many partitions.
    Ready(i32),
}

/// Returns how many partitions `topic` has.
pub(super) async fn partitions(asker: &Asker, topic: &str) -> Result<i32, BusError> {
    match known(asker, topic).await? {
        Known::Nothing => Err(BusError::Fatal(format!("there is no topic {topic}"))),
        Known::Coming(partitions) | Known::Ready(partitions) => Ok(partitions),
    }
}

/// Creates those of `topics` that do not exist and waits until all can be used.
pub(super) async fn create_topics(
    settings: &KafkaSettings,
    asker: &Asker,
    topics: &[TopicSpec],
) -> Result<(), BusError> {
    let (mut missing, mut unready) = (Vec::new(), Vec::new());
    for spec in topics {
        match settled(spec, known(asker, &spec.name).await?)? {
            Known::Ready(_) => {}
            Known::Coming(_) => unready.push(spec),
            Known::Nothing => missing.push(spec),
        }
    }
    if !missing.is_empty() {
        create(settings, replication(settings, asker).await?, &missing).await?;
    }
    for spec in unready.into_iter().chain(missing) {
        wait_until_ready(asker, spec).await?;
    }
    Ok(())
}

async fn create(settings: &KafkaSettings, replication: i16, missing: &[&TopicSpec]) -> Result<(), BusError> {
    let admin: Arc<AdminClient<DefaultClientContext>> = super::create(|| settings.asker().create())?;
    let retentions: Vec<String> =
        missing.iter().map(|spec| spec.retention.map_or(String::new(), |kept| kept.as_millis().to_string())).collect();
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .zip(&retentions)
        .map(|(spec, retention)| new_topic(settings, replication, spec, retention))
        .collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN)).operation_timeout(Some(ANSWER_WITHIN));
    let outcomes = admin.create_topics(&new, &options).await;
    // Its drop waits for its thread.
    question::aside("kafka-admin", move || drop(admin))?;
    for outcome in outcomes.map_err(|error| error::sorted("create topics", &error))? {
        match outcome {
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((name, code)) => return Err(error::sorted_code(&format!("create the topic {name}"), code)),
        }
    }
    Ok(())
}

fn new_topic<'a>(
    settings: &'a KafkaSettings,
    replication: i16,
    spec: &'a TopicSpec,
    retention: &'a str,
) -> NewTopic<'a> {
    let mut topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(i32::from(replication)))
        // The broker's clock is the one clock by which deadlines are judged.
        .set("message.timestamp.type", "LogAppendTime");
    if !retention.is_empty() {
        topic = topic.set("retention.ms", retention);
    }
    if spec.compacted {
        // Only what lies in a closed segment is compacted, and the broker's own are a gigabyte and a week: where a key is
        // written again every few seconds, the topic shall hold a few times what is newest, and be read in a moment.
        topic = topic
            .set("cleanup.policy", if spec.retention.is_some() { "compact,delete" } else { "compact" })
            .set("segment.bytes", SEGMENT_BYTES)
            .set("segment.ms", SEGMENT_MILLIS)
            .set("min.cleanable.dirty.ratio", "0.1");
    }
    if replication >= REPLICATION {
        topic = topic.set("min.insync.replicas", "2");
    }
    if let Some(bytes) = settings.record_bytes_max() {
        topic = topic.set("max.message.bytes", bytes);
    }
    topic
}

async fn wait_until_ready(asker: &Asker, spec: &TopicSpec) -> Result<(), BusError> {
    let started = Instant::now();
    while !matches!(settled(spec, known(asker, &spec.name).await?)?, Known::Ready(_)) {
        if started.elapsed() > CREATED_WITHIN {
            return Err(BusError::Unavailable(format!("the topic {} has partitions without a leader", spec.name)));
        }
        // Brokers learn of topics one after the other and tell nobody.
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Refuses a topic that exists with another number of partitions.
fn settled(spec: &TopicSpec, known: Known) -> Result<Known, BusError> {
    match known {
        Known::Coming(partitions) | Known::Ready(partitions) if partitions != spec.partitions => {
            let (name, wanted) = (&spec.name, spec.partitions);
            Err(BusError::Fatal(format!("the topic {name} exists with {partitions} partitions, not {wanted}")))
        }
        known => Ok(known),
    }
}

async fn known(asker: &Asker, topic: &str) -> Result<Known, BusError> {
    let (asker, topic) = (Arc::clone(asker), topic.to_owned());
    ask(move || {
        let wanted = format!("ask for the partitions of {topic}");
        let metadata = question::metadata(&asker, &wanted, Some(&topic))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(Known::Nothing);
        };
        match found.error().filter(IsError::is_error).map(Code::from) {
            None | Some(Code::LeaderNotAvailable) => {}
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => return Ok(Known::Nothing),
            Some(code) => return Err(error::sorted_code(&wanted, code)),
        }
        let partitions = i32::try_from(found.partitions().len()).unwrap_or(i32::MAX);
        let usable = found.partitions().iter().all(|partition| partition.leader() >= 0);
        Ok(match partitions {
            0 => Known::Nothing,
            _ if usable => Known::Ready(partitions),
            _ => Known::Coming(partitions),
        })
    })
    .await
}

async fn replication(settings: &KafkaSettings, asker: &Asker) -> Result<i16, BusError> {
    if let Some(chosen) = settings.replication {
        return Ok(chosen);
    }
    let asker = Arc::clone(asker);
    let brokers = ask(move || Ok(question::metadata(&asker, "count the brokers", None)?.brokers().len()));
    Ok(i16::try_from(brokers.await?).unwrap_or(REPLICATION).clamp(1, REPLICATION))
}

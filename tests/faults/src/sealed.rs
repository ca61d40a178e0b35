//! Whether a consumer that knows nothing but the topic's name reads each result once.

use std::{
    collections::{BTreeMap, HashSet},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};
use uuid::Uuid;
use wire::{RequestId, Topics};

use crate::{deployment::Deployment, log::Log};

/// A broker that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is valid is sealed soon, and what a killed sealer left open is given up by the broker within seconds.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Waits until what is valid is sealed, as long as is bearable.
pub(crate) fn catch_up(deployment: &Deployment, log: &Log) -> anyhow::Result<()> {
    let began = Instant::now();
    while problem(deployment, log)?.is_some() && began.elapsed() < CATCHES_UP_WITHIN {
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Returns what is wrong with the sealed topic, given the valid results: it holds them and no others, in their order.
pub(crate) fn problem(deployment: &Deployment, log: &Log) -> anyhow::Result<Option<String>> {
    let sealed = read(&deployment.brokers(), &Topics::of(deployment.name()).sealed)?;
    Ok(log.valid.iter().find_map(|(partition, valid)| {
        let valid: Vec<RequestId> = valid.iter().map(|(_, request)| *request).collect();
        let sealed = sealed.get(partition).map_or(&[][..], Vec::as_slice);
        let differs = (0..valid.len().max(sealed.len())).find(|index| valid.get(*index) != sealed.get(*index))?;
        Some(format!(
            "what is sealed is not what is valid: partition {partition} has {} results and {} sealed ones, the first that \
             differs is {differs}, {} are sealed twice, {} were never valid",
            valid.len(),
            sealed.len(),
            sealed.len() - sealed.iter().collect::<HashSet<_>>().len(),
            sealed.iter().filter(|request| !valid.contains(request)).count(),
        ))
    }))
}

/// Reads what is committed, as any consumer in any language would, to its end.
fn read(brokers: &str, topic: &str) -> anyhow::Result<BTreeMap<i32, Vec<RequestId>>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "a plain consumer")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    let mut all = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions)? {
        all.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    let (mut sealed, mut ended) = (BTreeMap::<_, Vec<_>>::new(), 0);
    while ended < partitions {
        match consumer.poll(PATIENCE).context("the broker says nothing about what is sealed")? {
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            message => {
                let message = message?;
                let request = Uuid::from_slice(message.key().unwrap_or_default())?;
                sealed.entry(message.partition()).or_default().push(RequestId::from_uuid(request));
            }
        }
    }
    Ok(sealed)
}

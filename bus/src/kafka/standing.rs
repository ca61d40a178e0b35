//! Where groups stand, asked by somebody who is in none of them.

use rdkafka::{
    Offset,
    consumer::{BaseConsumer, Consumer as _},
};

use super::{ANSWER_WITHIN, Asker, Heard, KafkaSettings, error, group::native, question::patiently};
use crate::{BusError, Committed, TopicPartition};

/// Asks what `group` committed of the `count` partitions of `topic`. A client speaks for one group, so each question has
/// one of its own, which joins nothing. Blocks.
pub(super) fn committed(
    settings: &KafkaSettings,
    group: &str,
    topic: &str,
    count: i32,
) -> Result<Vec<Option<Committed>>, BusError> {
    let what = format!("ask where {group} stands in {topic}");
    let onlooker = settings.onlooker(group).create_with_context(Heard::default());
    let onlooker: BaseConsumer<Heard> = onlooker.map_err(|error| error::sorted(&what, &error))?;
    let partitions: Vec<TopicPartition> = (0..count).map(|index| TopicPartition::new(topic, index)).collect();
    let question = || {
        let answer = onlooker.committed_offsets(native(&partitions), ANSWER_WITHIN)?;
        partitions
            .iter()
            .map(|partition| {
                let Some(found) = answer.find_partition(&partition.topic, partition.partition) else { return Ok(None) };
                found.error()?;
                Ok(match found.offset() {
                    Offset::Offset(offset) => Some(Committed { offset, metadata: found.metadata().to_owned() }),
                    _ => None,
                })
            })
            .collect()
    };
    patiently(question).map_err(|error| onlooker.context().explain(&what, &error))
}

/// Asks for the names of all groups that begin with `prefix`. Blocks.
pub(super) fn groups(asker: &Asker, prefix: &str) -> Result<Vec<String>, BusError> {
    let answer = patiently(|| asker.fetch_group_list(None, ANSWER_WITHIN));
    let answer = answer.map_err(|error| asker.context().explain("ask which groups there are", &error))?;
    let names = answer.groups().iter().map(|group| group.name().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

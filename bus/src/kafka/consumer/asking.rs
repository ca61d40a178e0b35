//! Questions on a consumer's behalf. Each is asked on a thread until it is answered or the consumer is gone, and its
//! answer goes into the inbox. A broker that is away only makes it take longer.

use std::{sync::Arc, thread, time::Duration};

use rdkafka::{Offset, consumer::Consumer as _, error::KafkaError};
use wire::Timestamp;

use super::Client;
use crate::{
    Assigned, BusError, Committed, TopicPartition,
    kafka::{
        error,
        group::native,
        inbox::{Inbox, Told},
        question::{aside, first_at},
    },
};

/// How long one try may take.
const TRY_FOR: Duration = Duration::from_secs(1);
/// How long to wait before the next, when it failed at once.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks what the group has committed of `given`, the `round`-th gift.
pub(super) fn committed(
    client: &Client,
    inbox: &Arc<Inbox>,
    round: u64,
    given: Vec<TopicPartition>,
) -> Result<(), BusError> {
    persist(client, inbox, move |client| {
        let answer = client.committed_offsets(native(&given), TRY_FOR)?;
        for element in answer.elements() {
            element.error()?;
        }
        let assigned = given.iter().map(|partition| {
            let found = answer.find_partition(&partition.topic, partition.partition);
            let committed = found.and_then(|found| match found.offset() {
                Offset::Offset(offset) => Some(Committed { offset, metadata: found.metadata().to_owned() }),
                _ => None,
            });
            Assigned { partition: partition.clone(), committed }
        });
        Ok(vec![Told::Committed(round, assigned.collect())])
    })
}

/// Asks at which offset the `epoch`-th start, of `partition` at `instant`, begins.
pub(super) fn located(
    client: &Client,
    inbox: &Arc<Inbox>,
    epoch: u64,
    partition: TopicPartition,
    instant: Timestamp,
) -> Result<(), BusError> {
    persist(client, inbox, move |client| {
        let offset = first_at(&**client, &partition, instant, TRY_FOR)?;
        Ok(vec![Told::Located(epoch, offset)])
    })
}

/// Has the client learn at once who leads `topic`: by itself it looks for topics that are new to it once a second. If that
/// fails, it does so then.
pub(super) fn look_up(client: &Client, topic: Arc<str>) -> Result<(), BusError> {
    let client = Arc::downgrade(client);
    aside("kafka-question", move || {
        if let Some(Err(error)) = client.upgrade().map(|client| client.fetch_metadata(Some(&topic), TRY_FOR)) {
            tracing::debug!(%error, topic = &*topic, "a topic is looked for again");
        }
    })
}

/// Asks which of `positions` are not held. librdkafka says that there is one, but not which.
pub(super) fn gone(
    client: &Client,
    inbox: &Arc<Inbox>,
    positions: Vec<(u64, TopicPartition, i64)>,
) -> Result<(), BusError> {
    persist(client, inbox, move |client| {
        let mut gone = Vec::new();
        for (epoch, partition, offset) in &positions {
            let (low, high) = client.fetch_watermarks(&partition.topic, partition.partition, TRY_FOR)?;
            if !(low..=high).contains(offset) {
                let told = BusError::OffsetGone { partition: partition.clone(), offset: *offset, low, high };
                gone.push(Told::Gone(*epoch, told));
            }
        }
        Ok(gone)
    })
}

/// Asks whether any broker can be reached, and if none can, until one can.
pub(super) fn whether_away(client: &Client, inbox: &Arc<Inbox>) -> Result<(), BusError> {
    let told = Arc::clone(inbox);
    let mut away = false;
    persist(client, inbox, move |client| match client.fetch_metadata(None, TRY_FOR) {
        Ok(_) => Ok(vec![Told::Back]),
        Err(error) => {
            if !std::mem::replace(&mut away, true) {
                let (reason, error) = (told.reason(), &error);
                told.tell(Told::Away(format!("no broker of Kafka can be reached: {error} ({reason})")));
            }
            Err(error)
        }
    })
}

/// Asks until there is an answer, the consumer is gone, or asking again cannot help.
fn persist(
    client: &Client,
    inbox: &Arc<Inbox>,
    mut question: impl FnMut(&Client) -> Result<Vec<Told>, KafkaError> + Send + 'static,
) -> Result<(), BusError> {
    let (client, inbox) = (Arc::downgrade(client), Arc::clone(inbox));
    aside("kafka-question", move || {
        while let Some(client) = client.upgrade().filter(|_| !inbox.is_closed()) {
            match question(&client) {
                Ok(answers) => return answers.into_iter().for_each(|answer| inbox.tell(answer)),
                Err(error) => match error::sorted("ask Kafka for an offset", &error) {
                    fatal @ BusError::Fatal(_) => return inbox.tell(Told::Broken(fatal)),
                    _ => drop(client),
                },
            }
            thread::sleep(PAUSE);
        }
    })
}

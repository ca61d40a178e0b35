//! Does what a partition wants done: reads, writes, asks. Each action is one call to the bus.

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Consumer, Producer, StartAt, TopicPartition};
use tokio::task::JoinSet;
use wire::{CONTROL_TOPIC, Record, Topics};

use super::{
    CollectorError, CollectorStation,
    inbox::{Inbox, Item, News},
};
use crate::{
    ledger::{Action, Spans},
    metrics::Fact,
    partition::{Output, Partition, Source},
};

/// A question that the bus could not answer is asked again so much later.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The topics' names, shared by all that is said about their partitions.
#[derive(Clone)]
pub(super) struct Names {
    requests: Arc<str>,
    responses: Arc<str>,
    results: Arc<str>,
    dead_letters: Arc<str>,
    control: Arc<str>,
}

/// What acts, borrowed from the desk for one round.
pub(super) struct Hands<'desk> {
    pub(super) station: &'desk CollectorStation,
    pub(super) names: &'desk Names,
    pub(super) producer: &'desk Arc<dyn Producer>,
    pub(super) hasty: &'desk mut Box<dyn Consumer>,
    pub(super) requests: &'desk mut Box<dyn Consumer>,
    pub(super) responses: &'desk mut Box<dyn Consumer>,
    pub(super) results: &'desk mut Box<dyn Consumer>,
    pub(super) inbox: &'desk Arc<Inbox>,
    pub(super) surveys: &'desk mut JoinSet<()>,
    /// How many partitions there were when the station began.
    pub(super) count: i32,
}

// === impl Names ===

impl Names {
    pub(super) fn of(topics: &Topics) -> Self {
        Self {
            requests: topics.requests.as_str().into(),
            responses: topics.responses.as_str().into(),
            results: topics.results.as_str().into(),
            dead_letters: topics.dead_letters.as_str().into(),
            control: CONTROL_TOPIC.into(),
        }
    }

    pub(super) fn requests(&self, partition: i32) -> TopicPartition {
        TopicPartition { topic: self.requests.clone(), partition }
    }

    pub(super) fn responses(&self, partition: i32) -> TopicPartition {
        TopicPartition { topic: self.responses.clone(), partition }
    }

    pub(super) fn results(&self, partition: i32) -> TopicPartition {
        TopicPartition { topic: self.results.clone(), partition }
    }

    fn dead_letters(&self, partition: i32) -> TopicPartition {
        TopicPartition { topic: self.dead_letters.clone(), partition }
    }

    pub(super) fn control(&self) -> TopicPartition {
        TopicPartition { topic: self.control.clone(), partition: 0 }
    }

    /// Asks how many partitions requests, responses and results have.
    pub(super) async fn counts(&self, bus: &dyn Bus) -> Result<[i32; 3], BusError> {
        let [requests, responses, results] = self.counted().map(|topic| bus.partitions(topic));
        let (requests, responses, results) = tokio::try_join!(requests, responses, results)?;
        Ok([requests, responses, results])
    }

    /// Refuses others than `count`: by that number ids are placed, and requests meet their responses.
    pub(super) fn insist_on(&self, count: i32, counts: [i32; 3]) -> Result<(), CollectorError> {
        match self.counted().into_iter().zip(counts).find(|(_, is)| *is != count) {
            None => Ok(()),
            Some((topic, is)) => Err(CollectorError::Partitions { topic: topic.to_string(), was: count, is }),
        }
    }

    fn counted(&self) -> [&Arc<str>; 3] {
        [&self.requests, &self.responses, &self.results]
    }

    /// Returns which of the topics is named `topic`.
    pub(super) fn source(&self, topic: &str) -> Option<Source> {
        let named = [
            (&self.responses, Source::Responses),
            (&self.requests, Source::Requests),
            (&self.results, Source::Results),
        ];
        named.into_iter().find(|(name, _)| ***name == *topic).map(|(_, source)| source)
    }
}

// === impl Hands ===

impl Hands<'_> {
    /// Does what follows from one output of `partition`.
    pub(super) fn perform(&mut self, index: i32, output: Output, partition: &Partition) -> Result<(), BusError> {
        match output {
            Output::Tell(fact) => {
                say(index, &fact);
                self.station.metrics.count(&fact);
            }
            Output::WriteDeadLetter(source, offset, record) => {
                self.write(&self.names.dead_letters(index), record, Item::DeadLetter(source, offset));
            }
            Output::WriteTally(tally) => self.write(&self.names.control(), tally.encode(), Item::Control),
            Output::Act(action) => return self.act(index, action, partition),
        }
        Ok(())
    }

    fn act(&mut self, index: i32, action: Action, partition: &Partition) -> Result<(), BusError> {
        match action {
            Action::Survey(survey) => self.ask(index, survey, partition.is_fenced()),
            Action::FollowResults(from) => return self.settle(index, from, partition),
            Action::ReadResults(from) => {
                silence(self.results.as_mut(), &self.names.results(index));
                self.hasty.start(&self.names.results(index), StartAt::Offset(from))?;
            }
            Action::Replay { requests, responses } => {
                self.hasty.start(&self.names.responses(index), StartAt::Offset(responses))?;
                self.hasty.start(&self.names.requests(index), StartAt::Offset(requests))?;
            }
            Action::Halt => {
                silence(self.requests.as_mut(), &self.names.requests(index));
                silence(self.responses.as_mut(), &self.names.responses(index));
                silence(self.hasty.as_mut(), &self.names.requests(index));
                silence(self.hasty.as_mut(), &self.names.responses(index));
            }
            Action::WriteFence(fence) => self.write(&self.names.results(index), fence.encode(), Item::Fence(fence.0)),
            Action::WriteResult(request, by, record) => {
                self.write(&self.names.results(index), record, Item::Result(request, by));
            }
        }
        Ok(())
    }

    /// Reads on as whoever serves a partition for long. Of requests and responses the hasty tail goes on for a moment,
    /// because the others begin only when their fetches under way are over; what both read is heeded once.
    fn settle(&mut self, index: i32, results: i64, partition: &Partition) -> Result<(), BusError> {
        silence(self.hasty.as_mut(), &self.names.results(index));
        self.results.start(&self.names.results(index), StartAt::Offset(results))?;
        self.responses.start(&self.names.responses(index), StartAt::Offset(partition.next_response()))?;
        self.requests.start(&self.names.requests(index), StartAt::Offset(partition.next_request()))
    }

    fn write(&self, to: &TopicPartition, record: Record, item: Item) {
        write(self.producer, self.inbox, to, record, item);
    }

    /// Asks what the partition's topics hold, without keeping anybody waiting, and before the fence also whether they
    /// still have as many partitions as they had.
    fn ask(&mut self, index: i32, survey: u32, fenced: bool) {
        let (bus, names, inbox, count) = (self.station.bus.clone(), self.names.clone(), self.inbox.clone(), self.count);
        self.surveys.spawn(async move {
            loop {
                let answer = tokio::try_join!(spans(bus.as_ref(), &names, index), async {
                    if fenced { Ok([count; 3]) } else { names.counts(bus.as_ref()).await }
                });
                match answer {
                    Ok((spans, counts)) => {
                        let counted = names.insist_on(count, counts);
                        break inbox.put(index, counted.map_or_else(News::Fatal, |()| News::Spans(survey, spans)));
                    }
                    Err(error @ BusError::Fatal(_)) => break inbox.put(index, News::Fatal(error.into())),
                    Err(_) => tokio::time::sleep(ASK_AGAIN).await,
                }
            }
        });
    }
}

/// Hands a record over; if that fails, the inbox tells, as it would of a later failure.
pub(super) fn write(producer: &Arc<dyn Producer>, inbox: &Arc<Inbox>, to: &TopicPartition, record: Record, item: Item) {
    let acknowledge = inbox.acknowledge(to.partition, item);
    if let Err(error) = producer.send(to, record, acknowledge) {
        inbox.hear(to.partition, item, Err(error));
    }
}

/// Says what is worth reading besides the counters; each partition that changes hands only to whoever looks for it.
fn say(partition: i32, fact: &Fact) {
    match fact {
        Fact::Unreadable(Some(what)) => {
            tracing::warn!(what, "the results hold what is no result and no fence; what follows is only counted");
        }
        Fact::Serving(gap) => tracing::debug!(partition, ?gap, "the collector has taken a partition over"),
        Fact::HandedOver => tracing::debug!(partition, "another collector has taken a partition over"),
        Fact::FencedOff => tracing::warn!(partition, "somebody has taken a partition over that is the collector's"),
        _ => {}
    }
}

/// Stops reading, as far as that is possible: what is delivered nevertheless is not heeded.
pub(super) fn silence(consumer: &mut dyn Consumer, partition: &TopicPartition) {
    if let Err(error) = consumer.stop(partition) {
        tracing::debug!(%partition, %error, "the collector goes on being told of a partition");
    }
}

/// The three are asked for at once: what lies between the answers is read anyway, and none of them is late for another.
async fn spans(bus: &dyn Bus, names: &Names, index: i32) -> Result<Spans, BusError> {
    let (requests, responses, results) = (names.requests(index), names.responses(index), names.results(index));
    let (requests, responses, results) =
        tokio::try_join!(bus.span(&requests), bus.span(&responses), bus.span(&results))?;
    Ok(Spans { requests, responses, results })
}

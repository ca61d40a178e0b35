//! Reads what a rendezvous wrote, as any outsider could: results by the reader rule, and the canaries' responses.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use bus::{Bus, BusError, Consumer, Event, Received, StartAt, TopicPartition};
use policies::{Definition, ReceiptState, ResultBody};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::{Envelope, ExecutorId, LEAD, Reply, RequestId, Response, ResultRecord, Timestamp, TopicReader, Topics};

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Valid results, by the clause that decided.
    pub decided_by: BTreeMap<String, u64>,
    /// Valid results, by the executors whose answer it was.
    pub chosen: BTreeMap<String, u64>,
    /// Valid results before which an executor was heard, canaries too.
    pub in_time: BTreeMap<String, u64>,
    /// Valid results, by the versions of the models whose answer it was.
    pub models: BTreeMap<String, u64>,
    /// How many valid results each request has.
    pub results: HashMap<RequestId, u32>,
    /// Responses of each executor: answers and failures.
    pub responses: BTreeMap<String, (u64, u64)>,
    /// Each canary's answers beside its reference's: pairs, and pairs that agree.
    pub canaries: BTreeMap<String, (u64, u64)>,
    halves: HashMap<(RequestId, ExecutorId), Half>,
}

/// Watches one rendezvous from a moment on.
pub struct Observer {
    shared: Arc<Shared>,
}

/// What the loop writes and others look at.
#[derive(Default)]
struct Shared {
    observed: Mutex<Observed>,
    changed: Notify,
}

/// The half of a canary's pair that came first.
#[derive(Clone, Debug)]
enum Half {
    Canary(Value),
    Reference(Value),
}

/// Longer than any retry of a result's writer at the rates a demo or a benchmark runs at.
const WINDOW: usize = 4_000_000;

// === impl Observer ===

impl Observer {
    /// Begins to read: the results appended at `from` or later, and the responses from now on.
    pub async fn start(
        bus: &Arc<dyn Bus>,
        definition: &Arc<Definition>,
        from: Timestamp,
        stop: CancellationToken,
    ) -> Result<Self, BusError> {
        let topics = Topics::of(definition.name());
        let mut tail = bus.tail().await?;
        for partition in 0..bus.partitions(&topics.results).await? {
            tail.start(&TopicPartition::new(&topics.results, partition), StartAt::Time(from.before(LEAD)))?;
            // Not at `End`, which is settled some time after this returns: what comes from now on is to be counted.
            let responses = TopicPartition::new(&topics.responses, partition);
            tail.start(&responses, StartAt::Offset(bus.span(&responses).await?.end))?;
        }
        let shared = Arc::new(Shared::default());
        let reading = Loop { shared: Arc::clone(&shared), definition: Arc::clone(definition), topics, from };
        tokio::spawn(reading.run(tail, stop));
        Ok(Self { shared })
    }

    /// Looks at what was read so far.
    pub fn look<T>(&self, look: impl FnOnce(&Observed) -> T) -> T {
        look(&self.shared.lock())
    }

    /// Waits until what was read satisfies `enough`.
    pub async fn until(&self, enough: impl Fn(&Observed) -> bool) {
        loop {
            // Asked for before looking: a change in between is not missed.
            let changed = self.shared.changed.notified();
            if self.look(&enough) {
                return;
            }
            changed.await;
        }
    }
}

/// The loop behind an observer.
struct Loop {
    shared: Arc<Shared>,
    definition: Arc<Definition>,
    topics: Topics,
    from: Timestamp,
}

impl Loop {
    async fn run(self, mut tail: Box<dyn Consumer>, stop: CancellationToken) {
        let mut reader = TopicReader::new(WINDOW);
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => break,
                event = tail.next() => event,
            };
            match event {
                Ok(Event::Records(records)) => {
                    self.read(&records, &mut reader);
                    self.shared.changed.notify_waiters();
                }
                Ok(_) => {}
                Err(error) => tracing::warn!("the observer reads on: {error}"),
            }
        }
        tail.close(Vec::new()).await;
    }

    fn read(&self, records: &[Received], reader: &mut TopicReader) {
        let mut observed = self.shared.lock();
        for received in records {
            if *received.partition.topic == *self.topics.results {
                let read = reader.read(received.partition.partition, &received.record);
                if let Some(result) = read.standing().filter(|_| received.appended >= self.from) {
                    observed.on_result(&result);
                }
            } else if let Ok(Envelope::Response(response)) = Envelope::decode(&received.record) {
                observed.on_response(&response, &self.definition);
            }
        }
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().expect("the observer's lock is never held across a panic")
    }
}

// === impl Observed ===

impl Observed {
    /// Returns how many requests have more than one valid result.
    #[must_use]
    pub fn second(&self) -> u64 {
        self.results.values().map(|count| u64::from(count - 1)).sum()
    }

    /// Returns the share of the canaries' answers that agree with their references', if any pair was read.
    #[must_use]
    pub fn canary_agreement(&self) -> Option<f64> {
        let (pairs, agreeing) =
            self.canaries.values().fold((0, 0), |(pairs, agreeing), (p, a)| (pairs + p, agreeing + a));
        (pairs > 0).then(|| crate::load::share(agreeing, pairs))
    }

    fn on_result(&mut self, result: &ResultRecord) {
        *self.results.entry(result.request).or_default() += 1;
        let Ok(body) = serde_json::from_slice::<ResultBody>(&result.body) else { return };
        for executor in &body.decision.executors {
            *self.chosen.entry(executor.clone()).or_default() += 1;
        }
        for heard in body.decision.receipt.iter().filter(|heard| heard.state == ReceiptState::Answered) {
            *self.in_time.entry(heard.executor.clone()).or_default() += 1;
            if let Some(model) = heard.model.as_ref().filter(|_| body.decision.executors.contains(&heard.executor)) {
                *self.models.entry(model.clone()).or_default() += 1;
            }
        }
        *self.decided_by.entry(body.decision.decided_by.as_str().to_owned()).or_default() += 1;
    }

    fn on_response(&mut self, response: &Response, definition: &Definition) {
        let (answers, failures) = self.responses.entry(response.executor.to_string()).or_default();
        let Reply::Answer(answer) = &response.reply else {
            *failures += 1;
            return;
        };
        *answers += 1;
        let value = definition.policy.value_of(answer);
        for spec in &definition.executors {
            let Some(reference) = spec.canary.as_ref().map(|canary| &canary.of) else { continue };
            let Some(value) = value.clone() else { continue };
            if spec.id == response.executor {
                self.pair((response.request, spec.id.clone()), Half::Canary(value));
            } else if *reference == response.executor {
                self.pair((response.request, spec.id.clone()), Half::Reference(value));
            }
        }
    }

    fn pair(&mut self, key: (RequestId, ExecutorId), half: Half) {
        let canary = key.1.to_string();
        let agree = match (self.halves.remove(&key), half) {
            (Some(Half::Reference(one)), Half::Canary(other)) | (Some(Half::Canary(one)), Half::Reference(other)) => {
                one == other
            }
            (_, first) => {
                self.halves.insert(key, first);
                return;
            }
        };
        let (pairs, agreeing) = self.canaries.entry(canary).or_default();
        *pairs += 1;
        *agreeing += u64::from(agree);
    }
}

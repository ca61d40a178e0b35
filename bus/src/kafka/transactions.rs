//! Transactions: rdkafka's calls block, so one thread makes them, and another takes deliveries off the client's queue.
//!
//! Before a commit the thread waits until nothing is in flight: `commit_transaction` flushes first, and rdkafka's flush
//! polls for whole tenths of a second while anything is (a commit took 101 ms that way, and 1 to 3 ms this way).
//!
//! Two ids take turns. A broker acknowledges a commit before its markers are in the log, and until they are it refuses the
//! id's next transaction; librdkafka asks again after 20 ms, and no option makes that less.

mod rights;

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};
use tokio::sync::oneshot;
use wire::Record;

use super::{
    KafkaSettings, error,
    group::positions,
    producer::headers,
    question::{aside, ask},
};
use crate::{BoxFuture, BusError, Commit, Membership, TopicPartition, TransactError, Transactions, transactions::Kind};

/// Writes transactions to a Kafka cluster. Dropped, it ends what it is at.
pub(super) struct KafkaTransactions {
    jobs: SyncSender<Job>,
}

type Client = BaseProducer<Landings>;

/// One transaction to be made.
struct Job {
    records: Vec<(TopicPartition, Record)>,
    commits: Vec<Commit>,
    by: Membership,
    tell: oneshot::Sender<Result<(), TransactError>>,
}

/// The thread that makes them.
struct Worker {
    /// In the order in which they write: one while the markers of the other's transaction are written.
    writers: [Writer; 2],
    /// Why nothing more can be written.
    broken: Option<String>,
}

/// Makes transactions under an id of its own.
struct Writer {
    client: Arc<Client>,
    landings: Landings,
}

/// What became of the records of the transaction under way.
#[derive(Clone, Default)]
struct Landings(Arc<(Mutex<Tally>, Condvar)>);

#[derive(Default)]
struct Tally {
    in_flight: usize,
    /// The first that failed: what was to be written where.
    failed: Option<(Arc<str>, BusError)>,
}

/// Why a step did not succeed.
enum Failed {
    /// Nothing is decided: it can be given up.
    Step(TransactError),
    /// It cannot be said what came of it.
    Unknown(String),
}

/// How long the broker may take to give an id to its new owner; aborting what the old one had begun is part of it.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// How long a transaction may take. The broker gives it up after as long.
const TRANSACT_WITHIN: Duration = Duration::from_secs(3);
/// How long giving one up may take.
const ABORT_WITHIN: Duration = Duration::from_millis(1_500);
/// How long deliveries are waited for at a time; also how long their thread may outlive the transactions.
const POLL: Duration = Duration::from_secs(1);
/// librdkafka counts a record as in flight for a moment after it told what became of it.
const MOMENT: Duration = Duration::from_micros(100);
/// How long before something that passes is tried again.
const PAUSE: Duration = Duration::from_millis(5);

// === impl KafkaTransactions ===

impl KafkaTransactions {
    /// Takes `id` over from whoever had it.
    pub(super) async fn open(settings: &KafkaSettings, id: &str) -> Result<Self, BusError> {
        let [first, second] = [format!("{id}.0"), format!("{id}.1")];
        // Who had the ids is fenced off when both are taken over.
        let (first, second) = futures::try_join!(Writer::open(settings, &first), Writer::open(settings, &second))?;
        let worker = Worker { writers: [first, second], broken: None };
        // One at a time: the second place is never taken.
        let (jobs, todo) = sync_channel(1);
        aside("kafka-transactions", move || worker.work(&todo))?;
        Ok(Self { jobs })
    }
}

impl Transactions for KafkaTransactions {
    fn transact(
        &mut self,
        records: Vec<(TopicPartition, Record)>,
        commits: Vec<Commit>,
        by: Membership,
    ) -> BoxFuture<'static, Result<(), TransactError>> {
        let (tell, told) = oneshot::channel();
        let taken = self.jobs.try_send(Job { records, commits, by, tell });
        async move {
            let gone = || TransactError::Broken("the thread that makes transactions is gone or busy".to_owned());
            taken.map_err(|_| gone())?;
            told.await.unwrap_or_else(|_| Err(gone()))
        }
        .boxed()
    }
}

/// Takes deliveries off the client's queue as long as the client lives.
fn serve(client: &Arc<Client>) -> Result<(), BusError> {
    let client: Weak<Client> = Arc::downgrade(client);
    aside("kafka-landings", move || {
        while let Some(client) = client.upgrade() {
            client.poll(POLL);
        }
    })
}

// === impl Worker ===

impl Worker {
    fn work(mut self, todo: &Receiver<Job>) {
        while let Ok(Job { records, commits, by, tell }) = todo.recv() {
            let outcome = match &self.broken {
                Some(why) => Err(TransactError::Broken(why.clone())),
                None => self.writers[0].transact(&records, commits, &by),
            };
            self.writers.rotate_left(1);
            if let Err(TransactError::Broken(why)) = &outcome {
                self.broken = Some(why.clone());
            }
            // Whoever asked may have stopped waiting.
            let _ = tell.send(outcome);
        }
    }
}

// === impl Writer ===

impl Writer {
    async fn open(settings: &KafkaSettings, id: &str) -> Result<Self, BusError> {
        let landings = Landings::default();
        let client = super::create(|| settings.transactions(id).create_with_context(landings.clone()))?;
        serve(&client)?;
        let (initialised, what) = (Arc::clone(&client), format!("open transactions as {id}"));
        ask(move || initialised.init_transactions(OPEN_WITHIN).map_err(|error| sorted(&what, &error))).await?;
        Ok(Self { client, landings })
    }

    fn transact(
        &self,
        records: &[(TopicPartition, Record)],
        commits: Vec<Commit>,
        by: &Membership,
    ) -> Result<(), TransactError> {
        let until = Instant::now() + TRANSACT_WITHIN;
        self.client.begin_transaction().map_err(|error| TransactError::Broken(told("begin a transaction", &error)))?;
        // Offsets are on their way while records are.
        let made = self.send(records);
        let made = made.and_then(|()| self.commit_offsets(commits, by, until)).and_then(|()| self.settle(until));
        let made = made.and_then(|()| self.commit(until));
        match made {
            Ok(()) => Ok(()),
            Err(Failed::Unknown(why)) => Err(TransactError::Broken(why)),
            Err(Failed::Step(why)) => {
                let is_forbidden = self.is_forbidden();
                match self.client.abort_transaction(ABORT_WITHIN) {
                    Ok(()) if is_forbidden => Err(self.forbidden(records).map_or(why, TransactError::Forbidden)),
                    Ok(()) => Err(why),
                    Err(error) => {
                        tracing::debug!(%error, "the transaction cannot be given up");
                        Err(TransactError::Broken(why.to_string()))
                    }
                }
            }
        }
    }

    fn send(&self, records: &[(TopicPartition, Record)]) -> Result<(), Failed> {
        self.landings.begin();
        for (to, record) in records {
            let mut outgoing: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&to.topic).partition(to.partition);
            outgoing.key = record.key.as_deref();
            outgoing.payload = record.payload.as_deref();
            outgoing.headers = headers(&record.headers);
            self.landings.take_off();
            let refused = |error| step(&to.topic, error::sorted(&format!("send to {to}"), &error));
            self.client.send(outgoing).map_err(|(error, _)| refused(error))?;
        }
        Ok(())
    }

    /// Waits until each record is acknowledged.
    fn settle(&self, until: Instant) -> Result<(), Failed> {
        self.landings.wait(until)?;
        while self.client.in_flight_count() > 0 && Instant::now() < until {
            thread::sleep(MOMENT);
        }
        Ok(())
    }

    fn commit_offsets(&self, commits: Vec<Commit>, by: &Membership, until: Instant) -> Result<(), Failed> {
        if commits.is_empty() {
            return Ok(());
        }
        let Kind::Kafka(member) = &by.0 else {
            return Err(Failed::Step(TransactError::Aborted("the member is one of another bus".to_owned())));
        };
        let offsets = positions(commits.into_iter().map(|commit| (commit.partition, commit.committed)));
        let commit = |left| self.client.send_offsets_to_transaction(&offsets, member, left);
        insist(until, commit).map_err(|error| Failed::Step(TransactError::Aborted(told("commit offsets", &error))))
    }

    fn commit(&self, until: Instant) -> Result<(), Failed> {
        insist(until, |left| self.client.commit_transaction(left)).map_err(|error| match &error {
            KafkaError::Transaction(why) if why.txn_requires_abort() => {
                Failed::Step(TransactError::Aborted(told("commit a transaction", &error)))
            }
            // The end of the transaction was not even asked for.
            KafkaError::Flush(_) => Failed::Step(TransactError::Aborted(told("commit a transaction", &error))),
            _ => Failed::Unknown(told("commit a transaction", &error)),
        })
    }
}

// === impl Landings ===

impl Landings {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        *self.tally() = Tally::default();
    }

    fn take_off(&self) {
        self.tally().in_flight += 1;
    }

    /// Waits until all have landed; the first failure of any of them.
    fn wait(&self, until: Instant) -> Result<(), Failed> {
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.0.1.wait_timeout_while(self.tally(), left, |tally| tally.in_flight > 0);
        let (mut tally, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match tally.failed.take() {
            Some((topic, error)) => Err(step(&topic, error)),
            None if tally.in_flight > 0 => {
                let why = format!("{} records are not acknowledged", tally.in_flight);
                Err(Failed::Step(TransactError::Aborted(why)))
            }
            None => Ok(()),
        }
    }
}

impl ClientContext for Landings {
    /// To librdkafka it is critical that somebody else has opened the id or that the broker gave a transaction up; here
    /// nothing is lost by it, and whoever asked for the transaction is told.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(target: "librdkafka", "{facility} {line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason);
    }
}

impl ProducerContext for Landings {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut tally = self.tally();
        if let Err((error, message)) = result {
            use rdkafka::Message as _;
            let to = format!("send to {}/{}", message.topic(), message.partition());
            tally.failed.get_or_insert_with(|| (message.topic().into(), error::sorted(&to, error)));
        }
        // What an earlier transaction left behind lands late.
        tally.in_flight = tally.in_flight.saturating_sub(1);
        if tally.in_flight == 0 {
            self.0.1.notify_all();
        }
    }
}

/// Repeats what passes by itself until it has, or the time is up.
fn insist(until: Instant, mut call: impl FnMut(Duration) -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    loop {
        match call(until.saturating_duration_since(Instant::now())) {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < until => {
                thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

fn step(topic: &str, error: BusError) -> Failed {
    Failed::Step(match error {
        BusError::TooLarge => TransactError::TooLarge(topic.into()),
        error => TransactError::Aborted(error.to_string()),
    })
}

fn sorted(what: &str, error: &KafkaError) -> BusError {
    match error {
        KafkaError::Transaction(inner) => error::sorted_code(what, inner.code()),
        error => error::sorted(what, error),
    }
}

fn told(what: &str, error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(inner) => format!("cannot {what}: {}", inner.string()),
        error => format!("cannot {what}: {error}"),
    }
}

//! The system under test: every station in this process, three zero-work executors, all three must agree.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bus::{Bus, Clock};
use bytes::Bytes;
use hedgerow::{
    app::{App, Role, Running},
    load::Pace,
    observer::{Observed, Observer},
};
use policies::Definition;
use prometheus_client::registry::Registry;
use starter::{RawInput, Starter};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::Timestamp;

use crate::{PATIENCE, measure::Measured};

/// Three echoes, and a consensus of all three: the collector has to wait for each, as the bare one does.
const POLICY: &str = "
rendezvous: bench
budget: 10s
input: { features: [x, class] }
answer: { value: class }
executors:
  a: { echo: {} }
  b: { echo: {} }
  c: { echo: {} }
decide:
  - agree: { votes: 3, on: [class] }
    until: 10s
  - default: { class: -1 }
";

/// What a request says, as long as a small model's input: 200 bytes with its headers.
pub(crate) const BODY: &[u8] = br#"{"x": 13.205, "class": 1}"#;

/// A rendezvous that runs.
pub(crate) struct Rendezvous {
    bus: Arc<dyn Bus>,
    definition: Arc<Definition>,
    began: Timestamp,
    starter: Starter,
    running: Running,
    asked: AtomicU64,
}

// === impl Rendezvous ===

impl Rendezvous {
    pub(crate) async fn start(bus: Arc<dyn Bus>, clock: Clock) -> anyhow::Result<Self> {
        let definition = Arc::new(Definition::parse("bench", POLICY)?);
        let app = App {
            bus: Arc::clone(&bus),
            clock: clock.clone(),
            versions: tokio::sync::watch::channel(Arc::new(policies::Versions::only(Arc::clone(&definition)))).1,
            models: PathBuf::new(),
            data: PathBuf::new(),
            only: None,
            limits: starter::Limits::default(),
            partitions: 4,
        };
        let running = app.start(&[Role::Collector, Role::Executors, Role::Starter], &mut Registry::default()).await?;
        let starter = running.starter.clone().expect("the starter is among the stations started");
        Ok(Self { bus, definition, began: clock.now(), starter, running, asked: AtomicU64::new(0) })
    }

    /// Offers `rate` requests a second for `seconds`.
    pub(crate) async fn load(&self, rate: u32, seconds: u32, measured: &mut Measured) {
        let starter = self.starter.clone();
        let pace = Pace { rate, count: u64::from(rate) * u64::from(seconds) };
        let finished = pace.drive(move |_| {
            let starter = starter.clone();
            async move {
                let input = RawInput { body: Bytes::from_static(BODY), ..RawInput::default() };
                starter.ask(input).await.is_ok()
            }
        });
        self.asked.fetch_add(pace.count, Ordering::Relaxed);
        measured.take(finished).await;
    }

    /// Stops it; returns how many of its requests have a second result. The results are read only now, so that
    /// reading them does not weigh on what is measured.
    pub(crate) async fn stop(self) -> anyhow::Result<u64> {
        let stop = CancellationToken::new();
        let observer = Observer::start(&self.bus, &self.definition, self.began, stop.clone()).await?;
        let asked = self.asked.into_inner();
        let all = observer.until(|observed| observed.results.len() as u64 >= asked);
        // Whatever is missing has been counted by its caller.
        let _ = timeout(PATIENCE, all).await;
        let second = observer.look(Observed::second);
        stop.cancel();
        self.running.stop().await?;
        Ok(second)
    }
}

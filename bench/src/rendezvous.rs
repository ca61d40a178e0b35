//! The system under test: every station in this process, three zero-work executors, all three must agree.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bus::{Bus, Clock};
use bytes::Bytes;
use hedgerow::{
    app::{App, Role, Running},
    load::Pace,
    observer::Observer,
};
use policies::Definition;
use prometheus_client::registry::Registry;
use starter::{RawInput, Starter};
use tokio_util::sync::CancellationToken;

use crate::measure::Measured;

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
    starter: Starter,
    running: Running,
    observer: Observer,
    watching: CancellationToken,
}

// === impl Rendezvous ===

impl Rendezvous {
    pub(crate) async fn start(bus: Arc<dyn Bus>, clock: Clock) -> anyhow::Result<Self> {
        let definition = Arc::new(Definition::parse("bench", POLICY)?);
        let app = App {
            bus: Arc::clone(&bus),
            clock: clock.clone(),
            definition: Arc::clone(&definition),
            models: PathBuf::new(),
            data: PathBuf::new(),
            only: None,
            partitions: 4,
        };
        let running = app.start(&[Role::Collector, Role::Executors, Role::Starter], &mut Registry::default()).await?;
        let starter = running.starter.clone().expect("the starter is among the stations started");
        let watching = CancellationToken::new();
        let observer = Observer::start(&bus, &clock, &definition, watching.clone()).await?;
        Ok(Self { starter, running, observer, watching })
    }

    /// Offers `rate` requests a second for `seconds`.
    pub(crate) async fn load(&self, rate: u32, seconds: u32, measured: &mut Measured) {
        let starter = self.starter.clone();
        let pace = Pace { rate, count: u64::from(rate) * u64::from(seconds) };
        let finished = pace.drive(move |_| {
            let starter = starter.clone();
            async move {
                let input = RawInput { body: Bytes::from_static(BODY), key: None, budget: None, traceparent: None };
                starter.ask(input).await.is_ok()
            }
        });
        measured.take(finished).await;
    }

    /// Stops it; returns how many results were second ones.
    pub(crate) async fn stop(self) -> anyhow::Result<u64> {
        // What the observer has not read yet would be missed, so let it read on for a moment.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = self.observer.look(hedgerow::observer::Observed::second);
        self.watching.cancel();
        self.running.stop().await?;
        Ok(second)
    }
}

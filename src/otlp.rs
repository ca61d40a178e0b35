//! Sends traces to an OpenTelemetry collector: OTLP over HTTP, on a thread of its own, behind a bounded queue.
//!
//! Nobody waits for it. What finds no room in the queue, or is not taken after a second attempt, is dropped and counted;
//! a collector that is away or hangs costs spans and nothing else. Spans are made here too, off the stations' threads.

mod settings;
mod translate;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use collector::Traces;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use traces::{Conventions, Sampling, Told};

pub use settings::{OtlpArgs, Wanted};
use translate::Translator;

/// So many requests wait to be sent at most.
const WAITING_MAX: usize = 4_096;
/// So many requests are sent together at most: some thousand spans, about a megabyte.
const TOGETHER: usize = 256;
/// So long more are waited for, once there is one.
const GATHER: Duration = Duration::from_millis(500);
/// What was not taken is sent once more after this time.
const AGAIN: Duration = Duration::from_secs(1);
/// So long the last spans may take when the process stops.
const FLUSH: Duration = Duration::from_secs(1);
/// Why spans are lost.
const QUEUE_FULL: &str = "queue_full";
const NOT_TAKEN: &str = "not_taken";

/// The way to a collector.
pub struct Otlp {
    sampling: Sampling,
    told: mpsc::Sender<Told>,
    metrics: Arc<Metrics>,
    /// Cancelled when the process stops: then nobody is asked a second time.
    ending: CancellationToken,
    done: oneshot::Receiver<()>,
}

/// What is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    exported: Counter,
    dropped: Family<Dropped, Counter>,
    unwatched: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Dropped {
    reason: &'static str,
}

/// What lives on the thread.
struct Sender {
    exporter: SpanExporter,
    translator: Translator,
    metrics: Arc<Metrics>,
    ending: CancellationToken,
    /// Whether the last attempt failed, so that it is said once.
    failing: bool,
}

// === impl Otlp ===

impl Otlp {
    /// Opens the way that is wanted. Whether anybody is there is found out when there is something to send.
    pub fn start(wanted: &Wanted, registry: &mut Registry) -> anyhow::Result<Self> {
        let (metrics, ending) = (Arc::new(Metrics::default()), CancellationToken::new());
        metrics.register(registry);
        let sender = Sender {
            exporter: exporter(wanted)?,
            translator: Translator::new(Conventions::opted_in(&wanted.opted_in)),
            metrics: Arc::clone(&metrics),
            ending: ending.clone(),
            failing: false,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (told, waiting) = mpsc::channel(WAITING_MAX);
        let (say_done, done) = oneshot::channel();
        let live = move || {
            runtime.block_on(sender.run(waiting));
            // A process that stops does not wait for ever.
            let _ = say_done.send(());
        };
        std::thread::Builder::new().name("otlp".to_owned()).spawn(live).context("cannot start a thread")?;
        tracing::info!(
            "traces go to {}: every miss, what callers sample, and {} of the rest",
            wanted.endpoint,
            wanted.sampling.share
        );
        Ok(Self { sampling: wanted.sampling, told, metrics, ending, done })
    }

    /// Returns what stations hand traces over to.
    #[must_use]
    pub fn traces(&self) -> Traces {
        Traces {
            sampling: self.sampling,
            told: self.told.clone(),
            dropped: self.metrics.dropped(QUEUE_FULL),
            unwatched: self.metrics.unwatched.clone(),
        }
    }

    /// Waits until everything that was handed over is sent, a moment at most. The stations must have ended.
    pub async fn flush(self) {
        let Self { told, ending, done, .. } = self;
        ending.cancel();
        drop(told);
        if timeout(FLUSH, done).await.is_err() {
            tracing::warn!("the last traces are lost: the collector did not take them in time");
        }
    }
}

/// Sends the spans of one request, and says why if they are not taken.
pub async fn send_once(wanted: &Wanted, spans: Vec<traces::Span>) -> anyhow::Result<()> {
    let translator = Translator::new(Conventions::opted_in(&wanted.opted_in));
    let spans = spans.into_iter().map(|span| translator.translate(span)).collect();
    exporter(wanted)?.export(spans).await.with_context(|| format!("`{}` does not take the trace", wanted.endpoint))
}

fn exporter(wanted: &Wanted) -> anyhow::Result<SpanExporter> {
    let exporter = SpanExporter::builder().with_http().with_endpoint(&wanted.endpoint).build();
    let mut exporter = exporter.with_context(|| format!("traces cannot be sent to `{}`", wanted.endpoint))?;
    exporter.set_resource(&resource());
    Ok(exporter)
}

/// Who says so: what the standard variables say, and `hedgerow` where they name no service.
fn resource() -> Resource {
    use opentelemetry::KeyValue;
    let detected = Resource::builder().build();
    let named = detected.get(&"service.name".into()).map(|name| name.to_string());
    let is_named = named.is_some_and(|name| !name.starts_with("unknown_service"));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder().with_attribute(version);
    if is_named { builder.build() } else { builder.with_service_name("hedgerow").build() }
}

// === impl Metrics ===

impl Metrics {
    fn dropped(&self, reason: &'static str) -> Counter {
        self.dropped.get_or_create(&Dropped { reason }).clone()
    }

    /// Shows everything in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("hedgerow");
        registry.register("spans_exported", "Spans that an OpenTelemetry collector took", self.exported.clone());
        let help = "Spans that were lost on their way to an OpenTelemetry collector, by the reason";
        registry.register("spans_dropped", help, self.dropped.clone());
        // Shown before the first is lost, so that alerts see it happen.
        self.dropped(QUEUE_FULL);
        self.dropped(NOT_TAKEN);
        let help = "Requests that could not be traced because too many were open";
        registry.register("traces_unwatched", help, self.unwatched.clone());
    }
}

// === impl Sender ===

impl Sender {
    /// Sends until nobody hands anything over any more.
    async fn run(mut self, mut waiting: mpsc::Receiver<Told>) {
        let mut together = Vec::with_capacity(TOGETHER);
        while waiting.recv_many(&mut together, TOGETHER).await > 0 {
            let gather = async {
                while together.len() < TOGETHER {
                    let room = TOGETHER - together.len();
                    if waiting.recv_many(&mut together, room).await == 0 {
                        break;
                    }
                }
            };
            // Over or not, what there is goes.
            let _ = timeout(GATHER, gather).await;
            let spans = together.drain(..).flat_map(Told::into_spans);
            let spans = spans.map(|span| self.translator.translate(span)).collect();
            self.send(spans).await;
        }
    }

    async fn send(&mut self, spans: Vec<SpanData>) {
        let count = spans.len() as u64;
        let mut sent = self.exporter.export(spans.clone()).await;
        let waited = sent.is_err() && timeout(AGAIN, self.ending.cancelled()).await.is_err();
        if waited {
            sent = self.exporter.export(spans).await;
        }
        match sent {
            Ok(()) => {
                self.metrics.exported.inc_by(count);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("traces are taken again");
                }
            }
            Err(error) => {
                self.metrics.dropped(NOT_TAKEN).inc_by(count);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "traces are lost: nobody takes them, which is said once and counted");
                }
            }
        }
    }
}

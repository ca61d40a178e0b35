//! Who looks on: browsers on two pages, which are sent again as they change, and Prometheus, once a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::Router;
use bus::{Bus, Clock};
use control::{Access, Follower};
use hedgerow::{
    alerting::WantedAlerts,
    console::{Opening, Place, Tokens},
    doors::Doors,
};
use policies::Definition;
use prometheus_client::registry::Registry;
use reqwest::Client;
use tokio::{net::TcpListener, task::JoinHandle, time::interval};
use tokio_util::sync::CancellationToken;

/// A console that nobody looks at, until somebody does.
pub(super) struct Onlookers {
    address: String,
    pages: [String; 2],
    sent: Arc<AtomicU64>,
    scrapes: Arc<AtomicU64>,
    stop: CancellationToken,
}

/// Prometheus comes four to sixty times less often.
const SCRAPED_EVERY: Duration = Duration::from_secs(1);

// === impl Onlookers ===

impl Onlookers {
    /// Opens the console of a process that serves `definition`.
    pub(super) async fn of(bus: &Arc<dyn Bus>, clock: &Clock, definition: &Arc<Definition>) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let metrics = Arc::new(control::Metrics::default());
        let follower = Follower::start(Arc::clone(bus), clock.clone(), metrics, stop.clone()).await?;
        follower.ensure_first(definition, "bench", "bench").await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let doors = Doors {
            bus: Arc::clone(bus),
            clock: clock.clone(),
            follower,
            starters: Vec::new(),
            registry: Registry::default(),
            alerts: WantedAlerts::default(),
            control: Access::Nobody,
            opening: Opening { place: Place::Front, tokens: Tokens::default(), traces: None },
            stop: stop.clone(),
        };
        tokio::spawn(starter::http::serve(listener, doors.open()?.front, stop.clone()));
        let page = format!("{address}/rendezvous/{}", definition.name());
        let pages = [format!("{address}/"), page];
        Ok(Self { address, pages, sent: Arc::default(), scrapes: Arc::default(), stop })
    }

    /// Begins to look, and to scrape.
    pub(super) fn look(&self) -> Vec<JoinHandle<()>> {
        let client = Client::new();
        let mut looking: Vec<_> = self
            .pages
            .iter()
            .map(|page| tokio::spawn(read(client.clone(), page.clone(), Arc::clone(&self.sent))))
            .collect();
        let (metrics, scrapes) = (format!("{}/metrics", self.address), Arc::clone(&self.scrapes));
        looking.push(tokio::spawn(async move {
            let mut turns = interval(SCRAPED_EVERY);
            loop {
                turns.tick().await;
                if let Ok(page) = client.get(&metrics).send().await {
                    let _ = page.bytes().await;
                    scrapes.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
        looking
    }

    /// Ends that.
    pub(super) async fn leave(&self, looking: Vec<JoinHandle<()>>) {
        for one in looking {
            one.abort();
            let _ = one.await;
        }
    }

    /// Closes the console; returns how often a page was sent, and how often everything was scraped.
    pub(super) fn stop(self) -> (u64, u64) {
        self.stop.cancel();
        (self.sent.load(Ordering::Relaxed), self.scrapes.load(Ordering::Relaxed))
    }
}

/// Reads a page as a browser does that shows it: as often as it is sent.
async fn read(client: Client, page: String, sent: Arc<AtomicU64>) {
    let Ok(mut stream) = client.get(&page).header("accept", "text/event-stream").send().await else { return };
    while let Ok(Some(chunk)) = stream.chunk().await {
        // An event ends with an empty line; a heartbeat is a comment.
        sent.fetch_add(u64::from(chunk.ends_with(b"\n\n") && !chunk.starts_with(b":")), Ordering::Relaxed);
    }
}

/// Returns the address of an OpenTelemetry collector that takes everything.
pub(super) async fn collector() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let taken = Router::new().fallback(async |_: axum::body::Bytes| ());
    tokio::spawn(async move { axum::serve(listener, taken).await });
    Ok(address)
}

//! The doors' answer to what came out: `GET /control/NAME/results`, a line for each, as JSON or as text for people.
//!
//! Whoever follows keeps a reader of the log for himself, so few may at a time, and all end when the process does.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bus::{Bus, BusError, Clock};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use wire::Timestamp;

use super::{Line, Results, Wanted, subscribing::subscribe};
use crate::door::{Shelf, find, problem, wants_text};

pub(super) struct Door {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Clock,
    pub(super) shelf: Shelf,
    places: Arc<Semaphore>,
    pub(super) subscribers: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
}

/// So many read at a time.
const AT_A_TIME: usize = 8;
/// So many subscribe at a time: each has a reader of the log, with threads of its own where that is Kafka.
const SUBSCRIBERS: usize = 16;

/// What may be said beside the name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// How far to look back, in seconds; from the beginning when not said.
    since_s: Option<u64>,
    /// Whether those to come are wanted too.
    follow: bool,
    /// Whether what is no result is wanted too.
    all: bool,
}

/// What are no results.
pub(super) enum Problem {
    NoSuchRendezvous(String),
    Asked(String),
    Full,
    FullOfSubscribers,
    /// A page of somebody else's wants a socket.
    Origin,
    NoSocket(WebSocketUpgradeRejection),
    Unreadable(BusError),
}

/// Returns the routes; whoever follows is let go at `stop`.
pub fn results_routes(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf, stop: CancellationToken) -> Router {
    let (places, subscribers) = (Arc::new(Semaphore::new(AT_A_TIME)), Arc::new(Semaphore::new(SUBSCRIBERS)));
    let door = Door { bus, clock, shelf, places, subscribers, stop };
    Router::new()
        .route("/control/{rendezvous}/results", get(answer))
        .route("/api/v1/rendezvous/{rendezvous}/results", get(subscribe))
        .with_state(Arc::new(door))
}

async fn answer(
    State(door): State<Arc<Door>>,
    Path(rendezvous): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (name, _) = find(&door.shelf, &rendezvous).map_err(Problem::NoSuchRendezvous)?;
    let place = Arc::clone(&door.places).try_acquire_owned().map_err(|_| Problem::Full)?;
    let back = |seconds| door.clock.now().before(Duration::from_secs(seconds));
    let since = asked.since_s.map_or(Timestamp::EPOCH, back);
    let wanted = Wanted { rendezvous: name, since, follow: asked.follow, all: asked.all, after: None };
    let results = Results::open(&*door.bus, wanted).await.map_err(Problem::Unreadable)?;
    let as_text = wants_text(&headers);
    let media = if as_text { "text/plain; charset=utf-8" } else { "application/x-ndjson" };
    let lines = stream::try_unfold((results, place), move |(mut results, place)| async move {
        let next = results.next().await?;
        Ok::<_, BusError>(next.map(|lines| (written(&lines, as_text), (results, place))))
    });
    let body = Body::from_stream(lines.take_until(door.stop.clone().cancelled_owned()));
    Ok(([(header::CONTENT_TYPE, media)], body).into_response())
}

fn written(lines: &[Line], as_text: bool) -> String {
    let line = |line: &Line| if as_text { format!("{line}\n") } else { line.json() + "\n" };
    lines.iter().map(line).collect()
}

// === impl Problem ===

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, sentence) = match self {
            Self::NoSuchRendezvous(sentence) => (StatusCode::NOT_FOUND, sentence),
            Self::Asked(sentence) => (StatusCode::BAD_REQUEST, sentence),
            Self::FullOfSubscribers => {
                (StatusCode::TOO_MANY_REQUESTS, format!("{SUBSCRIBERS} others are subscribed to results here already"))
            }
            Self::Full => (StatusCode::TOO_MANY_REQUESTS, format!("{AT_A_TIME} others read results here already")),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "a page opens this only under its own name: its `Origin` is another one than the `Host`".to_owned(),
            ),
            Self::NoSocket(rejected) => {
                (rejected.status(), format!("no WebSocket is opened: {}", rejected.body_text()))
            }
            Self::Unreadable(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        };
        problem(status, &sentence)
    }
}

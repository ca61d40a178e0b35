//! The door's answer to why: `GET /control/NAME/explain/ID`, beside the control door's routes.
//!
//! As JSON, or as one screen of text for who asks for `text/plain`. Reading the log costs something, so few are
//! explained at a time and the others wait.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use bus::{Bus, BusError, Clock};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{Search, explain};
use crate::door::{Shelf, find, problem, wants_text};

struct Door {
    bus: Arc<dyn Bus>,
    clock: Clock,
    shelf: Shelf,
    turns: Semaphore,
}

/// So many are explained at a time.
const AT_A_TIME: usize = 2;

/// What may be said beside the id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// Whether the id is a caller's key, even if it looks like an id.
    key: bool,
    /// So much more time, in microseconds.
    more_us: u64,
    /// How far to look back, in seconds.
    since_s: u32,
}

/// What is no explanation.
enum Problem {
    NoSuchRendezvous(String),
    NotFound(String),
    Unreadable(BusError),
}

/// Returns the route.
pub fn explain_routes(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf) -> Router {
    let door = Door { bus, clock, shelf, turns: Semaphore::new(AT_A_TIME) };
    Router::new().route("/control/{rendezvous}/explain/{id}", get(answer)).with_state(Arc::new(door))
}

async fn answer(
    State(door): State<Arc<Door>>,
    Path((rendezvous, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (name, versions) = find(&door.shelf, &rendezvous).map_err(Problem::NoSuchRendezvous)?;
    let since = door.clock.now().before(Duration::from_secs(asked.since_s.into()));
    let search = Search { id: super::request(&name, &id, asked.key), rendezvous: name, since };
    let turn = door.turns.acquire().await.expect("it is never closed");
    let found = search.run(&*door.bus, |_, _| ()).await.map_err(Problem::Unreadable)?;
    drop(turn);
    let more = Duration::from_micros(asked.more_us);
    let explanation =
        explain(&found, Some(&versions), more).ok_or_else(|| Problem::NotFound(search.not_found(&found, &id)))?;
    Ok(if wants_text(&headers) { explanation.to_string().into_response() } else { Json(explanation).into_response() })
}

// === impl Asked ===

impl Default for Asked {
    fn default() -> Self {
        Self { key: false, more_us: 10_000, since_s: 24 * 60 * 60 }
    }
}

// === impl Problem ===

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, sentence) = match self {
            Self::NoSuchRendezvous(sentence) | Self::NotFound(sentence) => (StatusCode::NOT_FOUND, sentence),
            Self::Unreadable(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        };
        problem(status, &sentence)
    }
}

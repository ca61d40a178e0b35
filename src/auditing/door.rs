//! The door's audit: `GET /control/NAME/audit`, beside the control door's routes, for logs that live in a process.
//!
//! As JSON, or as a page of text for who asks for `text/plain`. It reads everything, so there is one at a time.

use std::{sync::Arc, time::Duration};

use ::audit::{Limits, Report};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use bus::{Bus, Clock};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Audit;
use crate::door::{Shelf, find, problem, wants_text};

struct Door {
    bus: Arc<dyn Bus>,
    clock: Clock,
    shelf: Shelf,
    turn: Mutex<()>,
}

/// So long a caller is kept waiting at most.
const WAIT_MAX: Duration = Duration::from_mins(5);

/// What may be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// How far to look back, in microseconds; all that is held when not given.
    since_us: Option<u64>,
    /// How long after its deadline a request is missing, in microseconds.
    grace_us: u64,
    /// How long to wait for what is still due, in microseconds.
    wait_us: u64,
    /// Whether the page is wanted beside the JSON: `{"page": …, "report": …}`.
    page: bool,
}

/// Both forms, for a command that shows one and needs the other.
#[derive(Serialize)]
struct WithPage {
    page: String,
    report: Report,
}

/// Returns the route.
pub fn audit_routes(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf) -> Router {
    let door = Door { bus, clock, shelf, turn: Mutex::new(()) };
    Router::new().route("/control/{rendezvous}/audit", get(answer)).with_state(Arc::new(door))
}

async fn answer(
    State(door): State<Arc<Door>>,
    Path(rendezvous): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let name = match find(&door.shelf, &rendezvous) {
        Ok((name, _)) => name,
        Err(sentence) => return problem(StatusCode::NOT_FOUND, &sentence),
    };
    let audit = Audit {
        rendezvous: name.clone(),
        since: asked.since_us.map(|micros| door.clock.now().before(Duration::from_micros(micros))),
        grace: Duration::from_micros(asked.grace_us),
        wait: Duration::from_micros(asked.wait_us).min(WAIT_MAX),
        limits: Limits::default(),
    };
    let turn = door.turn.lock().await;
    let newest = || (door.shelf)(&name).map(|versions| versions.newest());
    let report = audit.run(&*door.bus, &door.clock, newest, |_, _| ()).await;
    drop(turn);
    match report {
        Ok(report) if wants_text(&headers) => report.to_string().into_response(),
        Ok(report) if asked.page => Json(WithPage { page: report.to_string(), report }).into_response(),
        Ok(report) => Json(report).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

// === impl Asked ===

impl Default for Asked {
    fn default() -> Self {
        Self { since_us: None, grace_us: 10_000_000, wait_us: 30_000_000, page: false }
    }
}

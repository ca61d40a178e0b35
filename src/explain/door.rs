//! The door's answer to why: `GET /control/NAME/explain/ID`, and the same at `GET /api/v1/rendezvous/NAME/requests/ID`.
//!
//! As JSON, or as one screen of text for who asks for `text/plain`. Reading the log costs something, so few are
//! explained at a time and the others wait.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::get,
};
use bus::{Bus, Clock};
use models::Registry;
use policies::Explanation;
use serde::Deserialize;
use tokio::sync::{Semaphore, watch};

use super::{Explained, Search, explain};
use crate::door::{Problem, Shelf, known, wants_text};

/// Tells what became of one request.
pub struct ExplainDoor {
    bus: Arc<dyn Bus>,
    clock: Clock,
    shelf: Shelf,
    models: Option<watch::Receiver<Arc<Registry>>>,
    turns: Semaphore,
}

/// So many are explained at a time.
const AT_A_TIME: usize = 2;

/// What may be said beside the id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// Whether the id is a caller's key, even if it looks like an id.
    pub(crate) key: bool,
    /// So much more time, in microseconds.
    pub(crate) more_us: u64,
    /// How far to look back, in seconds.
    pub(crate) since_s: u32,
}

/// Returns the route.
pub fn explain_routes(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf) -> Router {
    Arc::new(ExplainDoor::new(bus, clock, shelf)).routes()
}

async fn answer(
    State(door): State<Arc<ExplainDoor>>,
    Path((rendezvous, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let explanation = door.explained(door.explanation(&rendezvous, &id, &asked).await?);
    Ok(if wants_text(&headers) { explanation.to_string().into_response() } else { Json(explanation).into_response() })
}

// === impl ExplainDoor ===

impl ExplainDoor {
    /// Reads from `bus`; `shelf` has the versions.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf) -> Self {
        Self { bus, clock, shelf, models: None, turns: Semaphore::new(AT_A_TIME) }
    }

    /// Tells of published models too where they come from.
    #[must_use]
    pub fn knowing(self, models: watch::Receiver<Arc<Registry>>) -> Self {
        Self { models: Some(models), ..self }
    }

    /// Returns the route below the control door's.
    pub fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/control/{rendezvous}/explain/{id}", get(answer)).with_state(self)
    }

    /// Returns the route below the API's.
    pub fn api(self: Arc<Self>) -> Router {
        Router::new().route("/api/v1/rendezvous/{rendezvous}/requests/{id}", get(answer)).with_state(self)
    }

    /// Adds to an explanation where the published models come from that answered.
    pub(crate) fn explained(&self, explanation: Explanation) -> Explained {
        let models = self.models.as_ref().map(|models| Arc::clone(&models.borrow())).unwrap_or_default();
        Explained::of(explanation, &models)
    }

    /// Returns what became of the request `id`, or of the one that a caller called so.
    pub(crate) async fn explanation(&self, rendezvous: &str, id: &str, asked: &Asked) -> Result<Explanation, Problem> {
        let (name, versions) = known(&self.shelf, rendezvous)?;
        let since = self.clock.now().before(Duration::from_secs(asked.since_s.into()));
        let id_of = super::request(&name, id, asked.key);
        let search = Search::new(name, id_of, since);
        let turn = self.turns.acquire().await.expect("it is never closed");
        let found = search.run(&*self.bus, |_, _| ()).await?;
        drop(turn);
        let explanation = explain(&found, Some(&versions), Duration::from_micros(asked.more_us));
        explanation.ok_or_else(|| Problem::NotFound(search.not_found(&found, id)))
    }
}

// === impl Asked ===

impl Default for Asked {
    fn default() -> Self {
        Self { key: false, more_us: 10_000, since_s: 24 * 60 * 60 }
    }
}

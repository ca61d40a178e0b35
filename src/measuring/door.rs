//! How rendezvous do, as JSON: `GET /api/v1/rendezvous` for all, `GET /api/v1/rendezvous/NAME` for one.
//!
//! `?window_s=3600` says over how long a time; objectives look back as far as they say.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};

use super::{Measuring, Overview};
use crate::door::{Shelf, find, problem};

/// Returns the names of all rendezvous.
type Names = Arc<dyn Fn() -> Vec<wire::RendezvousName> + Send + Sync>;

#[derive(Clone)]
struct Door {
    measuring: Arc<Measuring>,
    shelf: Shelf,
    names: Names,
}

/// What may be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// Over how long a time is counted, in seconds.
    window_s: u64,
}

/// All of them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Overviews {
    /// By name.
    pub(crate) rendezvous: Vec<Overview>,
}

/// Nothing is kept for longer.
const WINDOW_MAX: Duration = Duration::from_hours(31 * 24);

/// Returns the routes. `names` are those of the rendezvous that `shelf` has.
pub fn measures_routes(measuring: Arc<Measuring>, shelf: Shelf, names: Names) -> Router {
    Router::new()
        .route("/api/v1/rendezvous", get(all))
        .route("/api/v1/rendezvous/{rendezvous}", get(one))
        .with_state(Door { measuring, shelf, names })
}

async fn one(State(door): State<Door>, Path(rendezvous): Path<String>, Query(asked): Query<Asked>) -> Response {
    let versions = match find(&door.shelf, &rendezvous) {
        Ok((_, versions)) => versions,
        Err(sentence) => return problem(StatusCode::NOT_FOUND, &sentence),
    };
    match door.measuring.overview(versions.live(), asked.window()).await {
        Ok(overview) => Json(overview).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn all(State(door): State<Door>, Query(asked): Query<Asked>) -> Response {
    let mut rendezvous = Vec::new();
    for versions in (door.names)().iter().filter_map(|name| (door.shelf)(name)) {
        match door.measuring.overview(versions.live(), asked.window()).await {
            Ok(overview) => rendezvous.push(overview),
            Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        }
    }
    Json(Overviews { rendezvous }).into_response()
}

// === impl Asked ===

impl Asked {
    fn window(&self) -> Duration {
        Duration::from_secs(self.window_s).clamp(Duration::from_secs(1), WINDOW_MAX)
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self { window_s: 60 * 60 }
    }
}

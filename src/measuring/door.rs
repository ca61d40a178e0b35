//! How rendezvous do, as JSON: `GET /api/v1/rendezvous` for all, `GET /api/v1/rendezvous/NAME` for one.
//!
//! `?window_s=3600` says over how long a time; objectives look back as far as they say.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::get,
};
use measures::Sum;
use policies::Definition;
use serde::{Deserialize, Serialize};

use super::{Measuring, Overview};
use crate::door::{Problem, Shelf, known};

/// Returns the names of all rendezvous.
pub type Names = Arc<dyn Fn() -> Vec<wire::RendezvousName> + Send + Sync>;

/// Tells how rendezvous do.
#[derive(Clone)]
pub struct MeasuresDoor {
    measuring: Arc<Measuring>,
    shelf: Shelf,
    names: Names,
}

/// What may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Over {
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
pub(crate) const WINDOW_MAX: Duration = Duration::from_hours(31 * 24);

/// Over how long a time is counted unless it is said.
const WINDOW: Duration = Duration::from_hours(1);

/// Returns the routes. `names` are those of the rendezvous that `shelf` has.
pub fn measures_routes(measuring: Arc<Measuring>, shelf: Shelf, names: Names) -> Router {
    MeasuresDoor::new(measuring, shelf, names).routes()
}

async fn one(
    State(door): State<MeasuresDoor>,
    Path(rendezvous): Path<String>,
    Query(over): Query<Over>,
) -> Result<Json<Overview>, Problem> {
    door.one(&rendezvous, over.window()).await.map(Json)
}

async fn all(State(door): State<MeasuresDoor>, Query(over): Query<Over>) -> Result<Json<Overviews>, Problem> {
    Ok(Json(Overviews { rendezvous: door.all(over.window()).await? }))
}

// === impl MeasuresDoor ===

impl MeasuresDoor {
    /// `names` are those of the rendezvous that `shelf` has.
    #[must_use]
    pub fn new(measuring: Arc<Measuring>, shelf: Shelf, names: Names) -> Self {
        Self { measuring, shelf, names }
    }

    /// Returns the routes.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/api/v1/rendezvous", get(all))
            .route("/api/v1/rendezvous/{rendezvous}", get(one))
            .with_state(self)
    }

    /// Returns how one rendezvous does.
    pub(crate) async fn one(&self, rendezvous: &str, window: Duration) -> Result<Overview, Problem> {
        let (_, versions) = known(&self.shelf, rendezvous)?;
        Ok(self.measuring.overview(versions.live(), window).await?)
    }

    /// Returns how all do, by name.
    pub(crate) async fn all(&self, window: Duration) -> Result<Vec<Overview>, Problem> {
        let mut all = Vec::new();
        for versions in self.names().iter().filter_map(|name| (self.shelf)(name)) {
            all.push(self.measuring.overview(versions.live(), window).await?);
        }
        Ok(all)
    }

    /// Returns what was counted of each in the last `window`, beside its live version.
    pub(crate) async fn sums(&self, window: Duration) -> Result<Vec<(Arc<Definition>, Sum)>, Problem> {
        let mut all = Vec::new();
        for versions in self.names().iter().filter_map(|name| (self.shelf)(name)) {
            let live = Arc::clone(versions.live());
            let sum = self.measuring.counted(live.name(), window).await?;
            all.push((live, sum));
        }
        Ok(all)
    }

    /// Returns the names of all.
    pub(crate) fn names(&self) -> Vec<wire::RendezvousName> {
        (self.names)()
    }
}

// === impl Over ===

impl Over {
    pub(crate) fn seconds(window_s: u64) -> Self {
        Self { window_s }
    }

    pub(crate) fn window(self) -> Duration {
        Duration::from_secs(self.window_s).clamp(Duration::from_secs(1), WINDOW_MAX)
    }
}

impl Default for Over {
    fn default() -> Self {
        Self { window_s: WINDOW.as_secs() }
    }
}

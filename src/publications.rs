//! Models as JSON: `GET /api/v1/models` for all, `GET /api/v1/models/NAME` for a published one, and
//! `GET /api/v1/models/RENDEZVOUS/EXECUTOR` for one that is part of a policy.
//!
//! `?window_s=3600` says over how long a time is counted what they did; `?stats=false` leaves that away, for whoever is to
//! know what is published however the counts are.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::get,
};
use control::Follower;
use measures::Sum;
use models::{Counted, ModelStats, ModelView, RefusedView, Registry};
use policies::Definition;
use serde::{Deserialize, Serialize};

use crate::{
    door::Problem,
    measuring::{MeasuresDoor, Over},
};

/// All models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelsView {
    /// By name.
    pub models: Vec<ModelView>,
    /// The changes that were refused last, oldest first.
    pub refused: Vec<RefusedView>,
}

/// Tells of models: what is published, and what they did.
#[derive(Clone)]
pub struct ModelsDoor {
    follower: Follower,
    measures: MeasuresDoor,
}

/// What is answered about all models; what they did, of those too that are published nowhere.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AllTold {
    #[serde(flatten)]
    view: ModelsView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<Vec<ModelStats>>,
}

/// What is answered about one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OneTold {
    #[serde(flatten)]
    view: ModelView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<ModelStats>,
}

/// What may be said.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    window_s: Option<u64>,
    stats: bool,
}

async fn all(State(door): State<ModelsDoor>, Query(wanted): Query<Wanted>) -> Result<Json<AllTold>, Problem> {
    let stats = match wanted.window() {
        Some(window) => Some(door.stats(window).await?),
        None => None,
    };
    Ok(Json(AllTold { view: ModelsView::from(&*door.registry()), stats }))
}

async fn one(
    State(door): State<ModelsDoor>,
    Path(model): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<OneTold>, Problem> {
    door.one(&model, wanted).await.map(Json)
}

async fn part_of_a_policy(
    State(door): State<ModelsDoor>,
    Path((rendezvous, executor)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<OneTold>, Problem> {
    door.one(&format!("{rendezvous}/{executor}"), wanted).await.map(Json)
}

/// Returns what there is to know about a model, or a sentence that says that there is none.
pub(crate) fn view(registry: &Registry, model: &str) -> Result<ModelView, String> {
    registry.get(model).map(|model| ModelView::from(&**model)).ok_or_else(|| {
        let known: Vec<String> = registry.models().map(|model| format!("`{}`", model.name())).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("no model `{model}` is published; there is {known}")
    })
}

/// Returns what each model did that is published, or part of a policy of which that was counted.
pub(crate) fn stats(registry: &Registry, sums: &[(Arc<Definition>, Sum)], window: Duration) -> Vec<ModelStats> {
    let counted: Vec<Counted> = sums.iter().map(|(definition, sum)| Counted { definition, sum }).collect();
    ModelStats::all(registry, &counted, window)
}

/// Returns the one of that name, or a sentence that says which there are.
pub(crate) fn pick(stats: Vec<ModelStats>, model: &str) -> Result<ModelStats, String> {
    let known: Vec<String> = stats.iter().map(|stats| format!("`{}`", stats.name)).collect();
    stats.into_iter().find(|stats| stats.name == model).ok_or_else(|| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("there is no model `{model}`; there is {known}")
    })
}

// === impl ModelsDoor ===

impl ModelsDoor {
    /// Published models are those that `follower` knows; what they did is asked of `measures`.
    #[must_use]
    pub fn new(follower: Follower, measures: MeasuresDoor) -> Self {
        Self { follower, measures }
    }

    /// Returns the routes.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/api/v1/models", get(all))
            .route("/api/v1/models/{model}", get(one))
            .route("/api/v1/models/{rendezvous}/{executor}", get(part_of_a_policy))
            .with_state(self)
    }

    /// Returns what each model did in the last `window`.
    pub(crate) async fn stats(&self, window: Duration) -> Result<Vec<ModelStats>, Problem> {
        let sums = self.measures.sums(window).await?;
        Ok(stats(&self.registry(), &sums, window))
    }

    async fn one(&self, model: &str, wanted: Wanted) -> Result<OneTold, Problem> {
        let published = view(&self.registry(), model);
        let Some(window) = wanted.window() else {
            return Ok(OneTold { view: published.map_err(Problem::NotFound)?, stats: None });
        };
        let stats = pick(self.stats(window).await?, model).map_err(Problem::NotFound)?;
        let view = published.unwrap_or_else(|_| ModelView {
            name: stats.name.clone(),
            live: stats.current.clone(),
            previous: stats.previous.clone(),
            versions: Vec::new(),
        });
        Ok(OneTold { view, stats: Some(stats) })
    }

    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.follower.models().borrow())
    }
}

// === impl Wanted ===

impl Wanted {
    /// Returns over how long a time is to be counted, if that is wanted.
    fn window(self) -> Option<Duration> {
        self.stats.then(|| self.window_s.map_or_else(Over::default, Over::seconds).window())
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self { window_s: None, stats: true }
    }
}

// === impl ModelsView ===

impl From<&Registry> for ModelsView {
    fn from(registry: &Registry) -> Self {
        Self {
            models: registry.models().map(|model| ModelView::from(&**model)).collect(),
            refused: registry.refused().map(RefusedView::from).collect(),
        }
    }
}

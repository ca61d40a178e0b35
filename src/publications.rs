//! The models that are published, as JSON: `GET /api/v1/models` for all, `GET /api/v1/models/NAME` for one.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use control::Follower;
use models::{ModelView, RefusedView, Registry};
use serde::{Deserialize, Serialize};

use crate::door::Problem;

/// All models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelsView {
    /// By name.
    pub models: Vec<ModelView>,
    /// The changes that were refused last, oldest first.
    pub refused: Vec<RefusedView>,
}

/// Returns the routes.
pub fn model_routes(follower: Follower) -> Router {
    Router::new()
        .route("/api/v1/models", get(all))
        .route("/api/v1/models/{model}", get(one))
        .with_state(Arc::new(follower))
}

async fn all(State(follower): State<Arc<Follower>>) -> Json<ModelsView> {
    Json(ModelsView::from(&**follower.models().borrow()))
}

async fn one(State(follower): State<Arc<Follower>>, Path(model): Path<String>) -> Result<Json<ModelView>, Problem> {
    view(&follower.models().borrow(), &model).map(Json).map_err(Problem::NotFound)
}

/// Returns what there is to know about a model, or a sentence that says that there is none.
pub(crate) fn view(registry: &Registry, model: &str) -> Result<ModelView, String> {
    registry.get(model).map(|model| ModelView::from(&**model)).ok_or_else(|| {
        let known: Vec<String> = registry.models().map(|model| format!("`{}`", model.name())).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("no model `{model}` is published; there is {known}")
    })
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

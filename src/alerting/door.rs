//! What is wrong now, as JSON: `GET /api/v1/alerts`.

use std::sync::Arc;

use alarms::Condition;
use axum::{Json, Router, extract::State, routing::get};
use serde::{Deserialize, Serialize};

use super::Watch;

/// What is wrong now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    /// When this was, in microseconds since the epoch.
    pub at_us: i64,
    /// What is wrong, whether anybody was told of it or not.
    pub conditions: Vec<Condition>,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
}

/// What could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// What kind of thing.
    pub kind: alarms::Kind,
    /// Of which rendezvous.
    pub rendezvous: Option<String>,
}

/// Returns the route.
pub fn alert_routes(watch: Arc<Watch>) -> Router {
    Router::new().route("/api/v1/alerts", get(answer)).with_state(watch)
}

async fn answer(State(watch): State<Arc<Watch>>) -> Json<Alerts> {
    Json(Alerts::of(&watch).await)
}

// === impl Alerts ===

impl Alerts {
    /// Looks, and returns what is wrong.
    pub async fn of(watch: &Watch) -> Self {
        let seen = watch.look().await;
        let unseen = seen.unseen.iter().map(|scope| Unseen { kind: scope.kind, rendezvous: scope.rendezvous.clone() });
        Self {
            at_us: watch.looks.clock.now().as_micros(),
            conditions: seen.conditions.clone(),
            unseen: unseen.collect(),
        }
    }
}

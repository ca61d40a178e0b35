//! How this process stands, as JSON: `GET /health` and `GET /api/v1/health`; 200 if it can work, 503 if it cannot.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};

use super::Checkup;

/// Returns `/health`.
pub fn health_route(checkup: Arc<Checkup>) -> Router {
    Router::new().route("/health", get(answer)).with_state(checkup)
}

/// Returns `/api/v1/health`.
pub fn api_route(checkup: Arc<Checkup>) -> Router {
    Router::new().route("/api/v1/health", get(answer)).with_state(checkup)
}

async fn answer(State(checkup): State<Arc<Checkup>>) -> Response {
    let health = checkup.health().await;
    let status = if health.is_healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(&*health)).into_response()
}

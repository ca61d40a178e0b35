//! How far groups are behind, as JSON: `GET /api/v1/rendezvous/NAME/lag`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};

use super::Lagging;
use crate::door::{Shelf, find, problem};

/// Returns the route.
pub fn lag_routes(lagging: Arc<Lagging>, shelf: Shelf) -> Router {
    Router::new().route("/api/v1/rendezvous/{rendezvous}/lag", get(answer)).with_state((lagging, shelf))
}

async fn answer(State((lagging, shelf)): State<(Arc<Lagging>, Shelf)>, Path(rendezvous): Path<String>) -> Response {
    let (name, _) = match find(&shelf, &rendezvous) {
        Ok(found) => found,
        Err(sentence) => return problem(StatusCode::NOT_FOUND, &sentence),
    };
    match lagging.lags(&name).await {
        Ok(lags) => Json(&*lags).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

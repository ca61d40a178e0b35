//! What the routes that look back have in common: which rendezvous there are, who wants a page, how a problem is told.

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use policies::Versions;
use serde_json::json;
use wire::RendezvousName;

/// Where a door finds a rendezvous' versions.
pub type Shelf = Arc<dyn Fn(&RendezvousName) -> Option<Arc<Versions>> + Send + Sync>;

/// Returns the rendezvous of that name and its versions, or says that there is none.
pub(crate) fn find(shelf: &Shelf, rendezvous: &str) -> Result<(RendezvousName, Arc<Versions>), String> {
    let found = RendezvousName::new(rendezvous).ok().and_then(|name| shelf(&name).map(|versions| (name, versions)));
    found.ok_or_else(|| format!("there is no rendezvous `{rendezvous}` here"))
}

/// Returns whether a page for people is wanted, and not JSON.
pub(crate) fn wants_text(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"))
}

/// Answers with what is wrong.
pub(crate) fn problem(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}

//! What the routes that look back have in common: which rendezvous there are, who wants a page, how a problem is told.

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bus::BusError;
use policies::Versions;
use serde_json::json;
use wire::RendezvousName;

/// Where a door finds a rendezvous' versions.
pub type Shelf = Arc<dyn Fn(&RendezvousName) -> Option<Arc<Versions>> + Send + Sync>;

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// What was asked about is not there.
    NotFound(String),
    /// It cannot be read now.
    Unreadable(BusError),
}

// === impl Problem ===

impl Problem {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Unreadable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::NotFound(sentence) => sentence.clone(),
            Self::Unreadable(error) => error.to_string(),
        }
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        Self::Unreadable(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        problem(self.status(), &self.sentence())
    }
}

// === what is asked ===

/// Returns the rendezvous of that name and its versions, or says that there is none.
pub(crate) fn find(shelf: &Shelf, rendezvous: &str) -> Result<(RendezvousName, Arc<Versions>), String> {
    let found = RendezvousName::new(rendezvous).ok().and_then(|name| shelf(&name).map(|versions| (name, versions)));
    found.ok_or_else(|| format!("there is no rendezvous `{rendezvous}` here"))
}

/// The same, for whoever tells problems alike.
pub(crate) fn known(shelf: &Shelf, rendezvous: &str) -> Result<(RendezvousName, Arc<Versions>), Problem> {
    find(shelf, rendezvous).map_err(Problem::NotFound)
}

/// Returns whether a page for people is wanted, and not JSON.
pub(crate) fn wants_text(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"))
}

/// Answers with what is wrong.
pub(crate) fn problem(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}

//! The door for people who change policies and models of a running process: the same changes as over the log, over HTTP.
//!
//! It is part of the process' one listener, and knows nobody by name: whoever may use it may change policies, under
//! whatever author they give. So changes are taken from this machine alone unless `Access` says otherwise; reading is
//! open to whoever reaches the listener. Behind a proxy on the same machine everybody comes from this machine: choose
//! `Nobody` there. A browser's page from elsewhere is kept out by what it cannot send: a JSON content type without
//! being asked for leave, and a `Host` that is this machine's.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, Path, State, rejection::JsonRejection},
    http::{Extensions, HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use policies::{History, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::{Action, ModelName, RendezvousName};

use crate::{Follower, ModelOutcome, Outcome, PolicyView, PublishError, WantedModel};

/// From where changes are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// From this machine alone.
    #[default]
    Loopback,
    /// From whoever reaches the listener.
    Anyone,
    /// From nowhere: the door is for reading.
    Nobody,
}

/// What is sent to change a policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// Who wants it.
    pub author: String,
    /// Why.
    #[serde(default)]
    pub message: String,
    /// What is to be done.
    pub action: Action,
}

#[derive(Clone)]
struct Door {
    follower: Follower,
    access: Access,
}

/// What is no answer.
enum Problem {
    NoSuchRendezvous(String),
    NoSuchVersion(u64),
    NoModelName(String),
    NotFromThere(&'static str),
    Unreadable(JsonRejection),
    NotPublished(PublishError),
}

/// A policy and what surrounds it in JSON; larger bodies are refused.
const BODY_MAX: usize = 2 << 20;

/// Returns the routes: `GET /control`, `GET` and `POST /control/NAME`, `GET /control/NAME/VERSION`, `POST /models/NAME`. The service must be
/// made with `into_make_service_with_connect_info::<SocketAddr>()`: who comes from nowhere changes nothing.
pub fn router(follower: Follower, access: Access) -> Router {
    Router::new()
        .route("/control", get(names))
        .route("/control/{rendezvous}", get(policy).post(change))
        .route("/control/{rendezvous}/{version}", get(text))
        .route("/models/{model}", post(change_model))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::new(Door { follower, access }))
}

async fn names(State(door): State<Arc<Door>>) -> impl IntoResponse {
    let names: Vec<String> = door.follower.names().iter().map(ToString::to_string).collect();
    Json(json!({ "rendezvous": names }))
}

async fn policy(State(door): State<Arc<Door>>, Path(name): Path<String>) -> Result<Json<PolicyView>, Problem> {
    door.look(&name, |history| Json(PolicyView::from(history)))
}

async fn text(
    State(door): State<Arc<Door>>,
    Path((name, version)): Path<(String, u64)>,
) -> Result<impl IntoResponse, Problem> {
    let text = door.look(&name, |history| history.entry(version).map(|entry| entry.text().to_string()))?;
    let text = text.ok_or(Problem::NoSuchVersion(version))?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], text))
}

async fn change(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Problem> {
    door.access.check(extensions.get::<ConnectInfo<SocketAddr>>(), &headers)?;
    let Json(Wanted { author, message, action }) = wanted.map_err(Problem::Unreadable)?;
    let name = door.known(&name)?;
    let change = door.follower.change(&name, &author, &message, action);
    let outcome = door.follower.publish(change).await.map_err(Problem::NotPublished)?;
    let status = match &outcome {
        Outcome::Done(_) => StatusCode::OK,
        Outcome::Refused(refused) if refused.refusal.is_conflict() => StatusCode::CONFLICT,
        Outcome::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok((status, Json(outcome)).into_response())
}

async fn change_model(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    wanted: Result<Json<WantedModel>, JsonRejection>,
) -> Result<Response, Problem> {
    door.access.check(extensions.get::<ConnectInfo<SocketAddr>>(), &headers)?;
    let Json(wanted) = wanted.map_err(Problem::Unreadable)?;
    let name = ModelName::new(&name).map_err(|error| Problem::NoModelName(error.to_string()))?;
    let outcome = door.follower.publish_model(&name, wanted).await.map_err(Problem::NotPublished)?;
    let status = match &outcome {
        ModelOutcome::Done(_) => StatusCode::OK,
        ModelOutcome::Refused(refused) if refused.refusal.is_conflict() => StatusCode::CONFLICT,
        ModelOutcome::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok((status, Json(outcome)).into_response())
}

// === impl Door ===

impl Door {
    /// Returns the name if it is a rendezvous with a version: names from outside leave nothing behind.
    fn known(&self, name: &str) -> Result<RendezvousName, Problem> {
        let unknown = || {
            let names: Vec<String> = self.follower.names().iter().map(|name| format!("`{name}`")).collect();
            Problem::NoSuchRendezvous(format!("there is no rendezvous `{name}` here; there is {}", names.join(", ")))
        };
        let name = RendezvousName::new(name).map_err(|_| unknown())?;
        self.follower.names().contains(&name).then_some(name).ok_or_else(unknown)
    }

    fn look<T>(&self, name: &str, at: impl FnOnce(&History) -> T) -> Result<T, Problem> {
        let name = self.known(name)?;
        let history = self.follower.history(&name).ok_or_else(|| Problem::NoSuchRendezvous(name.to_string()))?;
        let seen = at(&history.borrow());
        Ok(seen)
    }
}

// === impl Access ===

impl Access {
    fn check(self, peer: Option<&ConnectInfo<SocketAddr>>, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Nobody => Err(Problem::NotFromThere("this door is for reading: it takes no changes")),
            Self::Loopback if !peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback()) => {
                Err(Problem::NotFromThere("changes are taken from this machine alone: use its own shell, or --brokers"))
            }
            Self::Loopback if !is_own(headers) => {
                Err(Problem::NotFromThere("the `Host` of a change must be `localhost` or an address"))
            }
            Self::Loopback | Self::Anyone => Ok(()),
        }
    }
}

/// Returns whether the `Host` is this machine: a page whose name was made to point here still sends its own name.
#[must_use]
pub fn is_own(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok()
}

// === impl Problem ===

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, sentence) = match self {
            Self::NoSuchRendezvous(sentence) => (StatusCode::NOT_FOUND, sentence),
            Self::NoSuchVersion(version) => (StatusCode::NOT_FOUND, Refusal::Unknown { version }.to_string()),
            Self::NoModelName(sentence) => (StatusCode::UNPROCESSABLE_ENTITY, sentence),
            Self::NotFromThere(sentence) => (StatusCode::FORBIDDEN, sentence.to_owned()),
            Self::Unreadable(rejected) => (rejected.status(), rejected.body_text()),
            Self::NotPublished(error @ PublishError::Change(_)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            Self::NotPublished(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        };
        (status, Json(json!({ "error": sentence }))).into_response()
    }
}

//! Which pages there are, and from what each is drawn: the very values that its JSON twin serves.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alarms::Lags;
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::get,
};
use control::Follower;
use pages::{
    canary::Made,
    console::{self, Access, Page, SearchFields, Searched},
};
use policies::PolicyShown;
use serde::Deserialize;
use starter::Starter;
use wire::RendezvousName;

use super::args::TraceUrl;
use crate::{
    alerting::Alerts,
    canaries::CanaryDoor,
    door::{Problem, Shelf, known},
    explain::{self, ExplainDoor},
    measuring::{MeasuresDoor, Over},
    oversight::Oversight,
    publications::ModelsDoor,
    value_of_time::ValuesOfTime,
};

/// What pages are drawn from: the same that answers below `/api`.
pub struct Sources {
    /// Every rendezvous' versions.
    pub shelf: Shelf,
    /// What becomes of policies, and where changes of them go.
    pub follower: Follower,
    /// The starters that run here, by rendezvous.
    pub starters: BTreeMap<String, Starter>,
    /// How rendezvous do.
    pub measures: MeasuresDoor,
    /// What is published, and what models did.
    pub models: ModelsDoor,
    /// What was compared of canaries.
    pub canaries: Arc<CanaryDoor>,
    /// What became of one request.
    pub explain: Arc<ExplainDoor>,
    /// What more or less time would have been worth.
    pub values: Arc<ValuesOfTime>,
    /// Who is behind, what is down, what fires.
    pub oversight: Oversight,
    /// Where traces are looked at.
    pub traces: Option<TraceUrl>,
}

/// One page: what its address says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// Every rendezvous, over how long a time.
    Overview(Over),
    /// Every model, over how long a time.
    Models(Over),
    /// One of the rendezvous.
    Rendezvous(String, Over),
    /// Its policy.
    Policy(String, Versions),
    /// Its canaries.
    Canaries(String),
    /// The report about one of them.
    Report(String, String),
    /// Where a request is looked for.
    Search(String),
    /// One request.
    Request(String, Wanted),
    /// Where an input is asked about.
    Playground(String),
    /// What is down, and what fires.
    Health,
}

/// Which versions of a policy are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Versions {
    /// The live one, if it is not said.
    pub(crate) version: Option<u64>,
    /// The one that it is compared with.
    pub(crate) against: Option<u64>,
}

/// Which request is shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// Its id, or its caller's key.
    pub(crate) id: String,
    /// Whether that is a key even if it looks like an id.
    pub(crate) is_key: bool,
    /// How far to look back.
    pub(crate) hours: Option<u32>,
}

// === impl View ===

impl View {
    /// Returns whether it is sent again when it changes. What is read from far back in the log, or is being typed into, is
    /// not.
    pub(crate) fn is_live(&self) -> bool {
        match self {
            Self::Overview(_)
            | Self::Models(_)
            | Self::Rendezvous(..)
            | Self::Policy(..)
            | Self::Canaries(_)
            | Self::Health => true,
            Self::Report(..) | Self::Search(_) | Self::Request(..) | Self::Playground(_) => false,
        }
    }
}

// === impl Sources ===

impl Sources {
    /// Draws a page as things stand, for who may do that much.
    pub(crate) async fn draw(&self, view: &View, access: Access) -> Result<Page, Problem> {
        match view {
            View::Overview(over) => Ok(console::overview(&self.measures.all(over.window()).await?)),
            View::Models(over) => {
                let window_us = u64::try_from(over.window().as_micros()).unwrap_or(u64::MAX);
                Ok(console::models(&self.models.stats(over.window()).await?, window_us))
            }
            View::Rendezvous(name, over) => {
                let overview = self.measures.one(name, over.window()).await?;
                let time = RendezvousName::new(name).ok().and_then(|name| self.values.lately(&name));
                let lags = self.lags(name, overview.at_us).await;
                Ok(console::rendezvous(&overview, &lags, time.as_ref().map(|time| &time.curve)))
            }
            View::Policy(name, versions) => Ok(console::policy(&self.policy(name, *versions)?, access)),
            View::Canaries(name) => Ok(console::canaries(&self.canaries.shown(name).await?, access)),
            View::Report(name, canary) => {
                let (report, examples, at) = self.canaries.told(name, canary).await?;
                Ok(console::report(&report, &examples, &Made { at: Some(at), command: None }))
            }
            View::Search(name) => {
                known(&self.shelf, name)?;
                Ok(console::request_search(name, None))
            }
            View::Request(name, wanted) => self.request(name, wanted).await,
            View::Playground(name) => Ok(console::playground(&self.playground(name)?)),
            View::Health => {
                let firing = Alerts::of(&self.oversight.watch).await;
                Ok(console::health(&*self.oversight.checkup.health().await, &firing.conditions))
            }
        }
    }

    /// Returns who is behind; nobody, if that cannot be told now: the rest of a page is worth more than none.
    async fn lags(&self, name: &str, at_us: i64) -> Arc<Lags> {
        let told = match RendezvousName::new(name) {
            Ok(name) => self.oversight.lagging.lags(&name).await.ok(),
            Err(_) => None,
        };
        told.unwrap_or_else(|| Arc::new(Lags { rendezvous: name.to_owned(), at_us, groups: Vec::new() }))
    }

    /// Returns a policy with the text of one of its versions, perhaps compared with another.
    fn policy(&self, name: &str, versions: Versions) -> Result<PolicyShown, Problem> {
        let (name, _) = known(&self.shelf, name)?;
        let history = self.follower.history(&name);
        let history = history.ok_or_else(|| Problem::NotFound(format!("there is no policy of `{name}` here")))?;
        let shown = PolicyShown::of(&history.borrow(), versions.version, versions.against);
        shown.map_err(|none| Problem::NotFound(format!("`{name}`: {none}")))
    }

    async fn request(&self, name: &str, wanted: &Wanted) -> Result<Page, Problem> {
        known(&self.shelf, name)?;
        match self.explain.explanation(name, &wanted.id, &wanted.asked()).await {
            Ok(explanation) => {
                let trace = self.traces.as_ref().zip(explanation.trace_id.as_ref()).map(|(traces, id)| traces.of(id));
                let explained = self.explain.explained(explanation);
                Ok(console::request(&explained.explanation, &explained.models, trace.as_deref()))
            }
            Err(Problem::NotFound(why)) => {
                let key = wanted.is_key.then(|| "on".to_owned());
                let fields = SearchFields { id: wanted.id.clone(), key, hours: wanted.hours };
                Ok(console::request_search(name, Some(&Searched { fields, why })))
            }
            Err(problem) => Err(problem),
        }
    }
}

/// Returns the route to what a policy's page is drawn from, `GET /api/v1/rendezvous/NAME/policy`.
pub(crate) fn policy_route(sources: Arc<Sources>) -> Router {
    Router::new().route("/api/v1/rendezvous/{rendezvous}/policy", get(policy)).with_state(sources)
}

async fn policy(
    State(sources): State<Arc<Sources>>,
    Path(rendezvous): Path<String>,
    Query(versions): Query<Versions>,
) -> Result<Json<PolicyShown>, Problem> {
    sources.policy(&rendezvous, versions).map(Json)
}

// === impl Wanted ===

impl Wanted {
    fn asked(&self) -> explain::Asked {
        let usual = explain::Asked::default();
        let since_s = self.hours.map_or(usual.since_s, |hours| {
            u32::try_from(Duration::from_hours(hours.into()).as_secs()).unwrap_or(u32::MAX)
        });
        explain::Asked { key: self.is_key, since_s, ..usual }
    }
}

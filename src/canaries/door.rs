//! The doors to reports: `GET /api/v1/rendezvous/NAME/canaries`, one canary below it, and its verdict for rollouts.
//!
//! They only read, whatever `--control` says. A report is JSON, or what `Accept` asks for first: `text/html`,
//! `text/markdown` or `text/plain`. Reading the log costs something, so few are answered at a time and the others wait.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bus::{Bus, Clock};
use canary::{Report, Verdict};
use pages::{
    canary::{Made, html, markdown, text},
    console::{Canaries, CanaryShown},
};
use policies::{Definition, Versions};
use serde::Serialize;
use tokio::sync::Semaphore;
use wire::{ExecutorId, Timestamp};

use super::{EXAMPLES_WITHIN, Examples, Listed, examples};
use crate::door::{Problem, Shelf, known};

/// Tells what was compared of canaries.
pub struct CanaryDoor {
    bus: Arc<dyn Bus>,
    clock: Clock,
    shelf: Shelf,
    turns: Semaphore,
}

/// A canary in the list, and all that is known of it: what a page is drawn from.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    listed: Listed,
    held: bool,
    report: Report,
}

/// What the web metric of Argo Rollouts reads, by `jsonPath: "{$.data}"`.
#[derive(Serialize)]
struct ForRollouts {
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    /// Whether it may go on: the canary is better or no worse.
    ok: bool,
    /// The share of its answers that are the reference's, from 0 to 1; 0 where nothing was compared.
    success_percent: f64,
    verdict: Verdict,
    decision: &'static str,
    because: String,
    /// Pairs of answers that were compared.
    n: u64,
    /// Names the report.
    digest: String,
}

/// So many are answered at a time.
const AT_A_TIME: usize = 2;
/// A terminal is so wide, unless somebody says otherwise.
const WIDTH: usize = 100;

/// Returns the routes.
pub fn canary_routes(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf) -> Router {
    Arc::new(CanaryDoor::new(bus, clock, shelf)).routes()
}

async fn list(State(door): State<Arc<CanaryDoor>>, Path(rendezvous): Path<String>) -> Result<Json<Vec<Told>>, Problem> {
    let told = |CanaryShown { report, held }| Told { listed: Listed::from(report.clone()), held, report };
    Ok(Json(door.shown(&rendezvous).await?.canaries.into_iter().map(told).collect()))
}

async fn one(
    State(door): State<Arc<CanaryDoor>>,
    Path((rendezvous, canary)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let typed = |media: &'static str, body: String| ([(header::CONTENT_TYPE, media)], body).into_response();
    if accept.starts_with("text/html") {
        let (report, examples, at) = door.told(&rendezvous, &canary).await?;
        return Ok(typed("text/html; charset=utf-8", html(&report, &examples, &Made { at: Some(at), command: None })));
    }
    let (report, _) = door.report(&rendezvous, &canary).await?;
    Ok(if accept.starts_with("text/markdown") {
        typed("text/markdown; charset=utf-8", markdown(&report))
    } else if accept.starts_with("text/plain") {
        typed("text/plain; charset=utf-8", text(&report, WIDTH))
    } else {
        Json(report).into_response()
    })
}

async fn verdict(
    State(door): State<Arc<CanaryDoor>>,
    Path((rendezvous, canary)): Path<(String, String)>,
) -> Result<Json<ForRollouts>, Problem> {
    let (report, versions) = door.report(&rendezvous, &canary).await?;
    Ok(Json(for_rollouts(report, is_held(versions.live(), &canary))))
}

fn is_held(live: &Definition, canary: &str) -> bool {
    let spec = live.executor(canary);
    spec.and_then(|spec| spec.canary.as_ref()).is_some_and(|spec| spec.hold)
}

fn for_rollouts(report: Report, is_held: bool) -> ForRollouts {
    let ok = matches!(report.verdict, Verdict::Better | Verdict::NoWorse);
    let decision = match report.verdict {
        Verdict::Worse => "rollback",
        Verdict::Better | Verdict::NoWorse if !is_held => "promote",
        _ => "hold",
    };
    let digest = report.digest();
    ForRollouts {
        data: Data {
            ok,
            success_percent: report.agreement.share.unwrap_or(0.0),
            verdict: report.verdict,
            decision,
            because: report.because,
            n: report.requests.compared,
            digest,
        },
    }
}

// === impl CanaryDoor ===

impl CanaryDoor {
    /// Reads from `bus`; `shelf` has the versions.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf) -> Self {
        Self { bus, clock, shelf, turns: Semaphore::new(AT_A_TIME) }
    }

    /// Returns the routes.
    pub fn routes(self: Arc<Self>) -> Router {
        Router::new()
            .route("/api/v1/rendezvous/{rendezvous}/canaries", get(list))
            .route("/api/v1/rendezvous/{rendezvous}/canaries/{canary}", get(one))
            .route("/api/v1/rendezvous/{rendezvous}/canaries/{canary}/verdict", get(verdict))
            .with_state(self)
    }

    /// Returns the report of one, and by which versions it is read.
    pub(crate) async fn report(&self, rendezvous: &str, canary: &str) -> Result<(Report, Arc<Versions>), Problem> {
        let (name, versions) = known(&self.shelf, rendezvous)?;
        let nobody = || Problem::NotFound(format!("{rendezvous} has no canary `{canary}`"));
        let canary = ExecutorId::new(canary).map_err(|_| nobody())?;
        let turn = self.turns.acquire().await.expect("it is never closed");
        let compared = comparison::read(&*self.bus, &name).await?;
        drop(turn);
        let report = compared.report(versions.live(), &canary).ok_or_else(nobody)?;
        Ok((report, versions))
    }

    /// Returns the report of one, the requests behind its numbers, and when that was.
    pub(crate) async fn told(&self, rendezvous: &str, canary: &str) -> Result<(Report, Examples, Timestamp), Problem> {
        let (report, versions) = self.report(rendezvous, canary).await?;
        let examples = self.examples(versions.live(), &report).await;
        Ok((report, examples, self.clock.now()))
    }

    /// Returns every canary, in the policy's order.
    pub(crate) async fn shown(&self, rendezvous: &str) -> Result<Canaries, Problem> {
        let (name, versions) = known(&self.shelf, rendezvous)?;
        let turn = self.turns.acquire().await.expect("it is never closed");
        let compared = comparison::read(&*self.bus, &name).await?;
        drop(turn);
        let shown = |report: Report| CanaryShown { held: is_held(versions.live(), &report.canary), report };
        let canaries = compared.reports(versions.live()).into_iter().map(shown).collect();
        Ok(Canaries { rendezvous: name.to_string(), newest: versions.newest(), canaries })
    }

    /// Returns the requests that the report names; a page without them is better than none.
    async fn examples(&self, definition: &Definition, report: &Report) -> Examples {
        let since = self.clock.now().before(EXAMPLES_WITHIN);
        let turn = self.turns.acquire().await.expect("it is never closed");
        let found = examples(&*self.bus, definition, report, since).await;
        drop(turn);
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "a report's examples cannot be read");
            Examples::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use canary::{Ledger, Matchup};
    use wire::RendezvousName;

    use super::*;

    #[test]
    fn rollouts_are_told_what_their_web_metric_reads() {
        let name = |name: &str| ExecutorId::new(name).unwrap();
        let matchup = Matchup::new(name("next"), name("forest"));
        let empty = Report::of(&RendezvousName::new("wine").unwrap(), &matchup, &Ledger::default());
        let told = |verdict, is_held| for_rollouts(Report { verdict, ..empty.clone() }, is_held);
        let json = serde_json::to_string_pretty(&told(empty.verdict, false)).unwrap();
        let digest = empty.digest();
        let expected = format!(
            "{{\n  \"data\": {{\n    \"ok\": false,\n    \"successPercent\": 0.0,\n    \"verdict\": \"not_enough_evidence\",\n    \
             \"decision\": \"hold\",\n    \"because\": {},\n    \"n\": 0,\n    \"digest\": \"{digest}\"\n  }}\n}}",
            serde_json::to_string(&empty.because).unwrap()
        );
        assert_eq!(json, expected);
        let decisions = [
            (Verdict::Better, false, true, "promote"),
            (Verdict::NoWorse, false, true, "promote"),
            (Verdict::NoWorse, true, true, "hold"),
            (Verdict::Worse, true, false, "rollback"),
            (Verdict::NotComparable, false, false, "hold"),
        ];
        for (verdict, is_held, ok, decision) in decisions {
            let Data { ok: is_ok, decision: is, .. } = told(verdict, is_held).data;
            assert_eq!((is_ok, is), (ok, decision), "{verdict:?}");
        }
    }
}

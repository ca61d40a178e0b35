//! The canaries of a demo, compared with the truth told: the demo knows what each wine was.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use canary::{Report, Verdict};
use pages::canary::{Made, html, markdown};
use policies::{Truths, Versions};
use serde::Serialize;
use serde_json::json;
use wire::{RequestId, Timestamp};

use crate::{
    app::App,
    canaries::{Replay, examples},
};

/// A folder for reports, and what the demo knows.
pub(super) struct Reports<'run> {
    pub(super) folder: &'run Path,
    pub(super) since: Timestamp,
    /// Of each request that was accepted, what the wine was.
    pub(super) truths: Vec<(RequestId, u8)>,
    /// What makes the same reports again.
    pub(super) command: String,
}

/// What a canary came to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Came {
    pub(super) canary: String,
    pub(super) verdict: Verdict,
    pub(super) because: String,
    /// Pairs of answers that were compared.
    pub(super) compared: u64,
    /// Of how many of them it was known for certain that it answers otherwise than allowed, or is wrong more often; `null` if
    /// that was never known.
    pub(super) worse_after: Option<u64>,
    /// The page; the others lie beside it.
    pub(super) page: PathBuf,
}

// === impl Reports ===

impl Reports<'_> {
    /// Compares what lies in the log, and writes three files for each canary.
    pub(super) async fn write(&self, app: &App) -> anyhow::Result<Vec<Came>> {
        let versions = Arc::clone(&app.versions.borrow());
        let replay = Replay { truths: self.told(&versions)?, versions, since: self.since };
        let compared = replay.run(&*app.bus, &app.clock, |_, _| {}).await?;
        fs::create_dir_all(self.folder).with_context(|| format!("{}: no folder", self.folder.display()))?;
        let mut came = Vec::new();
        for report in compared.reports(replay.versions.live()) {
            let behind = examples(&*app.bus, replay.versions.live(), &report, self.since).await?;
            let made = Made { at: Some(app.clock.now()), command: Some(self.command.clone()) };
            let json = serde_json::to_string_pretty(&report)? + "\n";
            self.put(&report, "json", &json)?;
            self.put(&report, "md", &markdown(&report))?;
            let page = self.put(&report, "html", &html(&report, &behind, &made))?;
            came.push(Came::of(report, page));
        }
        Ok(came)
    }

    fn told(&self, versions: &Versions) -> anyhow::Result<Option<Truths>> {
        let Some(mut truths) = Truths::of(Arc::clone(versions.live())) else { return Ok(None) };
        for (id, class) in &self.truths {
            // Line by line, as whoever has a file of them tells it.
            truths.tell(&json!({ "id": id.to_string(), "class": class }).to_string())?;
        }
        Ok(Some(truths))
    }

    fn put(&self, report: &Report, ending: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(format!("canary-{}.{ending}", report.canary));
        fs::write(&path, text).with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(path)
    }
}

// === impl Came ===

impl Came {
    fn of(report: Report, page: PathBuf) -> Self {
        let allowed = |wanted: canary::Metric| {
            let judged = report.metrics.iter().find(|metric| metric.judged && metric.metric == wanted);
            judged.and_then(|metric| metric.threshold)
        };
        let (agreement, accuracy) = (allowed(canary::Metric::Agreement), allowed(canary::Metric::Accuracy));
        let exceeds = |low: Option<f64>, threshold: Option<f64>| {
            low.zip(threshold).is_some_and(|(low, threshold)| low > threshold)
        };
        let worse = report.course.iter().find(|point| {
            exceeds(point.disagreement_interval.low, agreement) || exceeds(point.accuracy_interval.low, accuracy)
        });
        let worse_after = worse.map(|point| point.compared);
        let Report { canary, verdict, because, requests, .. } = report;
        Self { canary, verdict, because, compared: requests.compared, worse_after, page }
    }
}

//! What `hedgerow audit` says of a rendezvous: the judge is the command that users have.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::deployment::Deployment;

/// The counts of its JSON that a row shows.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Audit {
    pub(crate) accepted: u64,
    pub(crate) results: u64,
    pub(crate) missing: u64,
    pub(crate) second: u64,
    pub(crate) contradictory: u64,
    pub(crate) void: u64,
    pub(crate) late: u64,
    pub(crate) degraded: u64,
    open: u64,
    pub(crate) ok: bool,
    #[serde(default)]
    violations: Value,
}

/// So much of the violations is told; the command tells the rest.
const TOLD: usize = 1_000;

// === impl Audit ===

impl Audit {
    /// Audits the rendezvous as it is now, and waits for what is due.
    pub(crate) fn of(deployment: &Deployment) -> anyhow::Result<Self> {
        let said = deployment.ask("audit", &["--json"])?;
        serde_json::from_str(&said).with_context(|| format!("hedgerow audit said {said}"))
    }

    /// Says what it found wrong.
    pub(crate) fn problem(&self) -> Option<String> {
        let violations: String = self.violations.to_string().chars().take(TOLD).collect();
        let told = format!("the audit is not clean: {} are still open, {violations}", self.open);
        (!self.ok || self.open > 0).then_some(told)
    }
}

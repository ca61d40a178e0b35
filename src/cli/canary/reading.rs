//! Where reports come from: the log's comparison topic, or a process that serves them.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use canary::{Report, Verdict};
use serde::{Deserialize, Serialize};
use wire::{ExecutorId, RendezvousName};

use super::super::{
    Failure, asking,
    control::{Reach, rendezvous},
};

/// The reports about one rendezvous' canaries.
pub(super) struct Reports {
    pub(super) rendezvous: RendezvousName,
    client: reqwest::Client,
    at: String,
}

/// A canary in a list.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    /// Who is compared.
    pub(super) canary: String,
    /// With whom.
    pub(super) reference: String,
    /// What it comes to.
    pub(super) verdict: Verdict,
    /// Why.
    pub(super) because: String,
    /// Of how many pairs of answers.
    pub(super) compared: u64,
}

/// A process that reads its comparison takes no longer.
const READ_WITHIN: Duration = Duration::from_mins(1);

// === impl Reports ===

impl Reports {
    pub(super) fn open(reach: &Reach, name: &str) -> Result<Self, Failure> {
        let rendezvous = rendezvous(name)?;
        let client = reqwest::Client::builder().no_proxy().timeout(READ_WITHIN).build().context("no HTTP client")?;
        Ok(Self { rendezvous, client, at: reach.at().to_owned() })
    }

    /// Returns every canary that is compared, in the policy's order.
    pub(super) async fn list(&self) -> anyhow::Result<Vec<Listed>> {
        let text = self.get(&["canaries"], "application/json").await?;
        serde_json::from_str(&text).with_context(|| self.unlike())
    }

    /// Returns the report about one.
    pub(super) async fn report(&self, canary: &ExecutorId) -> anyhow::Result<Report> {
        let text = self.get(&["canaries", canary.as_str()], "application/json").await?;
        serde_json::from_str(&text).with_context(|| self.unlike())
    }

    /// Returns the report about one, as `media`.
    pub(super) async fn rendered(&self, canary: &ExecutorId, media: &'static str) -> anyhow::Result<String> {
        self.get(&["canaries", canary.as_str()], media).await
    }

    async fn get(&self, below: &[&str], media: &'static str) -> anyhow::Result<String> {
        let path = [&["api", "v1", "rendezvous", self.rendezvous.as_str()], below].concat();
        asking::get(&self.client, &self.at, &path, &[], media).await
    }

    fn unlike(&self) -> String {
        format!("{} does not answer as hedgerow would", self.at)
    }
}

/// Reads the name of a canary.
pub(super) fn canary(name: &str) -> Result<ExecutorId, Failure> {
    ExecutorId::new(name).map_err(|error| Failure::Refused(anyhow!("no executor is called so: {error}")))
}

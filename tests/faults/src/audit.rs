//! Whether each request has exactly one result, by the reader rule.

use bus::{KafkaBus, KafkaSettings};

use crate::{deployment::Deployment, log::Log};

/// The counts that a row shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit {
    pub(crate) accepted: u64,
    pub(crate) results: u64,
    pub(crate) missing: u64,
    pub(crate) second: u64,
    pub(crate) contradictory: u64,
    pub(crate) void: u64,
    pub(crate) late: u64,
    pub(crate) degraded: u64,
}

// === impl Audit ===

impl Audit {
    /// Audits the rendezvous as it is now.
    pub(crate) fn of(deployment: &Deployment) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let log = runtime.block_on(async {
            let bus = KafkaBus::connect(KafkaSettings::new(deployment.brokers()))?;
            Log::read(&bus, deployment.name()).await
        })?;
        let (accepted, missing) = log.accepted_and_missing();
        let (results, second, void) = (accepted - missing, log.repeats, log.void);
        Ok(Self { accepted, results, missing, second, void, ..Self::default() })
    }

    /// Says what it found wrong.
    pub(crate) fn problem(&self) -> Option<String> {
        let Self { missing, second, .. } = self;
        (missing + second > 0).then(|| format!("{missing} requests have no result, {second} a second one"))
    }
}

//! What the comparison counts.

use canary::{Ledger, Report, Topic};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use wire::ExecutorId;

use crate::Told;

/// The comparison's counters. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    read: Family<TopicLabel, Counter>,
    passed: Family<TopicLabel, Counter>,
    unreadable: Family<TopicLabel, Counter>,
    lost: Family<TopicLabel, Counter>,
    cut_off: Counter,
    version_unknown: Counter,
    asked: Family<CanaryLabel, Gauge>,
    compared: Family<CanaryLabel, Gauge>,
    excluded: Family<ExcludedLabel, Gauge>,
    verdicts: Family<VerdictLabel, Gauge>,
    /// Partitions that are compared here.
    pub(crate) partitions: Gauge,
    /// Requests that wait for the rest of them, here.
    pub(crate) open: Gauge,
    /// How far the partition lies behind that is furthest behind, in whole seconds.
    pub(crate) lag: Gauge,
    /// What was written down.
    pub(crate) checkpoints: Counter,
    /// What the log did not take.
    pub(crate) refused: Counter,
    /// How large it was.
    pub(crate) bytes: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TopicLabel {
    topic: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CanaryLabel {
    canary: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExcludedLabel {
    canary: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    canary: String,
    verdict: &'static str,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let (read, passed, unreadable, lost, cut_off, version_unknown) = Default::default();
        let (asked, compared, excluded, verdicts, partitions, open, lag, checkpoints, refused) = Default::default();
        let bytes = Histogram::new([4e3, 16e3, 64e3, 128e3, 256e3, 512e3, 1e6]);
        Self {
            read,
            passed,
            unreadable,
            lost,
            cut_off,
            version_unknown,
            asked,
            compared,
            excluded,
            verdicts,
            partitions,
            open,
            lag,
            checkpoints,
            refused,
            bytes,
        }
    }
}

impl Metrics {
    /// Counts what a partition tells.
    pub(crate) fn on_told(&self, told: Told) {
        let of = |family: &Family<TopicLabel, Counter>, topic: Topic| {
            family.get_or_create(&TopicLabel { topic: topic.as_str() }).clone()
        };
        match told {
            Told::Read(topic) => of(&self.read, topic).inc(),
            Told::Passed(topic) => of(&self.passed, topic).inc(),
            Told::Unreadable(topic) => of(&self.unreadable, topic).inc(),
            Told::Lost(topic, records) => of(&self.lost, topic).inc_by(records.unsigned_abs()),
            Told::CutOff(_) => self.cut_off.inc(),
            Told::VersionUnknown => self.version_unknown.inc(),
        };
    }

    /// Shows what was counted of each canary in the partitions that are compared here.
    pub(crate) fn show<'a>(&self, sums: impl IntoIterator<Item = (&'a ExecutorId, &'a Ledger)>) {
        for (canary, ledger) in sums {
            let (label, gauge) =
                (CanaryLabel { canary: canary.to_string() }, |n: u64| i64::try_from(n).unwrap_or(i64::MAX));
            self.asked.get_or_create(&label).set(gauge(ledger.pairs.asked));
            self.compared.get_or_create(&label).set(gauge(ledger.pairs.compared));
            for (why, count) in &ledger.pairs.excluded {
                let label = ExcludedLabel { canary: canary.to_string(), reason: why.as_str() };
                self.excluded.get_or_create(&label).set(gauge(*count));
            }
        }
    }

    /// Shows what all partitions together come to.
    pub(crate) fn show_verdicts(&self, reports: &[Report]) {
        self.verdicts.clear();
        for report in reports {
            let label = VerdictLabel { canary: report.canary.clone(), verdict: report.verdict.as_str() };
            self.verdicts.get_or_create(&label).set(1);
        }
    }

    /// Lets go of what is shown of canaries: others are compared, or other partitions.
    pub(crate) fn clear(&self) {
        self.asked.clear();
        self.compared.clear();
        self.excluded.clear();
        self.verdicts.clear();
    }

    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let name = |name: &str| format!("hedgerow_comparison_{name}");
        registry.register(name("records"), "Records read that were compared, or might be", self.read.clone());
        registry.register(name("passed_records"), "Fences, void results and repeats", self.passed.clone());
        registry.register(name("unreadable_records"), "Records that cannot be understood", self.unreadable.clone());
        registry.register(
            name("lost_records"),
            "Records that the log dropped before they were read",
            self.lost.clone(),
        );
        registry.register(name("cut_off_logs"), "Times a topic was cut off or made anew", self.cut_off.clone());
        registry.register(
            name("unknown_versions"),
            "Versions of the policy that requests name and that never came",
            self.version_unknown.clone(),
        );
        registry.register(
            name("asked"),
            "Requests that asked the canary, in partitions compared here",
            self.asked.clone(),
        );
        registry.register(
            name("pairs"),
            "Pairs of answers compared, in partitions compared here",
            self.compared.clone(),
        );
        registry.register(name("excluded"), "Requests that were not compared, by why", self.excluded.clone());
        registry.register(
            name("verdict"),
            "1 for the verdict about each canary, at whoever compares partition 0",
            self.verdicts.clone(),
        );
        registry.register(name("partitions"), "Partitions compared here", self.partitions.clone());
        registry.register(name("open_requests"), "Requests that wait for the rest of their records", self.open.clone());
        registry.register_with_unit(
            name("lag"),
            "How far behind the log the partition is that is furthest behind",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register(name("checkpoints"), "Checkpoints that the log has", self.checkpoints.clone());
        registry.register(name("refused_checkpoints"), "Checkpoints that the log did not take", self.refused.clone());
        registry.register_with_unit(name("checkpoint"), "How large a checkpoint is", Unit::Bytes, self.bytes.clone());
    }
}

//! What is counted of versions on trial.

use policies::{ArmTally, PairTally, TrialTally};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Both versions' requests, and how a shadow's verdicts differ.
#[derive(Debug, Default)]
pub(super) struct TrialMetrics {
    decided: Family<ArmLabels, Counter>,
    defaults: Family<ArmLabels, Counter>,
    missed: Family<ArmLabels, Counter>,
    shadow: Family<ShadowLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ArmLabels {
    version: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ShadowLabels {
    what: &'static str,
}

// === impl TrialMetrics ===

impl TrialMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("trial_requests", "Requests counted in a trial, by version", self.decided.clone());
        registry.register("trial_defaults", "Of these, how many got a default", self.defaults.clone());
        let help = "Of these, how often one of the live version's objectives was missed";
        registry.register("trial_missed", help, self.missed.clone());
        let help = "Requests decided in the shadow as well, by how that differed";
        registry.register("shadow_requests", help, self.shadow.clone());
    }

    pub(super) fn count(&self, tally: &TrialTally) {
        let TrialTally { live, trial, paired } = tally;
        self.count_arm("live", live);
        self.count_arm("trial", trial);
        let PairTally { compared, different, earlier, later, default_instead, prediction_instead, skipped } = *paired;
        for (what, count) in [
            ("compared", compared),
            ("different", different),
            ("earlier", earlier),
            ("later", later),
            ("default_instead", default_instead),
            ("prediction_instead", prediction_instead),
            ("skipped", skipped),
        ] {
            self.shadow.get_or_create(&ShadowLabels { what }).inc_by(count);
        }
    }

    fn count_arm(&self, version: &'static str, arm: &ArmTally) {
        let labels = ArmLabels { version };
        self.decided.get_or_create(&labels).inc_by(arm.decided);
        self.defaults.get_or_create(&labels).inc_by(arm.defaults);
        self.missed.get_or_create(&labels).inc_by(arm.missed.iter().sum());
    }
}

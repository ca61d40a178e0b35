//! What rules and dashboard ask of Prometheus alike.

use std::time::Duration;

use policies::{Definition, Objective, duration::written};

/// What identifies an objective's results.
const BY: &str = "rendezvous, objective, degraded";

/// One objective of a rendezvous.
#[derive(Clone, Copy)]
pub(crate) struct Promise<'of> {
    pub(crate) rendezvous: &'of str,
    pub(crate) objective: &'of Objective,
}

// === impl Promise ===

impl Promise<'_> {
    /// Returns the labels of its results.
    pub(crate) fn labels(&self) -> String {
        let Objective { within, degraded_is_good, .. } = self.objective;
        let degraded = if *degraded_is_good { "good" } else { "bad" };
        format!(r#"rendezvous="{}", objective="{}", degraded="{degraded}""#, self.rendezvous, written(*within))
    }

    /// Returns the share of its results that were bad over `range`.
    pub(crate) fn bad(&self, range: &str) -> String {
        let labels = self.labels();
        let sum = |labels: &str| format!("sum by ({BY}) (rate(hedgerow_objective_results_total{{{labels}}}[{range}]))");
        format!("{}\n  /\n{}", sum(&format!(r#"{labels}, good="false""#)), sum(&labels))
    }

    /// Returns the share of its budget that is left; `None` if it has none.
    pub(crate) fn budget_left(&self) -> Option<String> {
        let allowed = self.allowed()?;
        Some(format!("1 - (\n{}\n) / {allowed}", self.bad(&range(self.objective.window))))
    }

    /// Returns the share of its results that may be bad, if any may.
    pub(crate) fn allowed(&self) -> Option<String> {
        (self.objective.share < 1.0).then(|| number(1.0 - self.objective.share))
    }

    /// Says what is promised.
    pub(crate) fn sentence(&self) -> String {
        let Objective { within, share, window, degraded_is_good } = self.objective;
        let what = if *degraded_is_good { "results" } else { "predictions" };
        format!("{} of the answers are {what} within {}, over {}", percent(*share), written(*within), written(*window))
    }
}

/// Returns whether anybody is only compared.
pub(crate) fn has_canaries(definition: &Definition) -> bool {
    definition.executors.iter().any(|executor| executor.canary.is_some())
}

/// Writes a range as Prometheus reads it: whole milliseconds at the finest.
pub(crate) fn range(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
    written(Duration::from_millis(millis))
}

/// Writes a number in as few digits as tell it, without what binary fractions add to it.
pub(crate) fn number(number: f64) -> String {
    let text = format!("{number:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes a share for people.
pub(crate) fn percent(share: f64) -> String {
    format!("{}%", number(100.0 * share))
}

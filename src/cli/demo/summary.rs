//! What a demo ends with: a table for people, the same as JSON for programs.

use std::collections::BTreeMap;

use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;

use super::reports::Came;
use crate::load::share;

/// What came of a stream of requests.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    /// Which log carried it.
    pub bus: String,
    /// The policy's budget.
    pub budget: String,
    /// Requests sent.
    pub requests: u64,
    /// Requests with a valid result in the results topic.
    pub results: u64,
    /// Requests without one.
    pub missing: u64,
    /// Valid results beyond the first of a request.
    pub second: u64,
    /// Share of requests answered to the caller within the budget.
    pub within_budget_share: f64,
    /// Median, from the intended instant to the answer, in milliseconds.
    pub p50_ms: f64,
    /// The 99th percentile of the same.
    pub p99_ms: f64,
    /// How often each clause decided.
    pub decided_by: BTreeMap<String, u64>,
    /// How often each executor's answer was (part of) the result.
    pub chosen: BTreeMap<String, u64>,
    /// How often each executor had answered when it was decided; of canaries, too.
    pub in_time: BTreeMap<String, u64>,
    /// How often each version of a model gave (part of) the result.
    pub models: BTreeMap<String, u64>,
    /// Answers and failures of each executor.
    pub responses: BTreeMap<String, (u64, u64)>,
    /// Share of the canary's answers that agree with its reference's; null without a pair.
    pub canary_agreement: Option<f64>,
    /// Requests refused, by the reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// What each canary came to, where reports were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<Came>,
}

// === impl Summary ===

impl Summary {
    /// Returns whether every request has exactly one result.
    pub(super) fn is_clean(&self) -> bool {
        self.missing == 0 && self.second == 0
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("a summary has only string keys and finite numbers")
    }

    pub(super) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING);
        let mut row = |name: &str, value: String| {
            table.add_row([name.to_owned(), value]);
        };
        row("bus", self.bus.clone());
        row("requests", self.requests.to_string());
        row("results", format!("{} ({} missing, {} second)", self.results, self.missing, self.second));
        row("within budget", format!("{} of {}", percent(self.within_budget_share), self.budget));
        row("latency", format!("p50 {:.2} ms, p99 {:.2} ms", self.p50_ms, self.p99_ms));
        row("decided by", self.list(&self.decided_by));
        row("chosen", self.list(&self.chosen));
        row("by models", self.list(&self.models));
        for (executor, (answers, failures)) in &self.responses {
            let in_time = percent(share(self.in_time.get(executor).copied().unwrap_or_default(), self.results));
            let said = format!("{answers} answers, {failures} failures, heard before {in_time} of the verdicts");
            row(&format!("  {executor}"), said);
        }
        let agreement = self.canary_agreement.map_or_else(|| "no pairs".to_owned(), percent);
        row("canary agrees", agreement);
        for (why, count) in &self.refused {
            row("refused", format!("{count} × {why}"));
        }
        self.canaries.iter().fold(table.trim_fmt(), |text, came| format!("{text}\n\n{}", page(came)))
    }

    fn list(&self, counts: &BTreeMap<String, u64>) -> String {
        let mut counts: Vec<_> = counts.iter().collect();
        counts.sort_by(|one, other| other.1.cmp(one.1));
        let part = |(name, count): (&String, &u64)| format!("{name} {}", percent(share(*count, self.results)));
        counts.into_iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

/// Returns what a canary came to, and where more about it lies.
fn page(came: &Came) -> String {
    let Came { canary, because, page, .. } = came;
    let early = came.worse_after.map_or_else(String::new, |after| format!("\n  known by the first {after} pairs"));
    format!("canary {canary}: {because}{early}\n  {}", page.display())
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

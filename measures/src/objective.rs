//! A promise about latency, held against what was counted: how much of its error budget is left, and how fast it burns.
//!
//! What counts as good: a result that the log took in within the objective's time of the request's birth, and that is a
//! prediction. A degraded one (a default, the last known answer, an error) is bad however soon it came, unless the
//! objective says that degraded results are good. What has no result is not counted here: the audit finds it.
//! Burn rates, their windows and thresholds are those of "Alerting on SLOs", chapter 5 of The Site Reliability Workbook
//! (Beyer et al., O'Reilly 2018), table 5-8: an alert needs a long window, so that it means something, and a short one, so
//! that it ends soon after its cause has. Their thresholds follow from how much of the budget may be gone meanwhile, so
//! they are right for objectives over other times than 30 days too.

use std::time::Duration;

use policies::Objective;
use serde::{Deserialize, Serialize};

use crate::Times;

/// What the results of some time were, as far as objectives are concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// Predictions: from the request's birth to the result in the log.
    pub predicted: Times,
    /// Defaults, last known answers and errors.
    pub degraded: Times,
}

/// How an objective stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Results within the objective's window.
    pub all: u64,
    /// Those that were good.
    pub good: u64,
    /// Their share; `None` without results.
    pub attained: Option<f64>,
    /// The share of the error budget that is left: 1 if nothing was bad, below 0 if it is overdrawn. With a share of 100 %
    /// there is no budget, and one bad result overdraws it: `None`.
    pub budget_left: Option<f64>,
    /// How fast it burns.
    pub burns: Vec<Burn>,
}

/// How fast a budget burns: at 1 it would last exactly as long as the objective's window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Burn {
    /// What is done about it.
    pub alert: Alert,
    /// The time in which `spent` of the budget would be gone at the threshold.
    pub long: Duration,
    /// The time that tells whether it goes on.
    pub short: Duration,
    /// The share of the budget that may be spent in the long one.
    pub spent: f64,
    /// The rate from which on it fires.
    pub threshold: f64,
    /// The rate in the long window; `None` without results, or without a budget.
    pub over_long: Option<f64>,
    /// The rate in the short one.
    pub over_short: Option<f64>,
    /// Whether it fires.
    pub fires: bool,
}

/// What is done about a budget that burns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// Somebody is called.
    Page,
    /// Somebody looks at it within days.
    Ticket,
}

/// When a budget burns too fast: one row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// What is done about it.
    pub alert: Alert,
    /// The time in which `spent` of the budget would be gone at the threshold.
    pub long: Duration,
    /// The time that tells whether it goes on.
    pub short: Duration,
    /// The share of the budget that may be spent in the long one.
    pub spent: f64,
}

const RULES: [Rule; 3] = [
    Rule { alert: Alert::Page, long: Duration::from_hours(1), short: Duration::from_mins(5), spent: 0.02 },
    Rule { alert: Alert::Page, long: Duration::from_hours(6), short: Duration::from_mins(30), spent: 0.05 },
    Rule { alert: Alert::Ticket, long: Duration::from_hours(72), short: Duration::from_hours(6), spent: 0.1 },
];

// === impl Alert ===

impl Alert {
    /// Returns its name, as JSON has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

// === impl Results ===

impl Results {
    /// Returns how many there are.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.predicted.count() + self.degraded.count()
    }

    /// Returns how many are good: those that `Objective::is_kept` says it of, as finely as times are kept.
    #[must_use]
    pub fn good(&self, objective: &Objective) -> u64 {
        let degraded = if objective.degraded_is_good { self.degraded.within(objective.within) } else { 0 };
        self.predicted.within(objective.within) + degraded
    }
}

impl std::ops::AddAssign<&Self> for Results {
    fn add_assign(&mut self, other: &Self) {
        self.predicted += &other.predicted;
        self.degraded += &other.degraded;
    }
}

// === impl Standing ===

impl Standing {
    /// Returns how `objective` stands, where `over` gives all and good results of the last so long.
    pub fn of(objective: &Objective, over: impl Fn(Duration) -> (u64, u64)) -> Self {
        let (all, good) = over(objective.window);
        let allowed = 1.0 - objective.share;
        let rate = |(all, good): (u64, u64)| share(all - good.min(all), all);
        let burn = |window| rate(over(window)).filter(|_| allowed > 0.0).map(|bad| bad / allowed);
        Self {
            all,
            good,
            attained: share(good, all),
            budget_left: rate((all, good)).filter(|_| allowed > 0.0).map(|bad| 1.0 - bad / allowed),
            burns: Rule::of(objective).map(|rule| rule.burn(objective, &burn)).collect(),
        }
    }

    /// Returns the most urgent alert that fires.
    #[must_use]
    pub fn alert(&self) -> Option<Alert> {
        self.burns.iter().find(|burn| burn.fires).map(|burn| burn.alert)
    }
}

// === impl Rule ===

impl Rule {
    /// Returns the rules for `objective`, the most urgent first: none looks further back than it does.
    pub fn of(objective: &Objective) -> impl Iterator<Item = Self> {
        let window = objective.window;
        RULES.into_iter().filter(move |rule| rule.long <= window)
    }

    /// Returns the rate of burning from which on it fires.
    #[must_use]
    pub fn threshold(&self, objective: &Objective) -> f64 {
        self.spent * objective.window.as_secs_f64() / self.long.as_secs_f64()
    }

    fn burn(&self, objective: &Objective, burn: &impl Fn(Duration) -> Option<f64>) -> Burn {
        let threshold = self.threshold(objective);
        let (over_long, over_short) = (burn(self.long), burn(self.short));
        let exceeds = |rate: Option<f64>| rate.is_some_and(|rate| rate >= threshold);
        Burn {
            alert: self.alert,
            long: self.long,
            short: self.short,
            spent: self.spent,
            threshold,
            over_long,
            over_short,
            fires: exceeds(over_long) && exceeds(over_short),
        }
    }
}

/// Returns the share that `part` is of `all`; `None` if there is nothing.
#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
pub(crate) fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

#[cfg(test)]
mod tests;

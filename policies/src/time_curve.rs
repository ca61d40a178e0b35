//! What more or less time would have been worth: recorded requests decided again with a few milliseconds more or less.
//!
//! Law: each amount is a replay of the same responses (`Rehearing::with_more`, `with_less`), compared with that of no more and
//! no less; nobody is asked again, so an answer that was never given is missing with more time too.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    time::Duration,
};

use serde::Serialize;
use wire::ResultKind;

use crate::{Definition, Recorded, Rehearing, Verdict};

/// Counts what time is worth, request by request.
#[derive(Debug)]
pub struct TimeCurve(TimeCurveReport);

/// What came of it. As JSON its fields are documented in `docs/what-if.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TimeCurveReport {
    /// The rendezvous.
    pub rendezvous: String,
    /// How many requests were decided again.
    pub replayed: u64,
    /// By how much time there would have been, ascending.
    pub points: Vec<TimePoint>,
    /// How many could not be decided again, by why.
    pub left_out: BTreeMap<String, u64>,
}

/// What so much more time would have made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TimePoint {
    /// How much more, in milliseconds; less below 0.
    pub more_ms: i32,
    /// Requests that would have got a default or an error.
    pub defaults: u64,
    /// Requests that an earlier clause would have decided than without it.
    pub earlier_clause: u64,
    /// Requests that a later one would have decided.
    pub later_clause: u64,
    /// Requests that would have got another answer.
    pub other_answer: u64,
}

const AMOUNTS: [i32; 7] = [-20, -10, -5, 0, 5, 10, 20];
/// Which of them is no more and no less.
const AS_IT_WAS: usize = 3;

// === impl TimeCurve ===

impl TimeCurve {
    /// Begins to count for `rendezvous`.
    #[must_use]
    pub fn new(rendezvous: &str) -> Self {
        let points = AMOUNTS.map(|more_ms| TimePoint { more_ms, ..TimePoint::default() }).to_vec();
        Self(TimeCurveReport { rendezvous: rendezvous.to_owned(), points, ..TimeCurveReport::default() })
    }

    /// Decides one request again by the version that decided then, if it is known.
    pub fn add(&mut self, recorded: &Recorded, version: Option<&Definition>) {
        let Some(version) = version else { return self.leave_out("its version is unknown") };
        let verdicts = Rehearing::of(recorded).and_then(|rehearing| {
            let played = |more_ms: i32| {
                let amount = Duration::from_millis(more_ms.unsigned_abs().into());
                if more_ms < 0 { rehearing.with_less(version, amount) } else { rehearing.with_more(version, amount) }
            };
            let verdicts = AMOUNTS.into_iter().map(played).collect::<Result<Vec<_>, _>>()?;
            Ok((!rehearing.was_refused()).then_some(verdicts))
        });
        match verdicts {
            Ok(Some(verdicts)) => {
                self.0.replayed += 1;
                for (point, verdict) in self.0.points.iter_mut().zip(&verdicts) {
                    point.count(verdict, &verdicts[AS_IT_WAS], version);
                }
            }
            Ok(None) => self.leave_out("refused before it was evaluated"),
            Err(why) => self.leave_out(why.kind()),
        }
    }

    /// Returns what came of it.
    #[must_use]
    pub fn finish(self) -> TimeCurveReport {
        self.0
    }

    fn leave_out(&mut self, why: &str) {
        *self.0.left_out.entry(why.to_owned()).or_default() += 1;
    }
}

// === impl TimePoint ===

impl TimePoint {
    fn count(&mut self, verdict: &Verdict, was: &Verdict, version: &Definition) {
        let clause = |verdict: &Verdict| verdict.receipt.clauses.len();
        self.defaults += u64::from(verdict.kind() != ResultKind::Prediction);
        self.earlier_clause += u64::from(clause(verdict) < clause(was));
        self.later_clause += u64::from(clause(verdict) > clause(was));
        let answer =
            |verdict: &Verdict| serde_json::from_slice::<serde_json::Value>(&verdict.answer).unwrap_or_default();
        self.other_answer += u64::from(!version.policy.same_answer(&answer(verdict), &answer(was)));
    }
}

// === impl TimeCurveReport ===

impl Display for TimeCurveReport {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} requests of {} decided again, no model was asked", self.replayed, self.rendezvous)?;
        let [time, default, earlier, later, other] =
            ["time", "defaults", "earlier clause", "later clause", "other answer"];
        writeln!(out, "\n{time:>8}{default:>12}{earlier:>17}{later:>17}{other:>17}")?;
        for point in &self.points {
            let time = if point.more_ms == 0 { "as it was".to_owned() } else { format!("{:+} ms", point.more_ms) };
            write!(out, "{time:>9}{:>11}", share(point.defaults, self.replayed))?;
            for count in [point.earlier_clause, point.later_clause, point.other_answer] {
                write!(out, "{:>17}", share(count, self.replayed))?;
            }
            writeln!(out)?;
        }
        for (why, count) in &self.left_out {
            writeln!(out, "\nleft out: {count}, {why}")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of requests, for people")]
fn share(part: u64, all: u64) -> String {
    format!("{:.2}%", 100.0 * part as f64 / all.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearing::tests::{class, definition, recorded};

    #[test]
    fn more_time_is_fewer_defaults_and_earlier_clauses_and_less_is_more() {
        let definition =
            definition("- agree: 2\n  until: 20ms\n- first: any\n  until: 30ms\n- default: { class: unknown }");
        let mut curve = TimeCurve::new("wine");
        // Two agree 4 ms too late; one answers 8 ms too late; and one has been in time by 7 ms.
        for said in [vec![("forest", 12_000), ("boost", 24_000)], vec![("forest", 38_000)], vec![("forest", 23_000)]] {
            let said = said.into_iter().map(|(name, at)| (name, at, 0, class("cat", 0.9))).collect();
            curve.add(&recorded(&definition, said, Duration::ZERO), Some(&definition));
        }
        let report = curve.finish();
        assert_eq!((report.replayed, report.left_out.len()), (3, 0));
        let told: Vec<_> =
            report.points.iter().map(|point| (point.more_ms, point.defaults, point.earlier_clause)).collect();
        assert_eq!(told, [(-20, 3, 0), (-10, 2, 0), (-5, 1, 0), (0, 1, 0), (5, 1, 1), (10, 0, 2), (20, 0, 2)]);
        assert!(report.to_string().contains("as it was"), "{report}");
    }
}

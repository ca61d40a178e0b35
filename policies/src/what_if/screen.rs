//! The comparison as people read it.

use std::fmt::{self, Display, Formatter};

use super::{ArmTold, OutcomeTold, WhatIfReport};

// === impl WhatIfReport ===

impl Display for WhatIfReport {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} requests of {} decided again, no model was asked", self.replayed, self.rendezvous)?;
        for (what, count) in [
            ("another answer", self.different),
            ("earlier, by more than 1 ms", self.earlier),
            ("later, by more than 1 ms", self.later),
            ("a default instead of a prediction", self.default_instead),
            ("a prediction instead of a default", self.prediction_instead),
        ] {
            writeln!(out, "  {what:36}{count:>10}{:>9}", share(count, self.replayed))?;
        }
        writeln!(out, "\n{:10}{:>12}{:>12}{:>12}{:>12}{:>12}", "", "defaults", "p50", "p90", "p99", "max")?;
        self.was.row(out, "was", self.replayed)?;
        self.would.row(out, "would be", self.replayed)?;
        if !self.examples.is_empty() {
            writeln!(out, "\nother answers, for example")?;
        }
        for example in &self.examples {
            writeln!(out, "  {}\n    was      {}\n    would be {}", example.id, example.was, example.would)?;
        }
        for (why, count) in &self.left_out {
            writeln!(out, "\nleft out: {count}, {why}")?;
        }
        if !self.silent.is_empty() {
            writeln!(out, "\nno response was recorded of {}: counted as silent", self.silent.join(", "))?;
        }
        Ok(())
    }
}

// === impl ArmTold ===

impl ArmTold {
    fn row(&self, out: &mut Formatter<'_>, name: &str, all: u64) -> fmt::Result {
        write!(out, "{name:10}{:>12}", share(self.defaults, all))?;
        for micros in [self.p50_us, self.p90_us, self.p99_us, self.max_us] {
            write!(out, "{:>12}", ms(micros))?;
        }
        writeln!(out)
    }
}

// === impl OutcomeTold ===

impl Display for OutcomeTold {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let answer = self.answer.to_string();
        let short: String = answer.chars().take(40).collect();
        let more = if short.len() < answer.len() { "…" } else { "" };
        let (clause, reason) = (self.decided_by.as_str(), self.reason.as_str());
        write!(out, "{short}{more} by {clause} ({reason}), {}", ms(self.elapsed_us))
    }
}

fn ms(micros: u64) -> String {
    let tenths = (micros + 50) / 100;
    format!("{}.{} ms", tenths / 10, tenths % 10)
}

#[expect(clippy::cast_precision_loss, reason = "a share of requests, for people")]
fn share(part: u64, all: u64) -> String {
    format!("{:.2}%", 100.0 * part as f64 / all.max(1) as f64)
}

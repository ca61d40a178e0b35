//! What is told of one system at one rate: a JSON line for programs, a row for people.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One measurement. These fields are always there, and mean the same for every system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Who was measured.
    pub(crate) system: String,
    /// At what.
    pub(crate) scenario: String,
    /// Requests offered a second; 0 where nothing is offered and the system goes as fast as it can.
    pub(crate) rate: u32,
    /// Requests answered a second.
    pub(crate) achieved_rate: f64,
    /// Latency from the intended send time, of whatever was answered.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    /// Of all that was offered, what was answered by budget + 2 ms.
    pub(crate) within_budget_share: f64,
    /// Requests without a result, and results too many, as the log says.
    pub(crate) missing: u64,
    pub(crate) second: u64,
    /// Processor seconds of every process that took part, the load included.
    pub(crate) cpu_s_per_1000: f64,
    /// Whatever else this scenario can tell.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

/// The field that holds the processor microseconds of a request, by what they went into.
pub(crate) const COST: &str = "cost_us";

/// The columns of the table: as narrow as can be.
const COLUMNS: [&str; 11] = [
    "system",
    "scenario",
    "rate",
    "achieved",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "in budget",
    "missing",
    "second",
    "CPU s/1,000",
];

// === impl Line ===

impl Line {
    /// Returns this with one more field.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Returns this marked if it is of a debug build, so that whoever keeps or quotes it is seen doing so.
    #[must_use]
    pub(crate) fn marked(self) -> Self {
        if cfg!(debug_assertions) { self.with("debug", true) } else { self }
    }

    /// Returns this with how its latencies compare to another's of the same run.
    #[must_use]
    pub(crate) fn beside(self, other: &Self) -> Self {
        let (p50, p99, p999) = (self.p50_ms / other.p50_ms, self.p99_ms / other.p99_ms, self.p999_ms / other.p999_ms);
        let ratios = self.with("beside", other.system.clone());
        ratios.with("p50_ratio", round(p50)).with("p99_ratio", round(p99)).with("p999_ratio", round(p999))
    }

    fn row(&self) -> [String; COLUMNS.len()] {
        [
            self.system.clone(),
            self.scenario.clone(),
            self.rate.to_string(),
            format!("{:.0}", self.achieved_rate),
            figure(self.p50_ms),
            figure(self.p99_ms),
            figure(self.p999_ms),
            format!("{:.2} %", self.within_budget_share * 100.0),
            self.missing.to_string(),
            self.second.to_string(),
            figure(self.cpu_s_per_1000),
        ]
    }
}

/// Returns the table that people read; below it, what only some lines tell.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(COLUMNS);
    for line in lines {
        table.add_row(line.row());
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let more = lines.iter().filter(|line| !line.more.is_empty()).map(|line| {
        let more: Vec<String> = line.more.iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!("  {} at {}: {}", line.system, line.rate, more.join(", "))
    });
    [table.trim_fmt()].into_iter().chain(more).collect::<Vec<_>>().join("\n")
}

/// Returns a figure with three digits that count.
pub(crate) fn figure(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        small if small < 0.01 => format!("{small:.5}"),
        small if small < 1.0 => format!("{small:.3}"),
        small if small < 10.0 => format!("{small:.2}"),
        small if small < 100.0 => format!("{small:.1}"),
        large => format!("{large:.0}"),
    }
}

/// Returns a whole number with its thousands apart.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// Returns a duration in milliseconds, to the microsecond.
pub(crate) fn millis(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1_000.0)
}

/// Returns a figure with three digits behind its point.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

//! What models did, as tables.

use std::{fmt::Write as _, time::Duration};

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use models::{ModelStats, Numbers, RunBy, VersionStats};

use crate::cli::duration;

/// What stands where there is nothing to tell.
const NOTHING_TOLD: &str = "–";
/// What every table says of numbers.
const NUMBERS: [&str; 11] =
    ["REQUESTS", "FAILED", "REFUSED", "CALLS", "BATCH", "P50", "P90", "P99", "P99.9", "MIN", "MAX"];

/// Returns a line for each model.
pub(super) fn all(stats: &[ModelStats]) -> String {
    let Some(first) = stats.first() else {
        return "There is no model here yet: a policy brings some, or `hedgerow models publish`.\n".to_owned();
    };
    let row = |model: &ModelStats| {
        let version = told(model.current.as_deref());
        [vec![model.name.clone(), version, told(model.since.as_deref())], numbers(&model.all)].concat()
    };
    let table = table(&["MODEL", "VERSION", "SINCE"], stats.iter().map(row));
    format!("{table}{}\n", over(first))
}

/// Returns all about one model, version by version.
pub(super) fn one(stats: &ModelStats) -> String {
    let mut text = match (&stats.current, &stats.since) {
        (Some(current), Some(since)) if stats.published => {
            format!("{}: version {current} is live since {since}", stats.name)
        }
        (Some(current), Some(since)) => format!("{}: version {current}, first used {since}", stats.name),
        (Some(current), None) => format!("{}: version {current}", stats.name),
        (None, _) if stats.published => format!("{}: no version is live", stats.name),
        (None, _) => format!("{}: not used in this time", stats.name),
    };
    if let Some(previous) = &stats.previous {
        let _ = write!(text, "; before it {previous}");
    }
    let run_by: Vec<String> = stats.run_by.iter().map(run_by).collect();
    let run_by = if run_by.is_empty() { "nobody".to_owned() } else { run_by.join(", ") };
    let _ = writeln!(text, "\nrun by {run_by}\n");
    let row = |version: &VersionStats| {
        let last = told(version.last_used.as_deref());
        [vec![version.version.clone(), last], numbers(&version.numbers)].concat()
    };
    text + &table(&["VERSION", "LAST USED"], stats.versions.iter().map(row)) + &over(stats) + "\n"
}

fn over(stats: &ModelStats) -> String {
    let over = duration::shown(Duration::from_micros(stats.window_us));
    format!("Counted over the last {over}; times are of calls.")
}

fn run_by(run: &RunBy) -> String {
    let note = match (run.canary, run.live) {
        (true, _) => " (canary)",
        (_, false) => " (gone)",
        _ => "",
    };
    format!("{}/{}{note}", run.rendezvous, run.executor)
}

fn numbers(numbers: &Numbers) -> Vec<String> {
    let Numbers { calls, requests, failed, expired, overloaded, duration, batches, .. } = numbers;
    let batch = batches.map(|batches| format!("{:.1}, at most {}", batches.mean, batches.max));
    let times = [duration.p50_us, duration.p90_us, duration.p99_us, duration.p999_us, duration.min_us, duration.max_us];
    let counts = [requests.to_string(), failed.to_string(), (expired + overloaded).to_string()];
    let calls =
        [calls.map(|calls| calls.to_string()), batch].map(|told| told.unwrap_or_else(|| NOTHING_TOLD.to_owned()));
    counts.into_iter().chain(calls).chain(times.map(duration::brief)).collect()
}

fn table(first: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(first.iter().chain(&NUMBERS).copied().collect::<Vec<_>>());
    table.add_rows(rows);
    let columns = table.column_iter_mut().skip(first.len());
    columns.for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.trim_fmt() + "\n"
}

fn told(text: Option<&str>) -> String {
    text.unwrap_or(NOTHING_TOLD).to_owned()
}

#[cfg(test)]
mod tests;

//! The picture that `hedgerow top` draws.

use std::{fmt::Write as _, time::Duration};

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use measures::{Overview, Promise, Runner, Stage};

use crate::cli::duration::{self, brief as time};

/// Eight heights of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// So much of a line is left to what stands before a curve.
const MARGIN: usize = 30;

/// Returns how all of them do, in lines of about `width`.
pub(super) fn text(overviews: &[Overview], width: usize) -> String {
    if overviews.is_empty() {
        return "There is no rendezvous here yet.\n".to_owned();
    }
    overviews.iter().map(|overview| one(overview, width)).collect::<Vec<_>>().join("\n")
}

fn one(overview: &Overview, width: usize) -> String {
    let mut out = String::new();
    let Overview { rendezvous, version, rate, results, latency, .. } = overview;
    let over = duration::shown(Duration::from_micros(overview.window_us));
    let degraded = overview.degraded_share.map_or_else(|| "–".to_owned(), percent);
    line(
        &mut out,
        &format!(
            "{rendezvous}@{version}  {rate:.1} results a second; in the last {over} {results}, degraded {degraded}"
        ),
    );
    overview.objectives.iter().for_each(|objective| line(&mut out, &promise(objective)));
    let [p50, p99, p999] = [latency.p50_us, latency.p99_us, latency.p999_us].map(time);
    line(&mut out, &format!("  latency    p50 {p50}   p99 {p99}   p99.9 {p999}"));
    if overview.over_time.len() > 1 {
        let p99: Vec<u64> = overview.over_time.iter().filter_map(|point| point.latency.p99_us).collect();
        let most = p99.iter().copied().max();
        line(&mut out, &format!("  p99 so far {}  at most {}", curve(&p99, width.saturating_sub(MARGIN)), time(most)));
    }
    let decided: Vec<String> = overview.decided.iter().map(decided).collect();
    if !decided.is_empty() {
        line(&mut out, &format!("  decided    {}", decided.join("   ")));
    }
    line(&mut out, &format!("  misses     {}", blamed(overview)));
    out.push('\n');
    for row in table(&overview.executors).lines() {
        line(&mut out, &format!("  {row}"));
    }
    out
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{}", text.trim_end()).expect("a string takes everything");
}

fn promise(objective: &Promise) -> String {
    let within = duration::shown(Duration::from_micros(objective.within_us));
    let over = duration::shown(Duration::from_micros(objective.window_us));
    let promised = format!("  objective  {} within {within} over {over}", percent(objective.share));
    let Some(attained) = objective.attained else { return format!("{promised}: no results yet") };
    let left = match objective.budget_left {
        Some(left) if left < 0.0 => format!("the budget spent {:.1} times over", 1.0 - left),
        Some(left) => format!("{} of the budget left", percent(left)),
        None => "no budget".to_owned(),
    };
    let alert = objective.alert.map_or_else(String::new, |alert| format!("   FIRES: {}", alert.as_str()));
    let rates: Vec<String> = objective
        .burns
        .iter()
        .filter_map(|burn| {
            let rate = burn.over_long?;
            Some(format!("{rate:.1}× in {}", duration::shown(Duration::from_secs(burn.long_s))))
        })
        .collect();
    let burns = if rates.is_empty() { String::new() } else { format!("; burns {}", rates.join(", ")) };
    format!("{promised}: {} attained, {left}{burns}{alert}", percent(attained))
}

fn decided(share: &measures::Share) -> String {
    let place = if share.clause == 0 { String::new() } else { format!("{} ", share.clause) };
    format!("{place}{} {}", share.by.as_str(), percent(share.share))
}

fn blamed(overview: &Overview) -> String {
    let mut stages: Vec<(Stage, u64)> =
        overview.blame.iter().filter(|blame| blame.misses > 0).map(|blame| (blame.stage, blame.misses)).collect();
    stages.sort_by_key(|(_, misses)| std::cmp::Reverse(*misses));
    let stages: Vec<String> = stages.iter().map(|(stage, misses)| format!("{} {misses}", stage.words())).collect();
    let stages = if stages.is_empty() { String::new() } else { format!("   {}", stages.join("   ")) };
    format!("{}{stages}", overview.misses)
}

fn table(runners: &[Runner]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "EXECUTOR",
        "USED",
        "P50",
        "P99",
        "QUEUE P99",
        "WORK P99",
        "LATE",
        "FAILED",
        "EXPIRED",
        "SPARED",
        "WASTED",
    ]);
    for runner in runners {
        let Runner { name, useful, latency, queued, computed, late, failed, overloaded, expired, spared, .. } = runner;
        let note = match (runner.breaker_open, runner.canary, runner.live) {
            (true, _, _) => " (breaker open)",
            (_, true, _) => " (canary)",
            (_, _, false) => " (gone)",
            _ => "",
        };
        let wasted = Duration::from_micros(runner.wasted_us).as_secs_f64();
        table.add_row([
            format!("{name}{note}"),
            useful.to_string(),
            time(latency.p50_us),
            time(latency.p99_us),
            time(queued.p99_us),
            time(computed.p99_us),
            late.to_string(),
            (failed + overloaded).to_string(),
            expired.to_string(),
            spared.to_string(),
            format!("{wasted:.1} s"),
        ]);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

/// Draws `values`, the newest last, at most `width` of them: of neighbours that share a place, the largest.
fn curve(values: &[u64], width: usize) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let together = values.len().div_ceil(width.max(1)).max(1);
    let heights = values.chunks(together).map(|some| some.iter().copied().max().unwrap_or(0));
    heights.map(|value| BARS[usize::try_from((value * 7).div_ceil(most)).unwrap_or(7).min(7)]).collect()
}

/// A share near all is told as exactly as what it is not.
fn percent(share: f64) -> String {
    let digits = if share > 0.99 && share < 1.0 { 3 } else { 1 };
    let text = format!("{:.digits$}", share * 100.0);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

#[cfg(test)]
mod tests;

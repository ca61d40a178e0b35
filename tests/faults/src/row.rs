//! One row of the table of what was survived.

use std::{ops::Range, time::Duration};

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use serde::Serialize;
use wire::Timestamp;

use crate::{Fault, audit::Audit, load::Callers, log::Log};

/// What was done, and what came of it. Written as one line of JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was done.
    pub fault: String,
    /// How often.
    pub times: usize,
    /// For how long callers asked.
    pub seconds: u64,
    /// How many asked.
    pub requests: u64,
    /// How many got neither an answer nor an acknowledgement.
    pub unanswered: u64,
    /// Requests in the log, and what the audit says about them.
    pub accepted: u64,
    /// Requests that have a result.
    pub results: u64,
    /// Requests that have none.
    pub missing: u64,
    /// Requests that have more than one.
    pub second: u64,
    /// Requests whose results say different things.
    pub contradictory: u64,
    /// Records written without the right to, which no reader takes for a result.
    pub void: u64,
    /// Results that came after their deadline.
    pub late: u64,
    /// Results that are defaults or errors.
    pub degraded: u64,
    /// Deadlines missed since all was warm: late results, and defaults, which are what is said when time is up.
    pub missed: u64,
    /// The longest time for which a partition had no result, in all.
    pub outage_ms_max: u64,
    /// The median of the longest such times after each strike.
    pub outage_ms_p50: u64,
    /// The same, for all but one of a hundred strikes.
    pub outage_ms_p99: u64,
    /// From the instant at which a caller meant to ask to his answer, tries included.
    pub p50_ms: f64,
    /// The same, for all but one of a hundred.
    pub p99_ms: f64,
    /// Whether the promise was kept.
    pub ok: bool,
    /// What was wrong, in sentences.
    pub problems: Vec<String>,
}

// === impl Row ===

impl Row {
    pub(crate) fn new(
        faults: &[Fault],
        strikes: &[Timestamp],
        callers: &Callers,
        audit: &Audit,
        (log, missed): (&Log, usize),
        span: Range<Timestamp>,
    ) -> Self {
        let until = strikes.iter().copied().skip(1).chain([span.end]);
        let mut outages: Vec<_> = strikes.iter().copied().zip(until).map(|(from, to)| log.outage(from..to)).collect();
        outages.sort_unstable();
        let outage = |percent: usize| {
            let index = (outages.len() * percent / 100).min(outages.len().saturating_sub(1));
            outages.get(index).copied().map_or(0, whole_millis)
        };
        let millis = |share| callers.latencies.quantile(share).as_secs_f64() * 1_000.0;
        Self {
            fault: name(faults),
            times: strikes.len(),
            seconds: span.end.since(span.start).as_secs(),
            requests: callers.asked,
            unanswered: callers.unanswered,
            accepted: audit.accepted,
            results: audit.results,
            missing: audit.missing,
            second: audit.second,
            contradictory: audit.contradictory,
            void: audit.void,
            late: audit.late,
            degraded: audit.degraded,
            missed: missed.try_into().unwrap_or(u64::MAX),
            outage_ms_max: whole_millis(log.outage(span)),
            outage_ms_p50: outage(50),
            outage_ms_p99: outage(99),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            ok: false,
            problems: Vec::new(),
        }
    }
}

/// Returns the rows as people read them.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "fault",
        "times",
        "s",
        "requests",
        "accepted",
        "results",
        "missing",
        "second",
        "contradictory",
        "void",
        "late",
        "degraded",
        "missed",
        "unanswered",
        "outage ms",
        "median",
        "p99",
        "p50 ms",
        "p99 ms",
        "ok",
    ]);
    for row in rows {
        let counts = [
            row.requests,
            row.accepted,
            row.results,
            row.missing,
            row.second,
            row.contradictory,
            row.void,
            row.late,
            row.degraded,
            row.missed,
            row.unanswered,
            row.outage_ms_max,
            row.outage_ms_p50,
            row.outage_ms_p99,
        ];
        let mut cells = vec![row.fault.clone(), row.times.to_string(), row.seconds.to_string()];
        cells.extend(counts.map(|count| count.to_string()));
        cells.extend([row.p50_ms, row.p99_ms].map(|millis| format!("{millis:.1}")));
        cells.push(if row.ok { "yes" } else { "NO" }.to_owned());
        table.add_row(cells);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.trim_fmt()
}

/// Returns what a row of these is called.
pub(crate) fn name(faults: &[Fault]) -> String {
    match faults {
        [one] => one.to_string(),
        more => format!("{} faults", more.len()),
    }
}

fn whole_millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

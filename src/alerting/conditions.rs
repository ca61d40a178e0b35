//! PURE: what is wrong, from what was counted, compared, archived and changed.

use std::time::Duration;

use alarms::{Condition, Kind, Lag, Severity};
use canary::{Report, Verdict};
use measures::{Alert, Overview, Promise};
use pages::console::paths;
use policies::{DecoySpec, Entry, History, State};
use wire::ApplyMode;

/// The archive is behind by as long as inputs may wait for their file, and this much more: it did not get on.
const ARCHIVE_SLACK: Duration = Duration::from_mins(5);

/// Returns the objectives whose error budgets burn too fast.
pub(super) fn burning(overview: &Overview) -> Vec<Condition> {
    let burns = |promise: &Promise| {
        let severity = match promise.alert? {
            Alert::Page => Severity::Page,
            Alert::Ticket => Severity::Ticket,
        };
        let within = shown(Duration::from_micros(promise.within_us));
        let subject = format!("{} within {within}", percent(promise.share));
        let fastest = promise.burns.iter().filter(|burn| burn.fires).filter_map(|burn| Some((burn.over_long?, burn)));
        let fastest = fastest.max_by(|(one, _), (other, _)| one.total_cmp(other));
        let how = fastest.map_or_else(String::new, |(rate, burn)| {
            let over = shown(Duration::from_secs(burn.long_s));
            format!(": {rate:.1} times as fast as it may over the last {over}, {}", left(promise))
        });
        let summary = format!("{}'s error budget for {subject} burns too fast{how}", overview.rendezvous);
        Some(of(overview, Kind::BurnRate, &subject, severity, summary))
    };
    overview.objectives.iter().filter_map(burns).collect()
}

/// Returns the executors of the live version that nobody waits for.
pub(super) fn broken(overview: &Overview) -> Vec<Condition> {
    let open = overview.executors.iter().filter(|runner| runner.live && runner.breaker_open);
    let condition = |runner: &measures::Runner| {
        let summary = format!(
            "{} is not waited for: its breaker is open; over the last {} it failed {}, was late {} and expired {} times",
            runner.name,
            shown(Duration::from_micros(overview.window_us)),
            runner.failed,
            runner.late,
            runner.expired
        );
        of(overview, Kind::BreakerOpen, &runner.name, Severity::Ticket, summary)
    };
    open.map(condition).collect()
}

/// Returns the canary's verdict, if there is one that says something.
pub(super) fn judged(report: &Report, now_us: i64) -> Option<Condition> {
    let severity = match report.verdict {
        Verdict::Better => Severity::Info,
        Verdict::Worse => Severity::Ticket,
        Verdict::NoWorse | Verdict::NotEnoughEvidence | Verdict::NotComparable => return None,
    };
    let Report { rendezvous, canary, reference, because, verdict, .. } = report;
    let verdict = verdict.word();
    Some(Condition {
        kind: Kind::CanaryVerdict,
        rendezvous: Some(rendezvous.clone()),
        subject: format!("{canary} is {verdict}"),
        severity,
        since_us: report.requests.last_us.unwrap_or(now_us),
        summary: format!("{canary} is {verdict} than {reference}: {because}"),
        path: paths::canary(rendezvous, canary),
    })
}

/// Returns that the archive does not get on, if it is behind by more than it may be.
pub(super) fn stalled(rendezvous: &str, decoy: &DecoySpec, lag: &Lag, now_us: i64) -> Option<Condition> {
    let behind_us = lag.behind_us?;
    let behind = Duration::from_micros(behind_us);
    if behind <= archive_limit(decoy) {
        return None;
    }
    let folder = decoy.archive.display();
    let records = lag.behind_records;
    Some(Condition {
        kind: Kind::ArchiveStalled,
        rendezvous: Some(rendezvous.to_owned()),
        subject: "archive".to_owned(),
        severity: Severity::Page,
        since_us: now_us.saturating_sub(i64::try_from(behind_us).unwrap_or(i64::MAX)),
        summary: format!(
            "{folder} is behind by {} and {records} inputs: they are lost when the log drops them",
            shown(behind)
        ),
        path: paths::rendezvous(rendezvous),
    })
}

/// Returns how far behind an archive may be in good health.
pub(crate) fn archive_limit(decoy: &DecoySpec) -> Duration {
    decoy.every.saturating_mul(2) + ARCHIVE_SLACK
}

/// Returns that the newest version was withdrawn from its trial, until there is a newer one.
pub(super) fn withdrawn(history: &History) -> Option<Condition> {
    let newest: &Entry = history.entries().next_back()?;
    let State::Withdrawn { by, why } = &newest.state else { return None };
    // A proposal that is taken back was never tried.
    if newest.mode == ApplyMode::Live {
        return None;
    }
    let (name, version) = (history.name(), newest.version);
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    Some(Condition {
        kind: Kind::PolicyWithdrawn,
        rendezvous: Some(name.to_string()),
        subject: format!("version {version}"),
        severity: Severity::Ticket,
        since_us: newest.at.as_micros(),
        summary: format!("the trial of version {version} was ended by {by}{why}"),
        path: paths::version(name.as_str(), version, None),
    })
}

/// Returns that the log cannot be reached.
pub(super) fn bus_away(bus: &str, why: &str, since_us: i64) -> Condition {
    Condition {
        kind: Kind::DependencyDown,
        rendezvous: None,
        subject: "bus".to_owned(),
        severity: Severity::Page,
        since_us,
        summary: format!("{bus} cannot be reached: {why}"),
        path: paths::HEALTH.to_owned(),
    }
}

fn of(overview: &Overview, kind: Kind, subject: &str, severity: Severity, summary: String) -> Condition {
    Condition {
        kind,
        rendezvous: Some(overview.rendezvous.clone()),
        subject: subject.to_owned(),
        severity,
        since_us: overview.at_us,
        summary,
        path: paths::rendezvous(&overview.rendezvous),
    }
}

fn left(promise: &Promise) -> String {
    match promise.budget_left {
        Some(left) if left < 0.0 => format!("and it is spent {:.1} times over", 1.0 - left),
        Some(left) => format!("{} of it is left", percent(left)),
        None => "an unknown part of it is left".to_owned(),
    }
}

fn percent(share: f64) -> String {
    let digits = format!("{:.3}", share * 100.0);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Writes a duration in its two largest units at most: `1h 5m`.
fn shown(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros < 1_000_000 {
        return format!("{}ms", (micros + 500) / 1_000);
    }
    let seconds = duration.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let parts = units.iter().scan(seconds, |rest, (unit, of)| {
        let count = *rest / of;
        *rest %= of;
        Some((count, unit))
    });
    let parts: Vec<String> = parts
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests;

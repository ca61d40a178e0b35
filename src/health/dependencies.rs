//! PURE: what is there and what is not, from what was counted, what was asked and how far stations are behind.

use std::{collections::HashMap, time::Duration};

use alarms::{Dependency, DependencyKind as Kind, Lag, Lags, State};
use measures::Overview;
use policies::Definition;
use wire::Timestamp;

use super::found;
use crate::alerting::{Standing, archive_limit};

/// Over so long a time is looked back at who answered.
pub(super) const WINDOW: Duration = Duration::from_mins(10);
/// A station that has work and is so long behind does not get on: no budget is longer.
const BEHIND: Duration = Duration::from_mins(5);
/// Whoever decides is behind by no more than a budget and a moment.
const UNDECIDED: Duration = Duration::from_mins(1);

/// Returns how the log stands, from what it `said` last.
pub(super) fn bus(described: &str, said: Option<&Result<i64, String>>) -> Dependency {
    match said {
        Some(Ok(_)) => found(Kind::Bus, described, State::Up, ""),
        Some(Err(why)) => found(Kind::Bus, described, State::Down, why),
        None => found(Kind::Bus, described, State::Unknown, "it was not asked yet"),
    }
}

/// Returns how the control topic stands.
pub(super) fn control(said: Option<&Result<i64, String>>, is_behind: bool) -> Dependency {
    let of = |state, why: &str| found(Kind::Control, wire::CONTROL_TOPIC, state, why);
    match said {
        Some(Ok(_)) if is_behind => of(State::Down, "changes of policies lie there that were not read"),
        Some(Ok(_)) => of(State::Up, ""),
        Some(Err(_)) => of(State::Unknown, "the log cannot be asked; the versions that were read stay in force"),
        None => of(State::Unknown, "it was not asked yet"),
    }
}

/// Returns how a receiver of alerts stands.
pub(super) fn receiver(standing: &Standing) -> Dependency {
    let name = format!("{} at {}", standing.name, standing.host);
    let (state, why) = match standing.takes {
        Some(true) => (State::Up, String::new()),
        Some(false) => (State::Down, standing.said.clone()),
        None => (State::Unknown, "this process sent it nothing yet".to_owned()),
    };
    let since_us = standing.since.map(Timestamp::as_micros);
    Dependency { since_us, ..found(Kind::Receiver, &name, state, why) }
}

/// Returns what a rendezvous needs, when nothing can be said of it.
pub(super) fn unknown(live: &Definition, why: &str) -> Vec<Dependency> {
    let mut all = vec![found(Kind::Collector, "collector", State::Unknown, why)];
    all.extend(live.executors.iter().map(|spec| found(Kind::Executor, spec.id.as_str(), State::Unknown, why)));
    all.extend(live.decoy.as_ref().map(|_| found(Kind::Archive, "archive", State::Unknown, why)));
    all.extend(has_canaries(live).then(|| found(Kind::Comparison, "comparison", State::Unknown, why)));
    named(live, all)
}

/// Returns how what a rendezvous needs stands.
pub(super) fn of(live: &Definition, overview: &Overview, lags: &Lags, now: Timestamp) -> Vec<Dependency> {
    let station = |wanted: &str| lags.groups.iter().find(|lag| lag.station == wanted);
    let mut all = vec![collector(overview, station("collector"))];
    all.extend(executors(live, overview));
    if let Some(decoy) = &live.decoy {
        all.push(reader(Kind::Archive, "archive", station("decoy"), archive_limit(decoy), now));
    }
    if has_canaries(live) {
        all.push(reader(Kind::Comparison, "comparison", station("comparison"), BEHIND, now));
    }
    named(live, all)
}

fn collector(overview: &Overview, lag: Option<&Lag>) -> Dependency {
    let of = |state, why: String| found(Kind::Collector, "collector", state, why);
    let waits = lag.and_then(|lag| lag.behind_us).map(Duration::from_micros).filter(|waits| *waits > UNDECIDED);
    match waits {
        _ if overview.rate > 0.0 => of(State::Up, format!("{:.1} results a second", overview.rate)),
        Some(waits) => of(State::Down, format!("requests wait for a result since {} s", waits.as_secs())),
        None => of(State::Unknown, "no result in the last minute, and nobody waits for one".to_owned()),
    }
}

fn executors(live: &Definition, overview: &Overview) -> Vec<Dependency> {
    let runners: HashMap<&str, _> = overview.executors.iter().map(|runner| (runner.name.as_str(), runner)).collect();
    let state = |name: &str| match runners.get(name) {
        Some(runner) if runner.breaker_open => (State::Down, "its breaker is open: nobody waits for it".to_owned()),
        Some(runner) if runner.heard + runner.late > 0 => (State::Up, String::new()),
        Some(runner) if runner.failed + runner.expired + runner.overloaded > 0 => {
            let minutes = WINDOW.as_secs() / 60;
            (State::Down, format!("it failed {} times and never answered in {minutes} minutes", runner.failed))
        }
        _ => (State::Unknown, format!("nothing was heard of it in {} minutes", WINDOW.as_secs() / 60)),
    };
    let one = |name: &str| {
        let (state, why) = state(name);
        found(Kind::Executor, name, state, why)
    };
    live.executors.iter().map(|spec| one(spec.id.as_str())).collect()
}

/// Whoever reads and commits is there if it is not behind by too much.
fn reader(kind: Kind, name: &str, lag: Option<&Lag>, limit: Duration, now: Timestamp) -> Dependency {
    let Some(lag) = lag else { return found(kind, name, State::Unknown, "nobody was ever there") };
    let behind = Duration::from_micros(lag.behind_us.unwrap_or(0));
    if behind <= limit {
        return found(kind, name, State::Up, "");
    }
    let (records, seconds) = (lag.behind_records, behind.as_secs());
    let why = format!("it is behind by {records} records, the oldest of which is {seconds} s old");
    let since_us = Some(now.before(behind).as_micros());
    Dependency { since_us, ..found(kind, name, State::Down, why) }
}

fn has_canaries(live: &Definition) -> bool {
    live.executors.iter().any(|spec| spec.canary.is_some())
}

fn named(live: &Definition, all: Vec<Dependency>) -> Vec<Dependency> {
    let rendezvous = || Some(live.name().to_string());
    all.into_iter().map(|one| Dependency { rendezvous: rendezvous(), ..one }).collect()
}

#[cfg(test)]
mod tests;

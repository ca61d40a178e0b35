//! What is wrong, and what is not yet.

use std::path::PathBuf;

use measures::{Rate, Runner};
use wire::{Action, Apply, Change, ControlRecord, RendezvousName, Timestamp};

use super::*;
use crate::alerting::sample::{overview, runner};

fn rate(alert: Alert, over_long: f64, fires: bool) -> Rate {
    Rate { alert, long_s: 3_600, short_s: 300, threshold: 14.4, over_long: Some(over_long), over_short: None, fires }
}

fn promise(alert: Option<Alert>, burns: Vec<Rate>) -> Promise {
    Promise {
        within_us: 50_000,
        share: 0.999,
        window_us: 1,
        degraded_is_good: false,
        results: 100,
        good: 90,
        attained: Some(0.9),
        budget_left: Some(0.42),
        alert,
        burns,
    }
}

fn told(condition: &Condition) -> String {
    format!("{} {}: {}", condition.severity.as_str(), condition.key(), condition.summary)
}

#[test]
fn a_budget_that_burns_too_fast_is_told_with_the_fastest_rate_that_fires() {
    let burns = vec![rate(Alert::Page, 99.0, false), rate(Alert::Page, 20.04, true), rate(Alert::Ticket, 7.0, true)];
    let found = burning(&overview(vec![promise(Some(Alert::Page), burns), promise(None, Vec::new())], Vec::new()));
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [
            "page hedgerow/burn_rate/wine/99.9% within 50ms: wine's error budget for 99.9% within 50ms burns too fast: 20.0 \
          times as fast as it may over the last 1h, 42% of it is left"
        ]
    );
    let overdrawn =
        Promise { budget_left: Some(-999.0), ..promise(Some(Alert::Page), vec![rate(Alert::Page, 20.04, true)]) };
    let overdrawn = burning(&overview(vec![overdrawn], Vec::new()));
    assert!(overdrawn[0].summary.ends_with(", and it is spent 1000.0 times over"), "{}", overdrawn[0].summary);
    let ticket =
        burning(&overview(vec![promise(Some(Alert::Ticket), vec![rate(Alert::Ticket, 7.0, true)])], Vec::new()));
    assert_eq!(ticket[0].severity, Severity::Ticket);
    assert_eq!(ticket[0].key(), found[0].key(), "what became worse is the same condition");
}

#[test]
fn an_executor_of_the_live_version_that_nobody_waits_for_is_told() {
    let open = Runner { breaker_open: true, ..runner("forest") };
    let gone = Runner { live: false, ..Runner { breaker_open: true, ..runner("old") } };
    let found = broken(&overview(Vec::new(), vec![open, gone, runner("boost")]));
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [
            "ticket hedgerow/breaker_open/wine/forest: forest is not waited for: its breaker is open; over the last 10m it \
          failed 31, was late 2 and expired 0 times"
        ]
    );
}

#[test]
fn an_archive_is_stalled_when_it_is_behind_by_more_than_its_files_may_take() {
    let decoy = DecoySpec { archive: PathBuf::from("inputs"), every: Duration::from_mins(1), keep: None };
    let behind = |seconds: Option<u64>| {
        let behind_us = seconds.map(|seconds| seconds * 1_000_000);
        let lag = Lag {
            group: String::new(),
            station: "decoy".to_owned(),
            executors: Vec::new(),
            topic: String::new(),
            behind_records: 9,
            behind_us,
            unknown_partitions: 0,
        };
        stalled("wine", &decoy, &lag, 1_000_000_000)
    };
    assert_eq!(behind(None), None);
    assert_eq!(behind(Some(7 * 60)), None);
    let found = behind(Some(7 * 60 + 1)).unwrap();
    assert_eq!(found.since_us, 1_000_000_000 - 421_000_000);
    assert_eq!(
        told(&found),
        "page hedgerow/archive_stalled/wine/archive: inputs is behind by 7m 1s and 9 inputs: they are lost when the log \
         drops them"
    );
}

const POLICY: &str = "rendezvous: wine\nbudget: 1s\ninput: { features: [x] }\nanswer: { value: class }\nexecutors:\n  \
                      forest: { constant: { answer: { class: 1 } } }\ndecide:\n  - first:\n    until: 500ms\n  \
                      - default: { class: 0 }\n";

fn applied(expected: u64, mode: ApplyMode) -> Action {
    Action::Apply(Apply { expected, mode, text: POLICY.into(), rolls_back: None, canary: None })
}

/// Returns what is told of a policy of which this became.
fn became(actions: Vec<Action>) -> Option<String> {
    let name = RendezvousName::new("wine").unwrap();
    let mut history = History::of(name.clone());
    for (number, action) in (1_u128..).zip(actions) {
        let id = uuid::Uuid::from_u128(number);
        let change = Change { rendezvous: name.clone(), id, author: "ann".to_owned(), message: String::new(), action };
        let at = Timestamp::from_micros(7);
        history.fold(&ControlRecord::Change(change), at).unwrap_or_else(|why| panic!("{why}"));
    }
    withdrawn(&history).map(|condition| told(&condition))
}

#[test]
fn a_trial_that_was_withdrawn_is_told_until_there_is_a_newer_version() {
    let withdraw = |reason: &str| Action::Withdraw { version: 2, reason: reason.to_owned() };
    let trial = vec![applied(0, ApplyMode::Live), applied(1, ApplyMode::Shadow), withdraw("it was worse")];
    assert_eq!(became(trial[..2].to_vec()), None);
    assert_eq!(
        became(trial.clone()).as_deref(),
        Some("ticket hedgerow/policy_withdrawn/wine/version 2: the trial of version 2 was ended by ann: it was worse")
    );
    let newer = [trial, vec![applied(2, ApplyMode::Live)]].concat();
    assert_eq!(became(newer), None);
}

#[test]
fn durations_are_written_in_two_units() {
    let all = [20, 1_500, 61_000, 3_600_000, 3_661_000, 90_000_000].map(|millis| shown(Duration::from_millis(millis)));
    assert_eq!(all, ["20ms", "1s", "1m 1s", "1h", "1h 1m", "1d 1h"]);
}

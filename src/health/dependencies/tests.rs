//! What is there, and what is not.

use measures::Runner;
use policies::admit;
use wire::{PolicyRef, RendezvousName};

use super::*;
use crate::alerting::sample::{overview, runner};

const POLICY: &str = "rendezvous: wine\nbudget: 1s\ninput: { features: [x] }\nanswer: { value: class }\nexecutors:\n  \
                      forest: { constant: { answer: { class: 1 } } }\n  \
                      next: { constant: { answer: { class: 1 } }, canary: { of: forest } }\n\
                      decoy: { archive: inputs, every: 60s }\n\
                      decide:\n  - first:\n    until: 500ms\n  - default: { class: 0 }\n";

fn live() -> Definition {
    let policy = PolicyRef { rendezvous: RendezvousName::new("wine").unwrap(), version: 1 };
    admit(&policy, POLICY).unwrap()
}

fn lag(station: &str, behind_s: Option<u64>) -> Lag {
    Lag {
        group: format!("hedgerow.wine.{station}"),
        station: station.to_owned(),
        executors: Vec::new(),
        topic: "wine.requests".to_owned(),
        behind_records: 9,
        behind_us: behind_s.map(|seconds| seconds * 1_000_000),
        unknown_partitions: 0,
    }
}

/// Returns how what `wine` needs stands, one line each.
fn stands(rate: f64, runners: Vec<Runner>, groups: Vec<Lag>) -> Vec<String> {
    let overview = Overview { rate, ..overview(Vec::new(), runners) };
    let lags = Lags { rendezvous: "wine".to_owned(), at_us: 0, groups };
    of(&live(), &overview, &lags, Timestamp::from_micros(1_000_000_000)).iter().map(line).collect()
}

fn line(one: &Dependency) -> String {
    assert!(one.kind == Kind::Bus || one.rendezvous.as_deref() == Some("wine"));
    format!("{} {} {}", one.name, one.state.as_str(), one.why).trim_end().to_owned()
}

#[test]
fn where_all_is_well_everything_is_up() {
    let heard = |name| Runner { heard: 7, ..runner(name) };
    let groups = vec![lag("collector", Some(0)), lag("decoy", Some(7 * 60)), lag("comparison", None)];
    let expected = ["collector up 2.0 results a second", "forest up", "next up", "archive up", "comparison up"];
    assert_eq!(stands(2.0, vec![heard("forest"), heard("next")], groups), expected);
}

#[test]
fn what_is_not_there_is_down_and_says_why() {
    let open = Runner { breaker_open: true, heard: 7, ..runner("forest") };
    let failing = Runner { late: 0, ..runner("next") };
    let groups = vec![lag("collector", Some(61)), lag("decoy", Some(7 * 60 + 1)), lag("comparison", Some(301))];
    assert_eq!(
        stands(0.0, vec![open, failing], groups),
        [
            "collector down requests wait for a result since 61 s",
            "forest down its breaker is open: nobody waits for it",
            "next down it failed 31 times and never answered in 10 minutes",
            "archive down it is behind by 9 records, the oldest of which is 421 s old",
            "comparison down it is behind by 9 records, the oldest of which is 301 s old",
        ]
    );
}

#[test]
fn of_what_nothing_was_heard_nothing_is_claimed() {
    assert_eq!(
        stands(0.0, Vec::new(), Vec::new()),
        [
            "collector unknown no result in the last minute, and nobody waits for one",
            "forest unknown nothing was heard of it in 10 minutes",
            "next unknown nothing was heard of it in 10 minutes",
            "archive unknown nobody was ever there",
            "comparison unknown nobody was ever there",
        ]
    );
    let all = unknown(&live(), "the log cannot be asked");
    assert!(all.len() == 5 && all.iter().all(|one| one.state == State::Unknown && !one.why.is_empty()));
}

#[test]
fn the_log_and_the_control_topic_are_told_apart() {
    let away = Err("connection refused".to_owned());
    assert_eq!(line(&bus("Kafka", Some(&away))), "Kafka down connection refused");
    assert_eq!(bus("Kafka", Some(&Ok(3))).state, State::Up);
    assert_eq!(bus("Kafka", None).state, State::Unknown);
    assert_eq!(control(Some(&away), false).state, State::Unknown);
    assert_eq!(control(Some(&Ok(3)), false).state, State::Up);
    assert_eq!(control(Some(&Ok(3)), true).state, State::Down);
}

#[test]
fn a_receiver_is_what_it_said_last() {
    let standing = |takes| Standing {
        name: "slack".to_owned(),
        host: "hooks.slack.com".to_owned(),
        takes,
        since: Some(Timestamp::from_micros(7)),
        said: "503 Service Unavailable".to_owned(),
    };
    let down = receiver(&standing(Some(false)));
    assert_eq!((down.state, down.since_us, &*down.why), (State::Down, Some(7), "503 Service Unavailable"));
    assert_eq!(down.name, "slack at hooks.slack.com");
    assert_eq!(receiver(&standing(Some(true))).state, State::Up);
    assert_eq!(receiver(&standing(None)).state, State::Unknown);
}

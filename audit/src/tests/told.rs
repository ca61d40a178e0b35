//! What people and programs read.

use std::time::Duration;

use super::log::{Log, at, wine};
use crate::Report;

fn report(log: &Log) -> Report {
    let mut report = Report::new(&wine(), None, Duration::from_secs(10));
    report.add(log.audit(), at(60_000));
    report
}

/// One of everything.
fn broken() -> Log {
    let mut log = Log::new();
    log.clean(0, 1, 0..2_000);
    log.result(20_001, "7", 1, "good");
    log.result(20_002, "8", 1, "bad");
    log.request(20_003, "lost");
    log.fence(20_004, 2);
    log.result(20_005, "9", 1, "bad");
    log.result(20_006, "10", 2, "good");
    log.result(20_007, "nobody's", 2, "good");
    log.request(20_008, "slow");
    log.result(20_200, "slow", 2, "unknown");
    log.results_garbage(20_201);
    log.fence(20_202, 40);
    log
}

#[test]
fn the_page_begins_with_the_verdict() {
    let mut log = Log::new();
    log.clean(0, 1, 0..12_345);
    insta::assert_snapshot!("page_ok", report(&log));
    let mut all = report(&broken());
    all.dead_letters.count = 3;
    all.dead_letters.by_origin.insert("wine.inputs".to_owned(), 3);
    insta::assert_snapshot!("page_broken", all);
    log.request(200_000, "open");
    log.ending.as_of = at(200_001);
    let first_line = |log: &Log| report(log).to_string().lines().next().unwrap_or_default().to_owned();
    assert_eq!(
        first_line(&log),
        "wine: exactly one result for each of 12,345 requests, of 12,346 accepted; 1 still open"
    );
    assert_eq!(first_line(&Log::new()), "wine: nothing to prove: no request was accepted in what was read");
}

#[test]
fn the_json_has_what_the_document_names() {
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&report(&broken())).unwrap());
    let told = serde_json::to_value(report(&broken())).unwrap();
    let documented = include_str!("../../../docs/audit.md");
    for field in told.as_object().unwrap().keys() {
        assert!(documented.contains(&format!("`{field}`")), "docs/audit.md does not name `{field}`");
    }
}

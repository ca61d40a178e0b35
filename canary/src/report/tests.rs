//! The report: its words, its shape, and the schema of it.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::{
    Comparison, Limits, Matchup, Verdict,
    testing::{Deed, Log, World, by_lists, class, matchup, name},
};

fn report(world: &World, log: &Log, matchup: &Matchup) -> Report {
    let mut comparison =
        Comparison::new(vec![matchup.clone()], Limits { patience: Duration::from_secs(5), ..Limits::default() });
    log.tell_all(&mut comparison);
    comparison.count(world);
    let ledger = comparison.ledger(&name("next")).expect("it is compared");
    Report::of(world.definition.name(), matchup, ledger)
}

fn wild(requests: u64) -> (World, Log) {
    let mut world = World::new();
    let log = Log::wild(&mut world, requests, &mut fastrand::Rng::with_seed(5));
    (world, log)
}

/// A canary that answers white where there is much alcohol, from a reference that never does.
fn regressed() -> Report {
    let (mut world, mut dice) = (World::new(), fastrand::Rng::with_seed(9));
    let mut all = Vec::new();
    for number in 0..4_000 {
        let alcohol = 8.0 + 6.0 * dice.f64();
        let request = world.request(number, alcohol, dice.choice(["a", "b"]).expect("two"));
        world.truths.insert(request.id, "red".into());
        let mut red = || -> Deed { Some((dice.u64(1_000..9_000), class("red", 0.9))) };
        let (forest, boost, again) = (red(), red(), red());
        let next = if alcohol > 12.5 { Some((5_000, class("white", 0.6))) } else { red() };
        all.push((request, [forest, boost, next, again]));
    }
    let log = world.log(all);
    report(&world, &log, &matchup())
}

#[test]
fn a_regression_is_worse_and_says_where() {
    let report = regressed();
    assert_eq!(report.verdict, Verdict::Worse);
    let worst = &report.segments[0];
    assert!(worst.is_worse && worst.dimension == "input.alcohol" && worst.part.ends_with(" to 14"), "{worst:?}");
    let matrix = report.agreement.matrix.expect("labels");
    assert_eq!(
        (matrix.labels, matrix.counts[0][1]),
        (vec!["red".to_owned(), "white".to_owned()], 4_000 - report.agreement.agreed)
    );
    insta::assert_snapshot!(report.because);
}

#[test]
fn the_course_ends_where_the_report_is() {
    let report = regressed();
    let last = report.course.last().expect("some");
    let agreement = &report.metrics[0];
    assert_eq!((last.compared, last.disagreement), (agreement.n, agreement.harm));
    assert_eq!(last.disagreement_interval, agreement.interval);
    assert!(report.course.windows(2).all(|two| two[0].until_us < two[1].until_us && two[0].asked <= two[1].asked));
}

#[test]
fn everything_is_told_of_records_that_do_anything() {
    let (world, log) = wild(300);
    insta::assert_json_snapshot!(report(&world, &log, &Matchup { largest_difference: Some(1.0), ..matchup() }));
}

#[test]
fn lists_are_told_where_the_policy_names_one() {
    let (world, log) = wild(300);
    insta::assert_json_snapshot!(report(&world, &log, &by_lists()).lists);
    assert_eq!(report(&world, &log, &matchup()).lists, None);
}

#[test]
fn a_report_about_nothing_says_that_there_is_nothing() {
    let report = report(&World::new(), &Log::default(), &matchup());
    assert_eq!(
        (report.verdict, report.because.as_str()),
        (Verdict::NotEnoughEvidence, "no request has asked the canary yet")
    );
    assert_eq!((report.requests.excluded_share, report.segments.len(), report.course.len()), (0.0, 0, 0));
    assert!(valid(&report));
}

fn valid(report: &Report) -> bool {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("it is a schema");
    schema.is_valid(&serde_json::to_value(report).expect("JSON"))
}

#[test]
fn what_is_written_is_what_the_schema_says_and_reads_back() {
    let (world, log) = wild(300);
    for report in [report(&world, &log, &matchup()), report(&world, &log, &by_lists()), regressed()] {
        assert!(valid(&report));
        let text = serde_json::to_string(&report).expect("JSON");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("what was written reads"), report);
    }
}

#[test]
fn a_digest_is_the_same_however_often_the_report_is_written_and_read_and_another_for_another_report() {
    let (world, log) = wild(300);
    let told = [report(&world, &log, &matchup()), regressed(), report(&World::new(), &Log::default(), &matchup())];
    for report in &told {
        let digest = report.digest();
        assert_eq!((digest.len(), report.clone().digest()), (64, digest.clone()));
        let pretty = serde_json::to_string_pretty(report).expect("JSON");
        let read: Report = serde_json::from_str(&pretty).expect("what was written reads");
        let value = serde_json::to_value(&read).expect("JSON");
        let again: Report = serde_json::from_value(value).expect("what was written reads");
        assert_eq!((read.digest(), again.digest()), (digest.clone(), digest.clone()));
        let asked = report.requests.asked + 1;
        let another = Report { requests: crate::RequestsTold { asked, ..report.requests.clone() }, ..report.clone() };
        assert_ne!(another.digest(), digest);
    }
    assert_eq!(told.iter().map(Report::digest).collect::<std::collections::BTreeSet<_>>().len(), 3);
}

#[test]
fn the_schema_explains_every_field_and_knows_no_other() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let objects = schema["$defs"].as_object().expect("some").values().chain([&schema]);
    for object in objects {
        let fields = object["properties"].as_object().expect("an object's fields");
        let required = object["required"].as_array().expect("all are there");
        assert_eq!((fields.len(), &object["additionalProperties"]), (required.len(), &Value::Bool(false)));
        for (name, field) in fields {
            let told = field["description"].as_str().unwrap_or_default();
            assert!(told.ends_with('.') && told.len() > 4, "`{name}` is not explained");
        }
    }
}

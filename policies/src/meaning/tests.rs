//! Every field of the language, changed alone, is told; what is only written otherwise is not.

use std::{collections::BTreeSet, fmt::Write as _};

use proptest::prelude::*;
use serde_json::Value;

use super::{
    Change, Difference, describe, diff,
    part::{Group, Part},
};
use crate::Definition;

/// Says everything that can be said.
const FULL: &str = include_str!("tests/full.yaml");

/// A change: its name, what to replace in the full policy, and by what.
type Edit = (&'static str, &'static str, &'static str);

/// What the language cannot say yet.
const UNSAID: &[&str] = &[
    "agree.extra_wait",
    "agree.from_families",
    "agree.on_tie",
    "approvals",
    "best.extra_wait",
    "best.on_tie",
    "executors.cost",
    "examples.case",
    "examples.last_known",
    "examples.question",
    "executors.family",
    "executors.hears",
    "executors.wait",
    "key",
    "on.equality",
    "prefer.extra_wait",
];

const EDITS: &[Edit] = &[
    ("name", "rendezvous: wine", "rendezvous: vine"),
    ("budget", "budget: 50ms", "budget: 60ms"),
    ("feature more", "features: [alcohol, ash]", "features: [alcohol, ash, hue]"),
    ("feature less", "features: [alcohol, ash]", "features: [alcohol]"),
    ("features in another order", "features: [alcohol, ash]", "features: [ash, alcohol]"),
    ("value", "value: class,", "value: label,"),
    ("confidence", "confidence: probability", "confidence: sure"),
    ("executor more", "executors:\n", "executors:\n  extra: { echo: }\n"),
    ("executor less", "  spare: { echo: }\n", ""),
    ("executors in another order", "  fixed: {", "  moved: { echo: }\n  fixed: {"),
    ("model", "onnx: forest.onnx", "onnx: forest-2.onnx"),
    ("server", "http: \"http://scorer:8080/v2/models/wine/infer\"", "http: \"http://other:8080/v2/models/wine/infer\""),
    ("another kind", "http: \"http://scorer:8080/v2/models/wine/infer\"", "echo: "),
    ("constant", "answer: { class: 1 }, delay: 3ms", "answer: { class: 2 }, delay: 3ms"),
    ("delay", "delay: 3ms", "delay: 4ms"),
    ("start", "start: { after: 2ms }", "start: now"),
    ("concurrency", "concurrency: 8", "concurrency: 9"),
    ("canary of another", "canary: { of: forest }", "canary: { of: boost }"),
    ("canary that votes", ", canary: { of: forest }", ""),
    ("candidate that does not vote any more", "spare: { echo: }", "spare: { echo: , canary: { of: boost } }"),
    ("no archive", "decoy: { archive: archive/wine, every: 60s, keep: 30d }\n", ""),
    ("archive", "archive: archive/wine", "archive: archive/vine"),
    ("archive's files", "every: 60s", "every: 2m"),
    ("archive's end", "keep: 30d", "keep: 1d"),
    ("archive without end", ", keep: 30d", ""),
    ("until", "until: 15ms", "until: 20ms"),
    ("until of best", "until: 30ms", "until: 35ms"),
    ("until of prefer", "    until: 50ms\n", "    until: 45ms\n"),
    ("votes", "votes: 2, on: [class]", "votes: 3, on: [class]"),
    ("majority", "votes: 2, on: [class]", "votes: majority, on: [class]"),
    ("compared", "on: [class] }", "on: [class, origin] }"),
    ("score", "score: answer.confidence", "score: \"answer.confidence * 2.0\""),
    ("mark", "at_least: 0.8", "at_least: 0.9"),
    ("no mark", ", at_least: 0.8", ""),
    ("rank more", "{ until: 40ms }, boost]", "{ until: 40ms }, boost, spare]"),
    ("ranks in another order", "[forest: { until: 40ms }, boost]", "[boost, forest: { until: 40ms }]"),
    ("patience", "until: 40ms", "until: 45ms"),
    ("no patience", "forest: { until: 40ms }", "forest"),
    ("default", "default: { class: unknown }", "default: { class: none }"),
    ("clause less", "  - best: { score: answer.confidence, at_least: 0.8 }\n    until: 30ms\n", ""),
    ("clause more", "  - default:", "  - first: any\n  - default:"),
    ("another kind of clause", "best: { score: answer.confidence, at_least: 0.8 }", "first: any"),
    ("objective", "share: 99.9%", "share: 99%"),
    ("another objective", "within: 50ms", "within: 40ms"),
    ("example less", "  - { name: silence, expect: { decided_by: default } }\n", ""),
    ("example's events", "4ms: { boost", "5ms: { boost"),
    ("example's expectation", "expect: { at: 4ms", "expect: { at: 5ms"),
];

fn parse(text: &str) -> Definition {
    Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn edited((name, before, after): Edit) -> Difference {
    assert_eq!(FULL.matches(before).count(), 1, "{name}: `{before}` must stand once in the full policy");
    diff(&parse(FULL), &parse(&FULL.replace(before, after)))
}

fn check(old: &str, new: &str, sentences: &[&str]) {
    let difference = diff(&parse(old), &parse(new));
    let told: Vec<&str> = difference.changes.iter().map(|change| change.sentence.as_str()).collect();
    assert_eq!(told, sentences);
}

#[test]
fn every_change_is_told_in_plain_words() {
    let mut all = String::new();
    for edit in EDITS {
        let _ = writeln!(all, "# {}\n{}", edit.0, edited(*edit));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn each_field_of_the_language_is_told_when_it_is_changed() {
    let mut all = BTreeSet::new();
    facts("", &describe::definition(&parse(FULL)), &mut all);
    let told: BTreeSet<String> =
        EDITS.iter().flat_map(|edit| edited(*edit).changes).flat_map(|change| names(&change)).collect();
    let untold: Vec<&String> =
        all.iter().filter(|name| !told.contains(*name) && !UNSAID.contains(&name.as_str())).collect();
    assert!(untold.is_empty(), "add an edit that changes {untold:?}");
}

/// Each fact by what it is a fact of: `executors.cost`.
fn facts(whose: &str, part: &Part, all: &mut BTreeSet<String>) {
    all.extend(part.facts.iter().map(|fact| format!("{whose}{}", fact.name)));
    for Group { name, parts, .. } in &part.groups {
        for part in parts {
            all.insert((*name).to_owned());
            let kind = if *name == "decide" { part.key.as_str() } else { name };
            facts(&format!("{kind}."), part, all);
        }
    }
}

/// What a change is a change of, as `facts` calls it.
fn names(change: &Change) -> Vec<String> {
    let parts: Vec<&str> = change.path.split('.').collect();
    let at = |back: usize| parts.len().checked_sub(back).map_or("", |index| parts[index]);
    let groups = ["features", "executors", "decoy", "decide", "objectives", "examples", "ranks", "on"];
    let mut names: Vec<String> =
        groups.iter().filter(|group| parts.contains(group)).map(|group| (*group).to_owned()).collect();
    names.extend([change.path.clone(), at(1).to_owned(), format!("{}.{}", at(2), at(1))]);
    names.extend(groups.iter().map(|group| format!("{group}.{}", at(1))));
    if parts.contains(&"prefer") {
        names.extend(["ranks".to_owned(), "ranks.until".to_owned()]);
    }
    names
}

#[test]
fn nothing_differs_from_itself() {
    let full = parse(FULL);
    let difference = diff(&full, &full.clone().at_version(7));
    assert!(difference.is_empty(), "{difference}");
    assert_eq!(difference.to_string(), "nothing changes in meaning\n");
    assert_eq!(difference.played, full.examples.len());
}

#[test]
fn another_spelling_changes_nothing() {
    let spellings = [
        ("budget: 50ms", "budget: \"0.05s\" # fifty"),
        ("every: 60s", "every: 1m"),
        ("share: 99.9%", "share: 0.999"),
        ("score: answer.confidence", "score: confidence"),
        ("score: answer.confidence", "score: \" answer.probability \""),
        ("at_least: 0.8", "at_least: 0.80"),
        ("on: [class] }", "on: class }"),
        ("on: [class] }", "on_tie: plan_order }"),
        ("forest: { until: 40ms }, boost]", "forest: { until: 40ms }, boost: { until: 50ms }]"),
        ("    until: 50ms\n", ""),
        ("default: { class: unknown }", "default: {\"class\": 'unknown'}"),
        ("spare: { echo: }", "spare: { echo: {}, start: now, concurrency: 1 }"),
        ("answer: { class: 1 }, delay: 3ms", "delay: 3000us, answer: { class: 1.0 }"),
    ];
    for (before, after) in spellings {
        assert_eq!(FULL.matches(before).count(), 1, "`{before}` must stand once in the full policy");
        let difference = diff(&parse(FULL), &parse(&FULL.replace(before, after)));
        assert!(difference.is_empty(), "{before} → {after}\n{difference}");
    }
}

const LADDER: &str = "rendezvous: t\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
    executors: { a: { echo: }, b: { echo: }, c: { echo: } }\ndecide:\n";

#[test]
fn a_clause_that_moves_is_not_taken_for_another() {
    let ladder = |clauses: &str| format!("{LADDER}{clauses}- default: {{}}\n");
    let (agree, best, prefer) = ("- agree: 2\n", "- best: { score: value }\n", "- prefer: [a, b]\n");
    check(
        &ladder(&[agree, best, prefer].concat()),
        &ladder(&[prefer, agree, best].concat()),
        &["clause 1 (prefer) is tried as number 1 instead of 3"],
    );
    check(
        &ladder(&[agree, best].concat()),
        &ladder(&[prefer, agree, best].concat()),
        &["clause 1 (prefer) is new: ranks `a` and `b`, until 50ms"],
    );
    check(&ladder(&[agree, best].concat()), &ladder(best), &["clause 1 (agree) is no longer tried"]);
}

#[test]
fn of_two_clauses_of_one_kind_each_is_found_again() {
    let ladder = |clauses: &str| format!("{LADDER}{clauses}- default: {{}}\n");
    check(
        &ladder("- agree: 3\n  until: 10ms\n- agree: 2\n  until: 20ms\n"),
        &ladder("- agree: 2\n  until: 20ms\n"),
        &["clause 1 (agree) is no longer tried"],
    );
    check(
        &ladder("- agree: 3\n  until: 10ms\n- agree: 2\n  until: 20ms\n"),
        &ladder("- agree: 3\n  until: 15ms\n- agree: 2\n  until: 20ms\n"),
        &["clause 1 (agree) waits until 15ms instead of 10ms"],
    );
}

#[test]
fn a_ladder_that_ends_in_first_means_the_empty_default() {
    check(&format!("{LADDER}- first: any\n"), &format!("{LADDER}- first\n- default: {{}}\n"), &[]);
}

#[test]
fn the_examples_of_both_are_played_under_both() {
    let with = |votes: u32, example: &str| {
        format!("{LADDER}- agree: {votes}\n  until: 20ms\n- default: {{ class: 0 }}\nexamples:\n- {{ {example} }}\n")
    };
    let three = "name: three, heard: { 1ms: { a: { class: 1 } }, 2ms: { b: { class: 1 } }, 3ms: { c: { class: 1 } } }";
    let two = "name: two, heard: { 1ms: { a: { class: 1 } }, 2ms: { b: { class: 1 } } }";
    let old = with(2, &format!("{two}, expect: {{ at: 2ms }}"));
    let new = with(3, &format!("{three}, expect: {{ at: 3ms }}"));
    let difference = diff(&parse(&old), &parse(&new));
    let sentences: Vec<&str> = difference.examples.iter().map(|replay| replay.sentence.as_str()).collect();
    assert_eq!(
        sentences,
        [
            "`two` (as it was): answers {\"class\":0} instead of {\"class\":1}, comes at 20ms instead of 2ms, is \
             decided by default instead of agree",
            "`three` (as it is now): comes at 3ms instead of 2ms",
        ]
    );
    assert_eq!(difference.played, 2);
    insta::assert_json_snapshot!(difference);
}

proptest! {
    #[test]
    fn reformatting_changes_nothing(seed: u64) {
        let json = include_str!("tests/full.json");
        let written = rewritten(&serde_json::from_str(json).unwrap(), &mut seed.clone(), false);
        let difference = diff(&parse(json), &parse(&written));
        prop_assert!(difference.is_empty(), "{written}\n{difference}");
    }
}

/// Writes JSON as YAML in another way: members in another order, where order means nothing, and durations in other units.
fn rewritten(value: &Value, seed: &mut u64, ordered: bool) -> String {
    let mut toss = |sides: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % sides
    };
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if !ordered {
                let by = toss(members.len().max(1) as u64);
                members.rotate_left(usize::try_from(by).unwrap());
            }
            let gap = [" ", "\n ", " # so\n ", "\n\n "][usize::try_from(toss(4)).unwrap()];
            let members = members.into_iter().map(|(name, value)| {
                format!("{gap}{name:?}: {}", rewritten(value, seed, matches!(name.as_str(), "executors" | "heard")))
            });
            format!("{{{}\n }}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| rewritten(item, seed, false));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => {
            let millis = text.strip_suffix("ms").and_then(|number| number.parse::<u32>().ok());
            match (millis, toss(4)) {
                (Some(millis), 0) => format!("{}us", u64::from(millis) * 1_000),
                (Some(millis), 1) => format!("'{}s'", f64::from(millis) / 1_000.0),
                (Some(_), 2) => text.clone(),
                _ => value.to_string(),
            }
        }
        other => other.to_string(),
    }
}

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

/// All that it says of its canary.
const CANARY: &str = "    canary:
      of: forest
      no_worse_by: { agreement: 3%, overlap: 61%, ranking: 62%, accuracy: 4%, failures: 0.5%, p50: 6ms, p99: 8ms, impact: 9% }
      confidence: 98%
      warm_up: 11s
      within: 0.25
      largest_difference: 25
      sample: 12%
      budget: 70ms
      hold: true
      acts: { promote: no_worse, reject: worse, after: 13000 }
";

/// A change: its name, what to replace in the full policy, and by what.
type Edit = (&'static str, &'static str, &'static str);

const EDITS: &[Edit] = &[
    ("name", "rendezvous: wine", "rendezvous: vine"),
    ("budget", "budget: 50ms", "budget: 60ms"),
    ("approvals", "approvals: 1\n", ""),
    ("feature more", "features: [alcohol, ash]", "features: [alcohol, ash, hue]"),
    ("feature less", ", ash]", "]"),
    ("features in another order", "features: [alcohol, ash]", "features: [ash, alcohol]"),
    ("text more", "texts: [grape, region]", "texts: [grape, region, maker]"),
    ("text less", "texts: [grape, region]", "texts: [grape]"),
    ("texts in another order", "texts: [grape, region]", "texts: [region, grape]"),
    ("attribute more", "attributes: [tenant, customer]", "attributes: [tenant, customer, region]"),
    ("attribute less", ", customer] }\nkey: attributes.customer\n", "] }\nkey: input.ash\n"),
    ("key", "key: attributes.customer", "key: input.ash"),
    ("value", "value: class,", "value: label,"),
    ("confidence", "confidence: probability", "confidence: sure"),
    ("list", "field: items", "field: basket.items"),
    ("what an item is known by", ", item: id", ""),
    ("how much of a list counts", "top: 12", "top: 1"),
    ("how far a list is read", "persistence: 80%", "persistence: 0.95"),
    ("executor more", "executors:\n", "executors:\n  extra: { echo: }\n"),
    ("executor less", "  spare: { echo: }\n", ""),
    ("model", "onnx: forest.onnx", "onnx: forest-2.onnx"),
    ("server", "scorer:8080", "other:8080"),
    ("where a server's secret is", "env: TOKEN", "file: token.txt"),
    ("a server asked again", "env: TOKEN }", "env: TOKEN }, retries: 2"),
    ("another kind", "http: \"http://scorer:8080/v2/models/wine/infer\"", "echo: "),
    ("what was compiled in", "rust: heater", "rust: cooler"),
    ("component", "wasm: rank.wasm", "wasm: order.wasm"),
    ("memory", "memory: 64MiB", "memory: 32MiB"),
    ("no state", ", state: { settings: heater.settings, commands: heater.commands }", ""),
    ("settings", "settings: heater.settings", "settings: other.settings"),
    ("commands", "commands: heater.commands", "commands: other.commands"),
    ("constant", "answer: { class: 1 }, delay: 3ms", "answer: { class: 2 }, delay: 3ms"),
    ("delay", "delay: 3ms", "delay: 4ms"),
    ("start", "start: { after: 2ms }", "start: now"),
    ("hedge after another quantile", "after: p90", "after: p99"),
    ("hedge after another's latency", "of: forest, min: 7ms", "of: fixed, min: 7ms"),
    ("hedge's bound below", "min: 7ms", "min: 8ms"),
    ("hedge's bound above", "max: 18ms", "max: 19ms"),
    ("hedge of what is not known", "otherwise: 17ms", "otherwise: 16ms"),
    ("hedge's budget", "budget: 7%", "budget: 6%"),
    ("hedge after a time", "after: p90, of: forest, min: 7ms, max: 18ms, otherwise: 17ms", "after: 18ms"),
    ("hedge without a budget", "budget: 7%", "budget: 100%"),
    ("concurrency", "concurrency: 8", "concurrency: 9"),
    ("batch", "max_batch: 16", "max_batch: 8"),
    ("batch as the model takes it", ", max_batch: 16", ""),
    ("family", "family: trees", "family: woods"),
    ("no family", "family: trees, ", ""),
    ("cost", "cost: 1.5", "cost: 2"),
    ("whom a judge hears", "hears: [forest, boost]", "hears: [forest]"),
    ("how long a judge waits", "wait: 12ms", "wait: 13ms"),
    ("breaker", "open_at: 80%", "open_at: 85%"),
    ("breaker as usual", ", breaker: { open_at: 80%, min: 10, window: 5s, pause: 500ms }", ""),
    ("no breaker", "spare: { echo: }", "spare: { echo: , breaker: off }"),
    ("canary of another", "      of: forest\n", "      of: boost\n"),
    ("canary that votes", CANARY, ""),
    ("margin of agreement", "agreement: 3%", "agreement: 2%"),
    ("margin of overlap", "overlap: 61%", "overlap: 60%"),
    ("margin of ranking", "ranking: 62%", "ranking: off"),
    ("margin of accuracy", "accuracy: 4%", "accuracy: off"),
    ("margin of failures", "failures: 0.5%, ", ""),
    ("margin of the median", "p50: 6ms", "p50: 7ms"),
    ("margin of the slowest", "p99: 8ms", "p99: off"),
    ("margin of impact", "impact: 9%", "impact: 10%"),
    (
        "usual margins",
        "      no_worse_by: { agreement: 3%, overlap: 61%, ranking: 62%, accuracy: 4%, failures: 0.5%, p50: 6ms, p99: 8ms, impact: 9% }\n",
        "",
    ),
    ("confidence", "confidence: 98%", "confidence: 99.9%"),
    ("warm-up", "warm_up: 11s", "warm_up: 0s"),
    ("what is the same number", "within: 0.25", "within: 0.5"),
    ("largest difference", "largest_difference: 25", "largest_difference: 30"),
    ("no largest difference", "      largest_difference: 25\n", ""),
    ("sample", "sample: 12%", "sample: 1%"),
    ("no sample", "      sample: 12%\n", ""),
    ("budget of a canary", "budget: 70ms", "budget: 80ms"),
    ("no budget of a canary", "      budget: 70ms\n", ""),
    ("hold", "hold: true", "hold: false"),
    ("when it is promoted", "promote: no_worse", "promote: better"),
    ("no promotion", "promote: no_worse, ", ""),
    ("no rejection", "reject: worse, ", ""),
    ("pairs to act on", "after: 13000", "after: 13001"),
    (
        "nothing is done by itself",
        "      hold: true\n      acts: { promote: no_worse, reject: worse, after: 13000 }\n",
        "",
    ),
    ("candidate that does not vote any more", "spare: { echo: }", "spare: { echo: , canary: { of: boost } }"),
    ("no archive", "decoy: { archive: archive/wine, every: 60s, keep: 30d }\n", ""),
    ("archive", "archive: archive/wine", "archive: archive/vine"),
    ("archive's files", "every: 60s", "every: 2m"),
    ("archive's end", "keep: 30d", "keep: 1d"),
    ("archive without end", ", keep: 30d", ""),
    ("where", "where: answer.confidence > 0.99", "where: answer.confidence > 0.9"),
    ("any", "first: { where: answer.confidence > 0.99 }", "first: any"),
    ("until of first", "until: 10ms", "until: 12ms"),
    ("extra wait of first", "until: 10ms", "until: 10ms\n    extra_wait: 1ms"),
    ("votes", "votes: 2\n", "votes: 3\n"),
    ("majority", "votes: 2\n", "votes: majority\n"),
    ("weight", "boost: 1.5", "boost: 2.5"),
    ("weight less", ", boost: 1.5", ""),
    ("must include", "must_include: [forest, boost]", "must_include: [forest]"),
    ("families", "from_families: 2", "from_families: 1"),
    ("compared", "[{ class: class }, ", "[{ class: class }, origin, "),
    ("compared no more", "[{ class: class }, ", "["),
    ("equality", "{ class: class }", "{ class: exact }"),
    ("tolerance", "rel: 0.1", "rel: 0.2"),
    ("ties", "{ prefer: [forest, boost] }", "{ prefer: [boost, forest] }"),
    ("ties by score", "{ best: answer.confidence }, next_clause", "{ best: answer.price }, next_clause"),
    ("ties at the end", ", next_clause]", "]"),
    ("until of agree", "until: 15ms", "until: 20ms"),
    ("extra wait", "extra_wait: 4ms", "extra_wait: 5ms"),
    ("no extra wait", "    extra_wait: 4ms\n", ""),
    ("score", "score: answer.confidence", "score: answer.confidence - answer.price"),
    ("mark", "at_least: 0.8", "at_least: 0.9"),
    ("no mark", ", at_least: 0.8", ""),
    ("ties of best", "at_least: 0.8", "at_least: 0.8, on_tie: next_clause"),
    ("until of best", "until: 30ms", "until: 31ms"),
    ("extra wait of best", "until: 30ms", "until: 30ms\n    extra_wait: 1ms"),
    ("plurality", "min_votes: 2", "min_votes: 3"),
    ("margin", "margin: 1", "margin: 2"),
    ("bucket", "width: 10", "width: 20"),
    ("synthesis", "mean: [price]", "median: [price]"),
    ("combined", "mean: [price]", "mean: [price, probability]"),
    ("combined weight", "forest: 3", "forest: 4"),
    ("answers to combine", "min_answers: 2", "min_answers: 3"),
    ("until of combine", "until: 35ms", "until: 36ms"),
    ("extra wait by times", "times: 0.5", "times: 1"),
    ("extra wait's bound", "max: 10ms", "max: 11ms"),
    ("rank more", "boost, vendor: { until: {", "boost, spare, vendor: { until: {"),
    ("rank less", "{ until: 40ms }, boost, ", "{ until: 40ms }, "),
    ("ranks in another order", "[forest: { until: 40ms }, boost,", "[boost, forest: { until: 40ms },"),
    ("patience", "until: 40ms", "until: 45ms"),
    ("no patience", "forest: { until: 40ms }", "forest"),
    ("patience by another quantile", "quantile: p95", "quantile: p99"),
    ("until of prefer", "    until: 50ms\n", "    until: 45ms\n"),
    ("extra wait of prefer", "    until: 50ms\n", "    until: 50ms\n    extra_wait: 1ms\n"),
    ("age of the last known", "max_age: 1h", "max_age: 2h"),
    ("otherwise", "otherwise: { class: unknown }", "otherwise: { class: none }"),
    ("constant default", "{ error: nobody answered }", "{ class: unknown }"),
    ("error", "error: nobody answered", "error: no answer"),
    ("clause less", "  - best: { score: answer.confidence, at_least: 0.8 }\n    until: 30ms\n", ""),
    ("clause more", "  - default: { last", "  - first: any\n  - default: { last"),
    ("another kind of clause", "best: { score: answer.confidence, at_least: 0.8 }", "first: any"),
    ("condition", "input.alcohol > 13.0", "input.alcohol > 12.0"),
    ("budget of a case", "budget: 20ms", "budget: 19ms"),
    ("who is asked", "ask: [forest, vendor]", "ask: [forest, vendor, spare]"),
    ("everybody is asked", "    ask: [forest, vendor]\n", ""),
    ("clause of a case", "until: 18ms", "until: 19ms"),
    ("case less", "  - case: short\n    when: budget_ms < 10.0\n    decide: [first: any]\n", ""),
    ("case more", "cases:\n", "cases:\n  - { case: new, when: input.ash > 1.0, decide: [first: any] }\n"),
    ("objective", "share: 99.9%", "share: 99%"),
    ("objective that defaults keep", "share: 99.9%", "share: 99.9%, degraded: good"),
    ("another objective", "within: 50ms", "within: 40ms"),
    ("example less", "  - { name: silence, last_known: { class: 2, age: 5m }, expect: { decided_by: default } }\n", ""),
    ("example's events", "4ms: { boost", "5ms: { boost"),
    ("example's expectation", "expect: { at: 4ms", "expect: { at: 5ms"),
    ("example's question", "alcohol: 13.5", "alcohol: 13.6"),
    ("example's case", "case: gold\n    input", "input"),
    ("example's breakers", "breaker_open: [flaky]", "breaker_open: [flaky, boost]"),
    ("example's memory", "age: 5m", "age: 6m"),
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
    let untold: Vec<&String> = all.iter().filter(|name| !told.contains(*name)).collect();
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
    let groups = [
        "features",
        "texts",
        "executors",
        "decoy",
        "decide",
        "objectives",
        "examples",
        "ranks",
        "on",
        "weights",
        "must_include",
        "of",
        "cases",
        "attributes",
    ];
    let mut names: Vec<String> =
        groups.iter().filter(|group| parts.contains(group)).map(|group| (*group).to_owned()).collect();
    let (near, far) = (format!("{}.{}", at(2), at(1)), format!("{}.{}.{}", at(3), at(2), at(1)));
    names.extend([change.path.clone(), at(1).to_owned(), near, far]);
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
        ("where: answer.confidence > 0.99", "where: \"answer.confidence>0.99\""),
        ("tenant == \"gold\" && input", "tenant==\"gold\"&&input"),
        ("at_least: 0.8", "at_least: 0.80, on_tie: plan_order"),
        ("{ price: { bucket: { width: 10 } } }]", "{ price: { bucket: { width: 10.0 } } }], on_tie: [plan_order]"),
        ("abs: 1,", "abs: 1.0,"),
        ("mean: [price]", "mean: price"),
        ("weights: { forest: 2, boost: 1.5 }", "weights: { boost: 1.50, spare: 1, forest: 2.0 }"),
        ("must_include: [forest, boost]", "must_include: [boost, forest]"),
        (
            "[{ class: class }, { price: { within: { abs: 1, rel: 0.1 } } }]",
            "[{ price: { within: { rel: 0.1, abs: 1 } } }, { class: class }]",
        ),
        ("extra_wait: 4ms", "extra_wait: { times: 0, min: 4ms, max: 4ms }"),
        ("forest: { until: 40ms }, boost,", "forest: { until: 40ms }, boost: { until: 50ms },"),
        ("    until: 50ms\n", ""),
        ("otherwise: { class: unknown }", "otherwise: {\"class\": 'unknown'}"),
        ("confidence: 98%", "confidence: 0.98"),
        ("agreement: 3%, overlap: 61%", "overlap: 0.61, agreement: 0.03"),
        ("persistence: 80%", "persistence: 0.8"),
        ("within: 0.25", "within: 0.250"),
        ("      sample: 12%\n", "      sample: 0.12\n"),
        ("spare: { echo: }", "spare: { echo: {}, start: now, concurrency: 1, max_batch: 1, cost: 0 }"),
        ("answer: { class: 1 }, delay: 3ms", "delay: 3000us, answer: { class: 1.0 }"),
        ("decide: [first: any]", "decide: [first: any, default: {}]"),
        ("input: { alcohol: 13.5, grape: Merlot }", "input: { alcohol: 13.50, grape: Merlot }"),
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
        &["clause 1 (prefer) is new: ranks `a` and `b`, until the budget ends"],
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
        &["clause 1 (agree) waits until 15ms instead of until 10ms"],
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

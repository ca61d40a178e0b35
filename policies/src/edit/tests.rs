//! What is edited changes as little as possible, however it is written.

use std::{fmt::Write as _, path::Path};

use proptest::prelude::*;

use super::*;

const HEAD: &str = "rendezvous: wine
budget: 50ms # keep 1
input: { features: [x] }
answer: { value: class }
executors:
  # keep 2
  forest: { onnx: forest.onnx } # keep 3
";

const TAIL: &str = "  # keep 4
  boost: { onnx: boost.onnx }
# keep 5
decide:
  - agree: 2
    until: 20ms
  - prefer: [forest, boost] # keep 6
  - default: { class: none }
";

/// Ways to write the same canary; `~` stands where comments are to be kept.
const CANARIES: [&str; 9] = [
    "  next: { onnx: next.onnx, canary: { of: forest, acts: { promote: better } } }\n",
    "  next: { canary: { of: forest, acts: { promote: better } }, onnx: next.onnx } # keep ~\n",
    "  \"next\": { onnx: next.onnx , 'canary' : { \"of\": forest, acts: { promote: better } }, }\n",
    "  next:\n    onnx: next.onnx # keep ~\n    canary: { of: forest, acts: { promote: better } } # goes\n",
    "  next:\n    canary:\n      # inside\n      acts: { promote: better }\n      of: forest\n    # keep ~\n    onnx: next.onnx\n",
    "  next: {\n    onnx: next.onnx, # keep ~, and more\n    canary: { of: forest, acts: { promote: better } } # goes\n  }\n",
    "  next: {\n    canary: {\n      of: forest,\n      acts: {\n        promote: better } },\n    # keep ~\n    onnx: next.onnx }\n",
    "  next: { # keep ~\n    onnx: next.onnx, canary: { acts: { promote: better }, of: forest } }\n",
    "  next:\n    onnx: next.onnx\n    canary:\n      of: forest # of it\n\n      acts:\n        promote: better\n\n    # keep ~\n",
];

fn name(name: &str) -> ExecutorId {
    ExecutorId::new(name).unwrap()
}

fn policy(canary: &str) -> String {
    format!("{HEAD}{canary}{TAIL}")
}

fn next() -> ExecutorId {
    name("next")
}

fn told(old: &str, new: &str) -> Vec<String> {
    let parse =
        |text: &str| Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    diff(&parse(old), &parse(new)).changes.into_iter().map(|change| change.sentence).collect()
}

const PROMOTED: &str = "executor `next` is a candidate (may be chosen) instead of a canary of `forest` (only compared)";

#[test]
fn a_canary_is_promoted_held_released_and_rejected_however_it_is_written() {
    let mut all = String::new();
    for canary in CANARIES {
        let text = policy(canary);
        let promoted = edit(&text, &next(), Deed::Promote).unwrap_or_else(|error| panic!("{text}{error}"));
        let first = edit(&text, &next(), Deed::PromoteFirst).unwrap_or_else(|error| panic!("{text}{error}"));
        let held = edit(&text, &next(), Deed::Hold).unwrap_or_else(|error| panic!("{text}{error}"));
        let released = edit(&held, &next(), Deed::Release).unwrap_or_else(|error| panic!("{held}{error}"));
        let rejected = edit(&text, &next(), Deed::Reject).unwrap_or_else(|error| panic!("{text}{error}"));
        assert_eq!(told(&text, &promoted), [PROMOTED]);
        assert_eq!(told(&text, &first), [PROMOTED, "clause 2 (prefer) ranks `next` too"]);
        assert!(first.contains("prefer: [next, forest, boost] # keep 6"));
        assert_eq!(told(&text, &held), ["canary `next` is held instead of not held"]);
        assert_eq!(released, text, "what was held and is released is what it was, to the letter");
        assert_eq!(told(&text, &rejected), ["executor `next` is no longer asked"]);
        for edited in [&promoted, &first, &held, &rejected] {
            assert!((1..=6).all(|comment| edited.contains(&format!("# keep {comment}"))), "{edited}");
        }
        assert!(
            [&promoted, &first, &held].iter().all(|edited| edited.contains("# keep ~") == text.contains("# keep ~"))
        );
        let body =
            |text: &str| text.strip_prefix(HEAD).map(|rest| rest.replace(TAIL, "")).expect("nothing else changed");
        let bodies = [("promoted", &promoted), ("held", &held), ("rejected", &rejected)];
        let bodies = bodies.map(|(what, text)| format!("--- {what}\n{}", body(text)));
        let _ = writeln!(all, "--- as it was\n{canary}{}", bodies.concat());
    }
    insta::assert_snapshot!(all);
}

#[test]
fn whoever_is_first_in_rank_is_so_in_lists_of_either_kind_and_as_patiently_as_the_first_before() {
    let text = policy(CANARIES[0]).replace(
        "  - prefer: [forest, boost] # keep 6\n  - default: { class: none }\n",
        "  - prefer: [ forest: { until: 25ms }, boost ]
    until: 30ms
  - prefer:
      # the best
      - forest:
          until: p95
      - boost
    until: 40ms
  - prefer: # as a list
    - boost # now
    - forest
  - first: any
cases:
  - case: small
    when: input.x < 1.0
    decide:
      - prefer: [
          boost,
          forest]
      - first: any
  - case: large
    when: input.x > 9.0
    ask: [forest]
    decide: [prefer: [forest], first: any]
",
    );
    let first = edit(&text, &next(), Deed::PromoteFirst).unwrap_or_else(|error| panic!("{error}"));
    insta::assert_snapshot!(first.split_once("until: 20ms\n").unwrap().1);
    let ranks = "clause 2 (prefer) ranks `next` too";
    assert!(told(&text, &first).contains(&ranks.to_owned()), "{:?}", told(&text, &first));
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let text = policy(CANARIES[0]);
    let without_ranks = text.replace("  - prefer: [forest, boost] # keep 6\n", "");
    let heard = text
        .replace("boost: { onnx: boost.onnx }", "boost: { http: \"http://boost\", hears: [forest], wait: 5ms }")
        + "examples:\n  - { name: it is heard, heard: { 1ms: { next: { class: 1 } } }, expect: { decided_by: default } }\n";
    let alias = text.replace(
        "forest: { onnx: forest.onnx }",
        "forest: { onnx: forest.onnx }\n  twin: &twin { onnx: t.onnx, canary: { of: forest } }\n  other: *twin",
    );
    let shared = text.replace(
        "{ of: forest, acts: { promote: better } }",
        "&same { of: forest }\n    }\n  other: { onnx: o.onnx, canary: *same",
    );
    let merged = text.replace("next: {", "? next\n  : {");
    let errors = [
        edit(&text, &name("forest"), Deed::Promote),
        edit(&text.replace(", canary: { of: forest, acts: { promote: better } }", ""), &next(), Deed::Promote),
        edit(&text.replace("50ms", "50"), &next(), Deed::Promote),
        edit(&without_ranks, &next(), Deed::PromoteFirst),
        edit(&text, &next(), Deed::Release),
        edit(&edit(&text, &next(), Deed::Hold).unwrap(), &next(), Deed::Hold),
        edit(&heard, &next(), Deed::Reject),
        edit(&alias, &name("other"), Deed::Promote),
        edit(&alias, &name("twin"), Deed::Promote),
        edit(&shared, &next(), Deed::Hold),
        edit(&shared, &next(), Deed::Promote),
        edit(&merged, &next(), Deed::Reject),
    ];
    let errors: Vec<String> = errors.into_iter().map(|done| done.expect_err("it cannot be done").to_string()).collect();
    insta::assert_snapshot!(errors.join("\n---\n"));
}

#[test]
fn every_policy_that_ships_can_be_edited() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok).map(|file| file.path());
    let mut edited = 0;
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")) {
        let text = std::fs::read_to_string(&file).expect("a file");
        let old = Definition::parse("it", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let canary = format!("executors:\n  probe: {{ echo: , canary: {{ of: {} }} }}\n", old.executors[0].id);
        let with = text.replacen("executors:\n", &canary, 1);
        assert_eq!(edit(&with, &name("probe"), Deed::Reject).as_ref(), Ok(&text), "{}", file.display());
        let candidate = edit(&with, &name("probe"), Deed::Promote);
        assert!(candidate.is_ok(), "{}: {candidate:?}", file.display());
        let first = edit(&with, &name("probe"), Deed::PromoteFirst);
        assert_eq!(first.is_ok(), text.contains("prefer: "), "{}: {first:?}", file.display());
        edited += 1;
    }
    let wine = std::fs::read_to_string(folder.join("wine.yaml")).expect("a file");
    assert!(
        edit(&wine, &next(), Deed::PromoteFirst)
            .is_ok_and(|first| first.contains("prefer: [next, forest, boost, linear] # other"))
    );
    assert!(edited >= 6);
}

proptest! {
    #[test]
    fn comments_and_layout_stay_and_nothing_else_changes_in_meaning(
        canary in prop::sample::select(CANARIES.to_vec()),
        carriage in any::<bool>(), mark in any::<bool>(), last in any::<bool>(), at_the_end in any::<bool>(),
        wide in any::<bool>(), act in 0..4_usize,
    ) {
        let mut text = if at_the_end {
            let (executors, ladder) = TAIL.split_once("# keep 5\n").unwrap();
            HEAD.replace("executors:\n", &format!("# keep 5\n{ladder}executors:\n")) + executors + canary
        } else {
            policy(canary)
        };
        if wide {
            text = text.replace("# keep 2", "# keep 2: für größere Äpfel →");
        }
        if !last {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if carriage {
            text = text.replace('\n', "\r\n");
        }
        if mark {
            text.insert(0, '\u{feff}');
        }
        let edited = match act {
            0 => edit(&text, &next(), Deed::Promote),
            1 => edit(&text, &next(), Deed::PromoteFirst),
            2 => edit(&text, &next(), Deed::Hold),
            _ => edit(&text, &next(), Deed::Reject),
        };
        let edited = edited.unwrap_or_else(|error| panic!("{text}\n{error}"));
        prop_assert_eq!(edited.starts_with('\u{feff}'), mark);
        prop_assert_eq!(edited.matches('\n').count(), edited.matches(if carriage { "\r\n" } else { "\n" }).count());
        for comment in (1..=6).map(|comment| format!("# keep {comment}")) {
            prop_assert!(edited.contains(&comment), "{} is gone:\n{}", comment, edited);
        }
        if act == 2 {
            prop_assert_eq!(edit(&edited, &next(), Deed::Release).expect("it is held"), text.as_str());
        }
        let (others, kept): (Vec<&str>, Vec<&str>) = edited.lines().partition(|line| !text.lines().any(|old| old == *line));
        prop_assert!(others.len() <= 3, "{others:?} are others");
        let mut before = text.lines();
        prop_assert!(kept.iter().all(|line| before.any(|old| old == *line)), "other lines moved:\n{edited}");
    }
}

//! An act changes a canary's standing, keeps the text around it, and says why it cannot.

use std::sync::Arc;

use super::*;
use crate::{Matchup, Verdict};

/// Every kind of clause that could name a canary once it is promoted, and comments that are to stay.
const POLICY: &str = "\
# Who answers, and who only watches.
rendezvous: wine
budget: 50ms
input: { features: [alcohol] }
answer: { value: class }
executors:
  forest: { echo: {} } # the one we trust
  boost: { constant: { answer: { class: red } } }
  next: { constant: { answer: { class: white } }, canary: { of: forest, sample: 50%, acts: { reject: worse } } }
decide:
  - agree: { votes: 2, on: [class] }
    until: 15ms
  - prefer: [forest, boost] # in this order
    until: 50ms
  - default: { class: unknown }
examples:
  - name: two agree
    heard: { 3ms: { forest: { class: red }, boost: { class: red } } }
    expect: { at: 3ms, answer: { class: red } }
";

fn live(text: &str) -> Definition {
    Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn name(name: &str) -> ExecutorId {
    ExecutorId::new(name).expect("a name")
}

fn done(text: &str, deed: Deed) -> Acted {
    act(&live(text), &name("next"), deed).unwrap_or_else(|error| panic!("{deed:?}: {error}"))
}

fn told(acted: &Acted) -> Vec<&str> {
    acted.difference.changes.iter().map(|change| change.sentence.as_str()).collect()
}

#[test]
fn each_act_changes_the_canary_s_standing_and_keeps_every_comment() {
    let mut all = Vec::new();
    for deed in [Deed::Promote, Deed::PromoteFirst, Deed::Hold, Deed::Reject] {
        let acted = done(POLICY, deed);
        assert_eq!(acted.text.matches('#').count(), POLICY.matches('#').count(), "{}", acted.text);
        assert_eq!(acted.failed.len(), 0, "{deed:?}");
        all.push(format!("{deed:?}: {}", told(&acted).join("; ")));
    }
    let held = done(POLICY, Deed::Hold).text;
    all.push(format!("Release: {}", told(&done(&held, Deed::Release)).join("; ")));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn whoever_is_released_stands_as_before_he_was_held() {
    let before = live(POLICY);
    let after = done(&done(POLICY, Deed::Hold).text, Deed::Release);
    assert!(policies::diff(&before, &live(&after.text)).is_empty());
}

#[test]
fn examples_that_a_further_candidate_breaks_are_named() {
    let broken = POLICY.replace(
        "at: 3ms, answer: { class: red } }",
        "at: 3ms, answer: { class: red } }
  - name: nobody else is waited for
    heard: { 3ms: { forest: { fails: ill }, boost: { fails: ill } } }
    expect: { at: 3ms, decided_by: default, reason: all_failed }",
    );
    let acted = done(&broken, Deed::Promote);
    assert_eq!(
        acted.failed.iter().map(|example| example.name.as_str()).collect::<Vec<_>>(),
        ["nobody else is waited for"]
    );
    assert!(done(&broken, Deed::Reject).failed.is_empty());
}

/// The same policy, written otherwise, with cases, and with a canary that others stand around.
fn written_otherwise() -> Vec<String> {
    let spread = POLICY.replace(
        "canary: { of: forest, sample: 50%, acts: { reject: worse } } }",
        "canary: {\n    of: forest, # for now\n    sample: 50%, acts: { reject: worse } } }",
    );
    let block = POLICY.replace(
        "  next: { constant: { answer: { class: white } }, canary: { of: forest, sample: 50%, acts: { reject: worse } } }\n",
        "  # Trained on Friday.\n  next:\n    constant: { answer: { class: white } }\n    canary:\n      of: forest\n      sample: 50%\n",
    );
    let between = POLICY.replace("  boost:", "  other: { echo: {}, canary: { of: forest } }\n  boost:");
    vec![POLICY.to_owned(), spread, block, between]
}

#[test]
fn an_act_never_changes_anything_else_than_the_canary_s_standing() {
    for text in written_otherwise() {
        let before = live(&text);
        for deed in [Deed::Promote, Deed::PromoteFirst, Deed::Hold, Deed::Reject] {
            let acted = act(&before, &name("next"), deed).unwrap_or_else(|error| panic!("{deed:?}: {error}\n{text}"));
            assert!(!acted.difference.changes.is_empty());
            for change in &acted.difference.changes {
                let is_its_own = change.path.starts_with("executors.next") || change.path.ends_with(".prefer.next");
                assert!(is_its_own, "{deed:?}: {}\n{}", change.sentence, acted.text);
            }
        }
    }
}

#[test]
fn what_is_written_down_of_a_report_is_its_own() {
    let (canary, reference) = (name("next"), name("forest"));
    let matchup = Matchup::new(canary, reference);
    let report = Report::of(live(POLICY).name(), &matchup, &crate::Ledger::default());
    let act = report.act(Deed::Hold);
    let written = act.report.expect("there is a report");
    assert_eq!((act.canary.as_str(), act.act), ("next", Deed::Hold));
    assert_eq!((written.digest, written.verdict.as_str()), (report.digest(), "not_enough_evidence"));
    for verdict in
        [Verdict::Better, Verdict::NoWorse, Verdict::Worse, Verdict::NotEnoughEvidence, Verdict::NotComparable]
    {
        assert_eq!(serde_json::to_value(verdict).expect("JSON"), verdict.as_str());
    }
    let change = wire::Change {
        id: uuid::Uuid::nil(),
        rendezvous: live(POLICY).name().clone(),
        author: "ada".to_owned(),
        message: String::new(),
        action: wire::Action::Apply(wire::Apply {
            canary: Some(report.act(Deed::Promote)),
            ..wire::Apply::live(Arc::from(POLICY), 1)
        }),
    };
    assert_eq!(change.check(), Ok(()));
}

//! What another policy would have made of recorded requests.

use std::time::Duration;

use super::*;
use crate::rehearing::tests::{Said, class, definition, recorded};

const HASTY: &str = "- first: any\n  until: 5ms\n- default: { class: unknown }";
const PATIENT: &str = "- agree: 2\n  until: 30ms\n- default: { class: unknown }";

fn requests() -> Vec<Vec<Said>> {
    let cat = || class("cat", 0.9);
    vec![
        vec![("forest", 2_000, 0, cat()), ("boost", 9_000, 0, cat())],
        vec![
            ("forest", 3_000, 0, cat()),
            ("boost", 4_000, 0, class("dog", 0.9)),
            ("linear", 8_000, 0, class("dog", 0.8)),
        ],
        vec![("boost", 12_000, 0, cat()), ("linear", 14_000, 0, cat())],
        vec![("linear", 4_000, 0, cat())],
        vec![],
    ]
}

fn compared(decide: &str) -> WhatIfReport {
    let (old, new) = (definition(HASTY), Arc::new(definition(decide)));
    let mut what_if = WhatIf::new(new);
    for said in requests() {
        what_if.add(&recorded(&old, said, Duration::ZERO), Some(&old));
    }
    what_if.add(&Recorded::default(), None);
    what_if.finish()
}

#[test]
fn the_same_policy_changes_nothing() {
    let report = compared(HASTY);
    let changes = [report.different, report.earlier, report.later, report.default_instead, report.prediction_instead];
    assert_eq!((changes, report.was.clone()), ([0; 5], report.would.clone()));
}

#[test]
fn where_a_sampled_canary_was_not_asked_nobody_says_what_its_vote_would_have_changed() {
    let sampled = |text: &str| Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    let plain = definition(HASTY);
    let old = sampled(&plain.text.replace("canary: { of: forest }", "canary: { of: forest, sample: 50% }"));
    let promoted = Arc::new(sampled(&plain.text.replace(", canary: { of: forest }", "")));
    let (mut votes, mut again) = (WhatIf::new(promoted), WhatIf::new(Arc::new(old.clone())));
    for asked in [true, false, false] {
        let said = if asked { vec![("next", 1_000, 0, class("dog", 0.9))] } else { vec![] };
        let mut recorded =
            recorded(&old, [said, vec![("forest", 2_000, 0, class("cat", 0.9))]].concat(), Duration::ZERO);
        let (request, _) = recorded.request.as_mut().expect("it was asked");
        if !asked {
            request.plan = wire::Plan::new(request.plan.asked()[..3].to_vec());
        }
        votes.add(&recorded, Some(&old));
        again.add(&recorded, Some(&old));
    }
    let (votes, again) = (votes.finish(), again.finish());
    assert_eq!((votes.replayed, votes.different), (1, 1));
    assert_eq!(votes.left_out, BTreeMap::from([("a canary that would have a vote was not asked".to_owned(), 2)]));
    assert_eq!(
        (again.replayed, again.different, again.left_out.len()),
        (3, 0, 0),
        "as a canary it has no vote to miss"
    );
}

#[test]
fn what_would_have_changed_is_counted_and_shown() {
    let report = compared(PATIENT);
    insta::assert_snapshot!("patient", report);
    insta::assert_json_snapshot!("patient_json", report);
}

//! What is done by itself, and everything that is not.

use std::sync::Arc;

use policies::Effect;
use proptest::prelude::*;
use uuid::Uuid;
use wire::{Action, Apply, ApplyMode, Change, ControlRecord, RendezvousName, Timestamp};

use super::*;
use crate::{Ledger, Matchup, Metric, act};

/// A policy whose canary is acted on as `acts` says.
fn text(acts: &str) -> String {
    format!(
        "rendezvous: wine
budget: 50ms
input: {{ features: [alcohol] }}
answer: {{ value: class }}
executors:
  forest: {{ echo: {{}} }}
  next: {{ constant: {{ answer: {{ class: white }} }}, canary: {{ of: forest{acts} }} }}
decide:
  - first: any
    until: 50ms
  - default: {{ class: unknown }}
"
    )
}

const BOTH: &str = ", acts: { promote: no_worse, reject: worse, after: 1000 }";

/// A control topic.
struct Log {
    history: History,
    offset: i64,
}

impl Log {
    fn of(text: &str) -> Self {
        let name = RendezvousName::new("wine").expect("a name");
        let mut log = Self { history: History::of(name), offset: 0 };
        log.write("ada", Action::Apply(Apply::live(text.into(), 0))).expect("the first version is sound");
        log
    }

    fn write(&mut self, author: &str, action: Action) -> Result<Effect, Refusal> {
        self.offset += 1;
        let change = Change {
            id: Uuid::from_u128(self.offset.unsigned_abs().into()),
            rendezvous: self.history.name().clone(),
            author: author.to_owned(),
            message: String::new(),
            action,
        };
        self.history.fold(&ControlRecord::Change(change), Timestamp::from_micros(self.offset * 1_000_000))
    }

    /// Does what was ruled, as the station does.
    fn obey(&mut self, ruling: &Ruling, expected: u64) -> Result<Effect, Refusal> {
        let live = Arc::clone(self.history.live().expect("something is live"));
        let canary = wire::ExecutorId::new(&ruling.act.canary).expect("a name");
        let text = act(&live, &canary, ruling.act.act).expect("it can be done").text;
        let apply = Apply { canary: Some(ruling.act.clone()), ..Apply::live(text.into(), expected) };
        self.write(REFEREE, Action::Apply(apply))
    }

    fn rule(&self, reports: &[Report]) -> Option<Ruling> {
        rule(&self.history, reports)
    }
}

fn report(canary: &str, verdict: Verdict, pairs: u64) -> Report {
    let name = |name| wire::ExecutorId::new(name).expect("a name");
    let matchup = Matchup::new(name(canary), name("forest"));
    let wine = RendezvousName::new("wine").expect("a name");
    let mut report = Report::of(&wine, &matchup, &Ledger::default());
    (report.verdict, report.requests.compared) = (verdict, pairs);
    report.because = format!("it failed 5.2 % more of {pairs} requests, where 0.1 % were allowed");
    for metric in report.metrics.iter_mut().filter(|metric| metric.metric == Metric::Failures) {
        (metric.verdict, metric.n) = (verdict, pairs);
    }
    report
}

fn ruled(acts: &str, verdict: Verdict, pairs: u64) -> Option<Deed> {
    Log::of(&text(acts)).rule(&[report("next", verdict, pairs)]).map(|ruling| ruling.act.act)
}

#[test]
fn a_canary_is_promoted_or_rejected_as_its_policy_allows_and_no_other() {
    assert_eq!(ruled(BOTH, Verdict::Better, 1_000), Some(Deed::Promote));
    assert_eq!(ruled(BOTH, Verdict::NoWorse, 1_000), Some(Deed::Promote));
    assert_eq!(ruled(BOTH, Verdict::Worse, 1_000), Some(Deed::Reject));
    let better = ", acts: { promote: better, after: 1000 }";
    assert_eq!(ruled(better, Verdict::Better, 1_000), Some(Deed::Promote));
    assert_eq!(ruled(better, Verdict::NoWorse, 1_000), None, "it is to be better");
    assert_eq!(ruled(better, Verdict::Worse, 1_000), None, "nobody said that it may be rejected");
    let reject = ", acts: { reject: worse, after: 1000 }";
    assert_eq!(ruled(reject, Verdict::Better, 1_000), None, "nobody said that it may be promoted");
    assert_eq!(ruled("", Verdict::Worse, 1_000_000), None, "nobody said anything");
}

#[test]
fn nothing_is_done_about_a_canary_that_is_held() {
    let held = format!(", hold: true{BOTH}");
    for verdict in [Verdict::Better, Verdict::NoWorse, Verdict::Worse] {
        assert_eq!(ruled(&held, verdict, 1_000_000), None);
    }
    let may = |acts: &str| may_act(&Definition::parse("wine.yaml", &text(acts)).expect("a sound policy"));
    assert!(may(BOTH) && !may(&held) && !may(""));
}

#[test]
fn nothing_is_done_on_too_little_evidence_nor_below_after() {
    assert_eq!(ruled(BOTH, Verdict::NotEnoughEvidence, 1_000_000), None);
    assert_eq!(ruled(BOTH, Verdict::NotComparable, 1_000_000), None);
    for verdict in [Verdict::Better, Verdict::NoWorse, Verdict::Worse] {
        assert_eq!(ruled(BOTH, verdict, 999), None);
    }
}

#[test]
fn a_canary_that_never_answers_is_rejected_by_its_failures() {
    let mut failing = report("next", Verdict::Worse, 1_000);
    failing.requests.compared = 0;
    assert_eq!(Log::of(&text(BOTH)).rule(&[failing]).map(|ruling| ruling.act.act), Some(Deed::Reject));
}

#[test]
fn every_act_says_why_with_its_numbers() {
    let report = report("next", Verdict::Worse, 1_204);
    let ruling = Log::of(&text(BOTH)).rule(std::slice::from_ref(&report)).expect("it is worse");
    assert_eq!(ruling.act.report.expect("by a report").digest, report.digest());
    insta::assert_snapshot!(ruling.because);
}

#[test]
fn once_a_version_whoever_asks() {
    let mut log = Log::of(&text(BOTH).replace("budget", "approvals: 1\nbudget"));
    let reports = [report("next", Verdict::Better, 2_000)];
    let ruling = log.rule(&reports).expect("it is better");
    assert_eq!(log.obey(&ruling, 1), Ok(Effect::Proposed { version: 2, missing: 1 }));
    assert_eq!(log.rule(&reports), None, "it waits for approval");
    log.write("bob", Action::Withdraw { version: 2, reason: "not on a Friday".to_owned() }).expect("it was proposed");
    assert_eq!(log.rule(&reports), None, "bob has said no");
}

#[test]
fn a_change_that_could_be_no_version_is_not_tried_again() {
    let mut log = Log::of(&text(BOTH));
    let reports = [report("next", Verdict::Better, 2_000)];
    assert!(log.rule(&reports).is_some());
    log.write(REFEREE, Action::Apply(Apply::live("rendezvous: [".into(), 1))).expect_err("it does not read");
    assert_eq!(log.rule(&reports), None);
}

#[test]
fn of_two_that_act_at_once_one_is_taken() {
    let mut log = Log::of(&text(BOTH));
    let reports = [report("next", Verdict::Worse, 2_000)];
    let (one, other) = (log.rule(&reports).expect("worse"), log.rule(&reports).expect("worse"));
    let mut second = Log::of(&text(BOTH));
    second.offset = 100;
    assert_eq!(one, other);
    assert_eq!(log.obey(&one, 1), Ok(Effect::Live { version: 2 }));
    let late = second.history.live().expect("something is live");
    let text = act(late, &wire::ExecutorId::new("next").expect("a name"), Deed::Reject).expect("it can be done").text;
    let apply = Apply { canary: Some(other.act), ..Apply::live(text.into(), 1) };
    let refused = log.write(REFEREE, Action::Apply(apply));
    assert_eq!(refused, Err(Refusal::Conflict { expected: 1, newest: 2 }));
    assert_eq!((log.rule(&reports), log.history.newest()), (None, 2), "nobody of that name is a canary any more");
}

#[test]
fn nobody_s_trial_or_proposal_is_ended_by_itself() {
    let mut log = Log::of(&text(BOTH));
    let reports = [report("next", Verdict::Worse, 2_000)];
    let trial =
        Apply { mode: ApplyMode::Shadow, ..Apply::live(text(BOTH).replace("class: white", "class: red").into(), 1) };
    assert_eq!(log.write("ada", Action::Apply(trial)), Ok(Effect::OnTrial { version: 2 }));
    assert_eq!(log.rule(&reports), None);
    log.write("ada", Action::Withdraw { version: 2, reason: "slower".to_owned() }).expect("it was on trial");
    let ruling = log.rule(&reports).expect("it is worse");
    assert_eq!(log.obey(&ruling, log.history.newest()), Ok(Effect::Live { version: 3 }));
}

#[test]
fn whoever_does_harm_goes_before_anybody_comes() {
    let second = "  other: { constant: { answer: { class: red } }, canary: { of: forest, acts: { reject: worse, after: 5 } } }\n";
    let log = Log::of(&text(BOTH).replace("decide:", &format!("{second}decide:")));
    let reports = [report("next", Verdict::Better, 2_000), report("other", Verdict::Worse, 2_000)];
    let ruling = log.rule(&reports).expect("two are to be acted on");
    assert_eq!((ruling.act.canary.as_str(), ruling.act.act), ("other", Deed::Reject));
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::Better,
        Verdict::NoWorse,
        Verdict::Worse,
        Verdict::NotEnoughEvidence,
        Verdict::NotComparable,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever reports come in whatever order, and whatever people do meanwhile: each version is followed by at most one
    /// act by itself, each of them allowed by the version that it was made for.
    #[test]
    fn whatever_is_reported_nothing_is_done_that_the_policy_does_not_allow(
        hold in any::<bool>(),
        promote in prop::option::of(prop::sample::select(vec!["better", "no_worse"])),
        reject in any::<bool>(),
        after in 1_u64..50,
        told in prop::collection::vec((verdicts(), 0_u64..100), 1..12),
    ) {
        let mut allowed: Vec<String> = promote.iter().map(|least| format!("promote: {least}")).collect();
        allowed.extend(reject.then(|| "reject: worse".to_owned()));
        allowed.push(format!("after: {after}"));
        prop_assume!(allowed.len() > 1);
        let acts = format!("{}, acts: {{ {} }}", if hold { ", hold: true" } else { "" }, allowed.join(", "));
        let mut log = Log::of(&text(&acts));
        let mut done = 0;
        for (verdict, pairs) in told {
            let reports = [report("next", verdict, pairs)];
            let Some(ruling) = log.rule(&reports) else { continue };
            prop_assert!(!hold && pairs >= after);
            match ruling.act.act {
                Deed::Promote => prop_assert!(verdict == Verdict::Better || (verdict == Verdict::NoWorse && promote == Some("no_worse"))),
                Deed::Reject => prop_assert!(verdict == Verdict::Worse && reject),
                other => prop_assert!(false, "{other:?}"),
            }
            prop_assert!(ruling.because.contains(&pairs.to_string()));
            prop_assert!(log.obey(&ruling, log.history.newest()).is_ok());
            done += 1;
        }
        prop_assert!(done <= 1, "there was one canary that may be acted on");
    }
}

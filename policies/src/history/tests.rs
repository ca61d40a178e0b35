//! What changes lead to, change by change; and the laws over generated logs.

mod laws;

use std::fmt::Write as _;

use uuid::Uuid;

use super::*;
use crate::PairTally;

/// A policy that differs by its budget, and asks for `approvals`.
fn text(budget_ms: u64, approvals: u32) -> String {
    format!(
        "rendezvous: wine
budget: {budget_ms}ms
approvals: {approvals}
input: {{ features: [alcohol] }}
answer: {{ value: class }}
executors:
  echo: {{ echo: {{}} }}
decide:
  - first: any
    until: {budget_ms}ms
  - default: {{ class: unknown }}
"
    )
}

fn wine() -> History {
    History::of(RendezvousName::new("wine").unwrap())
}

fn change(author: &str, action: Action) -> ControlRecord {
    let rendezvous = RendezvousName::new("wine").unwrap();
    let (id, author, message) = (Uuid::nil(), author.to_owned(), "because".to_owned());
    ControlRecord::Change(Change { id, rendezvous, author, message, action })
}

fn apply(author: &str, text: &str, mode: ApplyMode, expected: u64) -> ControlRecord {
    change(author, Action::Apply(Apply { mode, ..Apply::live(text.into(), expected) }))
}

fn live(author: &str, budget_ms: u64, expected: u64) -> ControlRecord {
    apply(author, &text(budget_ms, 0), ApplyMode::Live, expected)
}

fn rollback(author: &str, text: &str, to: u64, expected: u64) -> ControlRecord {
    let (text, mode) = (text.into(), ApplyMode::Live);
    change(author, Action::Apply(Apply { mode, rolls_back: Some(to), ..Apply::live(text, expected) }))
}

fn withdraw(author: &str, version: u64) -> ControlRecord {
    change(author, Action::Withdraw { version, reason: "slower".to_owned() })
}

fn promote(version: u64) -> ControlRecord {
    change("ada", Action::Promote { version })
}

fn approve(author: &str, version: u64) -> ControlRecord {
    change(author, Action::Approve { version })
}

fn tally(version: u64, partition: i32, compared: u64) -> ControlRecord {
    let counted = TrialTally { paired: PairTally { compared, ..PairTally::default() }, ..TrialTally::default() };
    let policy = PolicyRef { rendezvous: RendezvousName::new("wine").unwrap(), version };
    ControlRecord::Tally(Tally { policy, partition, counted: serde_json::to_vec(&counted).unwrap().into() })
}

/// Folds all of them, a second apart.
fn fold(records: &[ControlRecord]) -> History {
    let mut history = wine();
    for (second, record) in (0..).zip(records) {
        // What is refused is in the picture.
        let _ = history.fold(record, Timestamp::from_micros(second * 1_000_000));
    }
    history
}

/// Everything that a history tells, one line for each version and each refusal.
fn picture(history: &History) -> String {
    let mut picture = String::new();
    for entry in history.entries() {
        let Entry { version, author, state, needs, approved_by, live_since, .. } = entry;
        let since = live_since.map(Timestamp::as_micros);
        let compared = entry.tally().paired.compared;
        let _ = writeln!(picture, "{version} {author} {state:?} {needs}{approved_by:?} {since:?} {compared}");
    }
    let live = history.live().map(|live| (live.policy_ref.version, live.budget));
    let trial = history.trial().map(|trial| (trial.definition.policy_ref.version, trial.mode, trial.tally()));
    let _ = writeln!(picture, "live {live:?} trial {trial:?}");
    picture
}

fn states(history: &History) -> String {
    let words: Vec<String> =
        history.entries().map(|entry| format!("{} {}", entry.version, entry.state.as_str())).collect();
    words.join(" · ")
}

fn why(records: &[ControlRecord]) -> String {
    fold(records).refused().last().map(|refused| refused.why.to_string()).unwrap_or_default()
}

#[test]
fn nothing_is_nothing() {
    assert!(wine().versions().is_none());
    assert_eq!((wine().newest(), wine().live().is_none()), (0, true));
}

#[test]
fn each_apply_supersedes_the_one_before() {
    let history = fold(&[live("ada", 10, 0), live("bob", 20, 1), live("ada", 30, 2)]);
    assert_eq!(states(&history), "1 superseded · 2 superseded · 3 live");
    assert_eq!(history.entry(2).unwrap().state, State::Superseded { by: 3 });
    let versions = history.versions().unwrap();
    assert_eq!((versions.live().policy_ref.version, versions.newest()), (3, 3));
    assert_eq!(versions.get(2).unwrap().budget, wire::Budget::from_millis(20));
}

#[test]
fn versions_are_ordered_as_numbers() {
    let all: Vec<ControlRecord> = (0..11).map(|index| live("ada", 10 + index, index)).collect();
    let history = fold(&all);
    let order: Vec<u64> = history.entries().map(|entry| entry.version).collect();
    assert_eq!(order, (1..=11).collect::<Vec<_>>(), "10 comes after 9");
    assert_eq!(history.live().unwrap().policy_ref.version, 11);
}

#[test]
fn whoever_did_not_know_the_newest_version_is_refused_and_told() {
    let history = fold(&[live("ada", 10, 0), live("bob", 20, 1), live("eve", 30, 1)]);
    assert_eq!(states(&history), "1 superseded · 2 live");
    let refused = history.refused().next().unwrap();
    assert_eq!(refused.why, Refusal::Conflict { expected: 1, newest: 2 });
    assert_eq!(history.since(1).map(|entry| entry.author.as_str()).collect::<Vec<_>>(), ["bob"]);
}

#[test]
fn a_version_from_the_future_is_refused_too() {
    assert!(why(&[live("ada", 10, 7)]).contains("made for version 7"));
    assert!(why(&[live("ada", 10, u64::MAX)]).contains("version 0 was the newest"));
}

#[test]
fn a_text_that_is_no_policy_of_this_rendezvous_changes_nothing() {
    let fails = text(20, 0) + "examples:\n  - name: silence\n    heard: {}\n    expect: { decided_by: first }\n";
    let cases = [
        ("rendezvous: wine", "its text has mistakes"),
        (&text(20, 0).replace("- first: any", "- frist: any"), "wine@2:9:"),
        (&text(20, 0).replace("rendezvous: wine", "rendezvous: beer"), "its text is the policy of `beer`"),
        (fails.as_str(), "these of its examples fail: silence"),
    ];
    for (text, expected) in cases {
        let records = [live("ada", 10, 0), apply("bob", text, ApplyMode::Live, 1)];
        assert!(why(&records).contains(expected), "{}", why(&records));
        assert_eq!(picture(&fold(&records)), picture(&fold(&records[..1])));
    }
}

#[test]
fn a_trial_runs_beside_the_live_version_until_it_is_promoted() {
    for (mode, word) in [(ApplyMode::Shadow, "shadow"), (ApplyMode::Share(500), "share")] {
        let on_trial = [live("ada", 10, 0), apply("bob", &text(20, 0), mode, 1)];
        let history = fold(&on_trial);
        assert_eq!(states(&history), format!("1 live · 2 {word}"));
        assert_eq!(history.versions().unwrap().trial().unwrap().definition.policy_ref.version, 2);
        let promoted = fold(&[&on_trial[..], &[promote(2)]].concat());
        assert_eq!(states(&promoted), "1 superseded · 2 live");
        assert!(promoted.versions().unwrap().trial().is_none());
    }
}

#[test]
fn a_withdrawn_trial_says_by_whom_and_why() {
    let shadow = apply("bob", &text(20, 0), ApplyMode::Shadow, 1);
    let history = fold(&[live("ada", 10, 0), shadow, withdraw("hedgerow", 2)]);
    let state = State::Withdrawn { by: "hedgerow".to_owned(), why: "slower".to_owned() };
    assert_eq!((history.entry(2).unwrap().state.clone(), history.trial().is_none()), (state, true));
    assert_eq!(history.live().unwrap().policy_ref.version, 1);
}

#[test]
fn a_live_apply_ends_a_trial_and_a_trial_ends_the_trial_before() {
    let shadow = |budget, expected| apply("bob", &text(budget, 0), ApplyMode::Shadow, expected);
    let history = fold(&[live("ada", 10, 0), shadow(20, 1), shadow(30, 2)]);
    assert_eq!(states(&history), "1 live · 2 superseded · 3 shadow");
    let history = fold(&[live("ada", 10, 0), shadow(20, 1), live("ada", 30, 2), promote(2)]);
    assert_eq!(states(&history), "1 superseded · 2 superseded · 3 live");
    assert!(history.refused().next().unwrap().why.to_string().contains("version 2 is not on trial"));
}

#[test]
fn nothing_is_on_trial_beside_nothing() {
    assert!(why(&[apply("ada", &text(10, 0), ApplyMode::Shadow, 0)]).contains("no live version yet"));
    for parts in [0, 10_000, u16::MAX] {
        let share = apply("ada", &text(20, 0), ApplyMode::Share(parts), 1);
        assert!(why(&[live("ada", 10, 0), share]).contains("is no share"));
    }
}

#[test]
fn a_change_waits_for_as_many_others_as_the_live_policy_says() {
    let mut log = vec![apply("ada", &text(10, 2), ApplyMode::Live, 0), live("bob", 20, 1)];
    assert_eq!(states(&fold(&log)), "1 live · 2 proposed");
    log.push(approve("eve", 2));
    log.push(approve("eve ", 2));
    assert_eq!(fold(&log).entry(2).unwrap().missing(), 1, "who approves twice has approved once");
    log.push(approve("bob", 2));
    assert!(why(&log).contains("somebody else must approve"));
    log.push(approve("ada", 2));
    assert_eq!(states(&fold(&log)), "1 superseded · 2 live");
    assert_eq!(fold(&log).entry(2).unwrap().approved_by, ["eve", "ada"]);
    log.push(approve("zoe", 2));
    assert!(why(&log).contains("waits for nobody's approval"));
}

#[test]
fn a_trial_waits_for_approval_like_any_version() {
    let first = apply("ada", &text(10, 1), ApplyMode::Live, 0);
    let log = [first, apply("bob", &text(20, 0), ApplyMode::Shadow, 1), approve("eve", 2)];
    assert_eq!(states(&fold(&log[..2])), "1 live · 2 proposed");
    assert_eq!(states(&fold(&log)), "1 live · 2 shadow");
}

#[test]
fn an_older_proposal_cannot_overtake_what_is_newer() {
    let first = apply("ada", &text(10, 1), ApplyMode::Live, 0);
    let log = [first, live("bob", 20, 1), live("eve", 30, 2), approve("ada", 3), approve("ada", 2)];
    assert_eq!(states(&fold(&log[..3])), "1 live · 2 proposed · 3 proposed");
    assert_eq!(states(&fold(&log)), "1 superseded · 2 superseded · 3 live");
    assert!(why(&log).contains("version 2 waits for nobody's approval"));
}

#[test]
fn a_proposal_can_be_withdrawn_and_what_is_live_cannot() {
    let first = apply("ada", &text(10, 1), ApplyMode::Live, 0);
    let log = [first, live("bob", 20, 1), withdraw("bob", 2), withdraw("bob", 1)];
    assert_eq!(states(&fold(&log)), "1 live · 2 withdrawn");
    assert!(why(&log).contains("version 1 is neither on trial nor proposed"));
}

#[test]
fn a_rollback_is_the_old_text_under_a_new_number() {
    let history = fold(&[live("ada", 10, 0), live("bob", 20, 1), rollback("ada", &text(10, 0), 1, 2)]);
    assert_eq!(states(&history), "1 superseded · 2 superseded · 3 live");
    assert_eq!((history.entry(3).unwrap().rolls_back, history.live().unwrap().budget.as_micros()), (Some(1), 10_000));
}

#[test]
fn going_back_to_what_was_live_waits_for_nobody_and_to_anything_else_does() {
    let log = [
        apply("ada", &text(10, 1), ApplyMode::Live, 0),
        apply("bob", &text(20, 1), ApplyMode::Live, 1),
        approve("ada", 2),
        apply("bob", &text(30, 1), ApplyMode::Shadow, 2),
    ];
    let then = |record| states(&fold(&[&log[..], &[record]].concat()));
    assert_eq!(then(rollback("bob", &text(10, 1), 1, 3)), "1 superseded · 2 superseded · 3 superseded · 4 live");
    assert_eq!(then(rollback("bob", &text(30, 1), 3, 3)), "1 superseded · 2 live · 3 proposed · 4 proposed");
    assert!(why(&[&log[..], &[rollback("bob", &text(11, 1), 1, 3)]].concat()).contains("not version 1's"));
    assert!(why(&[&log[..], &[rollback("bob", &text(11, 1), 9, 3)]].concat()).contains("no version 9"));
}

#[test]
fn the_last_tally_of_each_partition_counts() {
    let shadow = apply("bob", &text(20, 0), ApplyMode::Shadow, 1);
    let log = [live("ada", 10, 0), shadow, tally(2, 0, 5), tally(2, 1, 7), tally(2, 0, 9)];
    assert_eq!(fold(&log).trial().unwrap().tally().paired.compared, 16);
    let garbage = ControlRecord::Tally(Tally {
        policy: "wine@2".parse().unwrap(),
        partition: 0,
        counted: "{}".to_owned().into(),
    });
    let mut history = fold(&log);
    assert!(history.fold(&garbage, Timestamp::EPOCH).is_err());
    assert_eq!(history.fold(&tally(7, 0, 1), Timestamp::EPOCH), Err(Refusal::Unknown { version: 7 }));
    assert_eq!(picture(&history), picture(&fold(&log)));
}

#[test]
fn what_was_announced_last_of_speeds_is_what_versions_know() {
    let speeds = |measured: &'static str| {
        ControlRecord::Speeds(Speeds { rendezvous: RendezvousName::new("wine").unwrap(), measured: measured.into() })
    };
    let took = |micros: u64| {
        let mut usual = Latencies::default();
        usual.set(wire::ExecutorId::new("echo").unwrap(), [std::time::Duration::from_micros(micros); 6]);
        usual
    };
    let mut history = fold(&[live("ada", 10, 0)]);
    assert_eq!(**history.versions().unwrap().usual(), Latencies::default());
    let [first, second] = [20, 30].map(|micros| &*took(micros).to_json().leak());
    for announced in [first, second] {
        assert_eq!(history.fold(&speeds(announced), Timestamp::EPOCH), Ok(Effect::Measured));
    }
    assert!(matches!(history.fold(&speeds("[]"), Timestamp::EPOCH), Err(Refusal::Speeds { .. })));
    assert_eq!(**history.versions().unwrap().usual(), took(30));
    assert_eq!(picture(&history), picture(&fold(&[live("ada", 10, 0)])), "no version changes by it");
}

#[test]
fn what_was_read_long_ago_is_read_again_when_it_is_asked_for() {
    let all: Vec<ControlRecord> = (0..100).map(|index| live("ada", 10 + index, index)).collect();
    let versions = fold(&all).versions().unwrap();
    for version in [1, 36, 37, 99] {
        assert_eq!(versions.get(version).unwrap().budget, wire::Budget::from_millis(9 + version));
        assert_eq!(versions.get(version).unwrap().policy_ref.version, version);
    }
}

#[test]
fn what_is_shown_is_the_live_version_unless_another_is_named() {
    let on_trial = apply("cyd", &text(70, 0), ApplyMode::Shadow, 2);
    let history = fold(&[live("ada", 50, 0), live("bob", 60, 1), on_trial]);
    let version = |shown: &PolicyShown| shown.shown.as_ref().map(|shown| shown.version);
    let usual = PolicyShown::of(&history, None, None).expect("there are versions");
    assert_eq!((version(&usual), usual.against, usual.difference), (Some(2), None, None));
    let compared = PolicyShown::of(&history, Some(3), Some(2)).expect("both are there");
    let changes = compared.difference.as_ref().map(|difference| difference.changes.len());
    assert_eq!((version(&compared), changes), (Some(3), Some(1)), "the budget, and the clause that ends with it");
    assert_eq!(PolicyShown::of(&history, Some(4), None), Err(NoVersion(4)));
    assert_eq!(PolicyShown::of(&history, None, Some(9)), Err(NoVersion(9)));
    assert_eq!(PolicyShown::of(&wine(), None, None).map(|shown| shown.shown), Ok(None));
}

#[test]
fn a_version_and_a_trial_are_told_in_sentences() {
    let on_trial = apply("cyd", &text(70, 0), ApplyMode::Share(500), 2);
    let history =
        fold(&[live("ada", 50, 0), live("bob", 60, 1), on_trial, rollback("ada", &text(50, 0), 1, 3), tally(3, 0, 7)]);
    let view = PolicyView::from(&history);
    let told: Vec<String> = view.versions.iter().map(|one| format!("{}: {}", one.standing(), one.why())).collect();
    let superseded = |by| format!("superseded (by version {by}): because");
    assert_eq!(told, [superseded(2), superseded(4), superseded(4), "live: back to 1: because".to_owned()]);
    let history = fold(&[live("ada", 50, 0), apply("cyd", &text(70, 0), ApplyMode::Shadow, 1), tally(2, 0, 7)]);
    let trial = PolicyView::from(&history).trial.expect("it is on trial");
    assert_eq!(trial.way(), "version 2 decides in the shadow");
    let counted = trial.counted();
    assert_eq!(
        counted[1..3],
        [
            "the trial decided about 0, 0 of them by default",
            "of 7 requests both decided about, it would have answered 0 otherwise, 0 earlier, 0 later"
        ]
    );
    assert_eq!(counted[3], "0 of them with its default instead of a prediction, 0 the other way round");
    assert_eq!(trial.judged(), "too little was seen to say whether it is worse");
}

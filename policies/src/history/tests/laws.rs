//! The laws of histories, over generated logs: mostly sensible changes, some stale, some invalid, some about nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const AUTHORS: [&str; 3] = ["ada", "bob", "eve"];

/// A change as it is drawn; what it expects or names is near the newest version when its turn comes.
#[derive(Clone, Debug)]
struct Drawn {
    kind: u8,
    author: usize,
    budget_ms: u64,
    approvals: u32,
    behind: u64,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let parts = (0u8..14, 0usize..3, 10u64..14, 0u32..3, prop_oneof![6 => Just(0u64), 2 => Just(1), 1 => 2u64..5]);
    parts.prop_map(|(kind, author, budget_ms, approvals, behind)| Drawn { kind, author, budget_ms, approvals, behind })
}

/// Writes a log by folding it, as its authors would who look before they write.
fn log(all: &[Drawn]) -> Vec<ControlRecord> {
    let mut history = wine();
    let mut log = Vec::new();
    for drawn in all {
        let record = drawn.record(&history);
        let _ = history.fold(&record, Timestamp::EPOCH);
        log.push(record);
    }
    log
}

// === impl Drawn ===

impl Drawn {
    fn record(&self, history: &History) -> ControlRecord {
        let (author, text) = (AUTHORS[self.author], text(self.budget_ms, self.approvals));
        let seen = history.newest().saturating_sub(self.behind);
        match self.kind {
            0..=3 => apply(author, &text, ApplyMode::Live, seen),
            4 => apply(author, &text, ApplyMode::Shadow, seen),
            5 => apply(author, &text, ApplyMode::Share(500), seen),
            6 => apply(author, "rendezvous: wine", ApplyMode::Live, seen),
            7 | 8 => approve(author, seen),
            9 => promote(seen),
            10 => withdraw(author, seen),
            11 | 12 => tally(seen, i32::from(self.kind == 11), self.budget_ms),
            _ => {
                let to = seen.max(1);
                let text = history.entry(to).map_or(text, |entry| entry.text().to_string());
                rollback(author, &text, to, history.newest())
            }
        }
    }
}

fn is_apply(record: &ControlRecord) -> Option<&Apply> {
    match record {
        ControlRecord::Change(Change { action: Action::Apply(apply), .. }) => Some(apply),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_two_readers_of_the_same_prefix_agree(
        all in prop::collection::vec(drawn(), 0..24),
        cut in 0usize..24,
    ) {
        let log = log(&all);
        let cut = cut.min(log.len());
        // One reads on from where it was, the other begins anew.
        let mut one = fold(&log[..cut]);
        prop_assert_eq!(picture(&one), picture(&fold(&log[..cut])));
        for (second, record) in (0..).zip(&log).skip(cut) {
            let _ = one.fold(record, Timestamp::from_micros(second * 1_000_000));
        }
        prop_assert_eq!(picture(&one), picture(&fold(&log)));
    }

    #[test]
    fn a_refused_change_changes_nothing_and_is_remembered(all in prop::collection::vec(drawn(), 0..24)) {
        let mut history = wine();
        for record in log(&all) {
            let before = (picture(&history), history.refused().count());
            let refused = history.fold(&record, Timestamp::EPOCH).is_err();
            if refused {
                let remembered = usize::from(matches!(record, ControlRecord::Change(_)));
                prop_assert_eq!((picture(&history), history.refused().count()), (before.0, before.1 + remembered));
            }
        }
    }

    #[test]
    fn of_applies_that_expect_the_same_version_at_most_one_is_taken(all in prop::collection::vec(drawn(), 0..24)) {
        let mut history = wine();
        let mut taken: BTreeMap<u64, u32> = BTreeMap::new();
        for record in log(&all) {
            let done = history.fold(&record, Timestamp::EPOCH).is_ok();
            if let Some(apply) = is_apply(&record).filter(|_| done) {
                *taken.entry(apply.expected).or_default() += 1;
            }
        }
        prop_assert!(taken.values().all(|count| *count == 1), "{:?}", taken);
    }

    #[test]
    fn versions_never_go_back(all in prop::collection::vec(drawn(), 0..24)) {
        let mut history = wine();
        let live = |history: &History| history.live().map_or(0, |live| live.policy_ref.version);
        for record in log(&all) {
            let before = (history.newest(), live(&history));
            let registers = history.fold(&record, Timestamp::EPOCH).is_ok() && is_apply(&record).is_some();
            prop_assert_eq!(history.newest(), before.0 + u64::from(registers));
            prop_assert!(live(&history) >= before.1 && live(&history) <= history.newest());
            let of = |word: &str| history.entries().filter(|entry| entry.state.as_str() == word).count();
            prop_assert_eq!(of("live"), usize::from(history.live().is_some()));
            prop_assert_eq!(of("shadow") + of("share"), usize::from(history.trial().is_some()));
        }
    }

    #[test]
    fn nobody_changes_alone_what_others_must_approve(all in prop::collection::vec(drawn(), 0..24)) {
        let mut history = wine();
        for record in log(&all) {
            let needed = history.live().map_or(0, |live| live.approvals);
            let done = history.fold(&record, Timestamp::EPOCH).is_ok();
            if is_apply(&record).is_some_and(|apply| done && apply.rolls_back.is_none()) {
                prop_assert_eq!(history.entry(history.newest()).unwrap().needs, needed);
            }
            for entry in history.entries().filter(|entry| entry.live_since.is_some() || entry.state.is_trial()) {
                let others: BTreeSet<&String> = entry.approved_by.iter().filter(|by| **by != entry.author).collect();
                prop_assert!(others.len() >= usize::try_from(entry.needs).unwrap(), "{entry:?}");
            }
        }
    }

    #[test]
    fn a_compacted_log_folds_the_same(all in prop::collection::vec(drawn(), 0..24)) {
        let log = log(&all);
        let last_of_its_key = |index: &usize| match &log[*index] {
            ControlRecord::Change(_) => true,
            counted @ (ControlRecord::Tally(_) | ControlRecord::Speeds(_)) => {
                let key = counted.encode().key;
                log[index + 1..].iter().all(|later| later.encode().key != key)
            }
        };
        let mut compacted = wine();
        for index in (0..log.len()).filter(last_of_its_key) {
            let second = i64::try_from(index).unwrap();
            let _ = compacted.fold(&log[index], Timestamp::from_micros(second * 1_000_000));
        }
        prop_assert_eq!(picture(&compacted), picture(&fold(&log)));
    }
}

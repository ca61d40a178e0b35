//! What open breakers do to verdicts.

use super::*;

/// Candidates whose breaker is open.
fn open_breakers() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(NAMES[..4].to_vec(), 0..=4)
}

fn decide_without(definition: &Definition, open: &[&str], events: &[Event]) -> Verdict {
    let open_breakers = open.iter().map(|name| wire::ExecutorId::new(name).expect("a name")).collect();
    let circumstances = Circumstances { open_breakers, ..circumstances() };
    let (policy, asked) = (Arc::clone(&definition.policy), plan(ASKED));
    let step = Evaluation::open(policy, &asked, Timestamp::EPOCH, definition.budget, Duration::ZERO, &circumstances);
    run_out(play_on(step, events))
}

/// All of a verdict but its receipt, and but why a default is given: of failures that are heard one after the other, the
/// first may leave too few before all have failed.
fn ruling(verdict: &Verdict) -> impl PartialEq + std::fmt::Debug + use<> {
    let Verdict { decided_by, completeness, reason, answer, executors, fallback, at, receipt: _ } = verdict.clone();
    let reason = (decided_by != DecidedBy::Default).then_some(reason);
    (decided_by, completeness, reason, answer, executors, fallback, at)
}

/// Patience is about time: whoever lost it races, as long as somebody else is waited for.
fn without_patience() -> impl Strategy<Value = Ladder> {
    ladder().prop_map(|mut ladder| {
        for step in &mut ladder.steps {
            if let Rung::Prefer(ranks) = &mut step.rung {
                for (_, patience) in ranks.iter_mut() {
                    *patience = None;
                }
            }
        }
        ladder
    })
}

fn is_of(said: &Said, names: &[&str]) -> bool {
    names.contains(&said.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..ProptestConfig::default() })]

    /// *An open breaker is a failure at birth*, whatever those say after all: so every other law holds with breakers.
    #[test]
    fn an_open_breaker_is_a_failure_at_birth(ladder in ladder(), said in timeline(), open in open_breakers()) {
        let definition = definition(&ladder);
        let failures = open.iter().map(|name| (*name, 0, None));
        let others = said.iter().filter(|said| !is_of(said, &open)).cloned();
        let failed: Vec<Said> = failures.chain(others).collect();
        let struck = decide_without(&definition, &open, &events(&said));
        prop_assert_eq!(ruling(&struck), ruling(&decide(&definition, &events(&failed))), "{}", ladder.yaml());
        for entry in struck.receipt.entries {
            let is_open = open.contains(&entry.executor.as_str());
            prop_assert_eq!(entry.state == crate::ReceiptState::BreakerOpen, is_open);
            prop_assert!(!(is_open && entry.in_vain));
        }
    }

    /// Of those who say nothing, an open breaker changes no answer, and none comes later for it.
    #[test]
    fn an_open_breaker_only_spares_the_wait_for_who_is_silent(
        ladder in without_patience(), said in timeline(), open in open_breakers(),
    ) {
        let definition = definition(&ladder);
        let heard: Vec<Said> = said.into_iter().filter(|said| !is_of(said, &open)).collect();
        let (waited, spared) =
            (decide(&definition, &events(&heard)), decide_without(&definition, &open, &events(&heard)));
        prop_assert!(spared.at <= waited.at, "{}{heard:?}\n{spared:?}\n{waited:?}", ladder.yaml());
        prop_assert_eq!(told(outcome(&ladder, &spared)), told(outcome(&ladder, &waited)), "{}{:?}", ladder.yaml(), heard);
    }

    /// Who was heard, or was not waited for to any end, was not awaited in vain.
    #[test]
    fn only_who_is_silent_is_awaited_in_vain(ladder in ladder(), said in timeline()) {
        let verdict = decide(&definition(&ladder), &events(&said));
        let ends = ends(&ladder, &said);
        for entry in verdict.receipt.entries.iter().filter(|entry| entry.in_vain) {
            prop_assert_eq!(entry.state, crate::ReceiptState::Pending);
            let name = entry.executor.as_str();
            prop_assert!(name != "z" && !said.iter().any(|(other, at, _)| *other == name && instant(*at) < verdict.at));
        }
        let some_end = ends.first().copied().unwrap_or_default();
        let has_patience = ladder.yaml().contains("until: {") || ladder.yaml().contains(": { until");
        if verdict.at < instant(some_end) && !has_patience {
            prop_assert!(verdict.receipt.entries.iter().all(|entry| !entry.in_vain));
        }
    }
}

#[test]
fn who_is_not_waited_for_holds_nobody_up_and_no_vote() {
    let check = |ladder: &str, open: &[&str], timeline: &str, expected: &str| {
        let events: Vec<Event> = timeline.split_whitespace().map(event).collect();
        assert_eq!(tell(&decide_without(&policy(ladder), open, &events)), expected, "{ladder}");
    };
    let (best, agree) = ("- best: { score: sure }\n  until: 40ms\n- default: { class: none }", TWO_AGREE);
    check(best, &["d"], "1:a=cat/0.9 2:b=dog/0.8 3:c=dog/0.7", "3: cat (best a, all_answered, partial)");
    check(agree, &["a", "b", "c", "d"], "1:a=cat 2:b=cat", "0: none (default, all_failed, none)");
    check(agree, &["b", "c", "d"], "1:a=cat", "0: none (default, too_few, none)");
    check(PREFER, &["a"], "3:b=dog", "3: dog (prefer b, early, partial)");
    // A canary is never waited for, so it has no breaker.
    check(agree, &["z"], "1:a=cat 2:z=cat 3:b=cat", "3: cat (agree a b, early, partial)");
}

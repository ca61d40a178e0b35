//! The laws of `evaluation`, over generated ladders of every kind of clause, and generated timelines, against an oracle
//! that never decides early.

mod breaker;
mod ladder;
mod oracle;
mod strength;

use std::collections::BTreeSet;

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};

use self::{
    ladder::{ASKED, BUDGET, Ladder, NAMES, Rung, Said, USUAL, ladder, reply, timeline},
    oracle::{Outcome, ends, oracle, outcome, plain, rounded},
};
use super::*;
use crate::{DecidedBy, Fallen, LastKnown, Latencies, Quantile};

fn definition(ladder: &Ladder) -> Definition {
    let text = ladder.yaml();
    Definition::parse("test.yaml", &text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// Something was said about the key 30 ms before the request.
fn circumstances() -> Circumstances {
    let mut latencies = Latencies::default();
    for (name, usual) in USUAL {
        let id = wire::ExecutorId::new(name).expect("a name");
        latencies.set(id, Quantile::ALL.map(|_| Duration::from_millis(usual)));
    }
    let known = LastKnown { answer: r#"{"class":"known"}"#.into(), at: Timestamp::from_micros(-30_000) };
    Circumstances { latencies: Arc::new(latencies), last_known: Some(known), ..Circumstances::default() }
}

fn open(definition: &Definition, budget: Budget, lead: Duration) -> Step {
    let policy = Arc::clone(&definition.policy);
    Evaluation::open(policy, &plan(ASKED), Timestamp::EPOCH, budget, lead, &circumstances())
}

fn decide(definition: &Definition, events: &[Event]) -> Verdict {
    run_out(play_on(open(definition, definition.budget, Duration::ZERO), events))
}

fn play_on(mut step: Step, events: &[Event]) -> Step {
    for event in events {
        let Step::Wait(evaluation) = step else { break };
        step = match event {
            Event::Timer(at) => evaluation.on_time(*at),
            Event::Said(response, at) => evaluation.observe(response, *at).1,
        };
    }
    step
}

fn events(said: &[Said]) -> Vec<Event> {
    said.iter().map(|(name, at, reply)| Event::Said(response(name, spoken(reply.as_ref())), instant(*at))).collect()
}

fn spoken(reply: Option<&Value>) -> Reply {
    let failure = || Failure { kind: FailureKind::Failed, message: "dead".to_owned() };
    reply.map_or_else(|| Reply::Failure(failure()), |answer| Reply::Answer(answer.to_string().into()))
}

fn instant(micros: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_micros(micros))
}

/// Digits that two ways to the same sum do not share are not compared.
fn told(mut outcome: Outcome) -> Outcome {
    for path in ["/price", "/deep/n"] {
        if let Some(number) =
            outcome.meant.pointer(path).and_then(Value::as_f64).filter(|_| outcome.kind == DecidedBy::Combine)
        {
            *outcome.meant.pointer_mut(path).expect("it is there") = json!(rounded(number));
        }
    }
    outcome
}

/// What is about time and not about order: patience that ended, the first answer's time, a race.
fn is_timeless(ladder: &Ladder) -> bool {
    ladder.steps.iter().all(|step| {
        let patient = match &step.rung {
            Rung::Prefer(ranks) => ranks.iter().all(|(_, patience)| patience.is_none()),
            Rung::First { .. } => false,
            _ => true,
        };
        patient && step.extra.is_none()
    })
}

fn without_time() -> impl Strategy<Value = Ladder> {
    ladder().prop_map(|mut ladder| {
        for step in &mut ladder.steps {
            step.extra = None;
            match &mut step.rung {
                Rung::Prefer(ranks) => ranks.iter_mut().for_each(|(_, patience)| *patience = None),
                Rung::First { .. } => step.rung = Rung::Prefer(vec![("d", None), ("b", None)]),
                _ => {}
            }
        }
        ladder
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// *One verdict*, in time, and nobody's but a candidate's that was heard before it.
    #[test]
    fn every_request_gets_one_verdict_in_time(ladder in ladder(), said in timeline()) {
        let verdict = decide(&definition(&ladder), &events(&said));
        prop_assert!(verdict.at <= instant(BUDGET * 1000));
        let before = |name: &str| said.iter().any(|(other, at, _)| *other == name && instant(*at) <= verdict.at);
        for executor in &verdict.executors {
            prop_assert!(executor.as_str() != "z" && before(executor.as_str()));
        }
        prop_assert_eq!(verdict.executors.is_empty(), verdict.decided_by == DecidedBy::Default);
        prop_assert_eq!(verdict.fallback.is_some(), verdict.decided_by == DecidedBy::Default);
    }

    /// A clause that has ended decides nothing: whatever decided had not ended, and heard nothing from after its end.
    #[test]
    fn a_clause_that_has_ended_never_decides(ladder in ladder(), said in timeline()) {
        let verdict = decide(&definition(&ladder), &events(&said));
        let ends = ends(&ladder, &said);
        if let Some(end) = ends.get(verdict.receipt.clauses.len() - 1) {
            prop_assert!(verdict.at <= instant(*end));
            for executor in &verdict.executors {
                prop_assert!(said.iter().any(|(name, at, _)| *name == executor.as_str() && at < end));
            }
        }
    }

    /// *Punctuality is not correctness*: timers, however late or needless, change nothing at all.
    #[test]
    fn timers_change_nothing(ladder in ladder(), said in timeline(), timers in prop::collection::vec(0..70_000_u64, 0..8)) {
        let bare = events(&said);
        let mut timed = bare.clone();
        timed.extend(timers.into_iter().map(|at| Event::Timer(instant(at))));
        timed.sort_by_key(|event| match event {
            Event::Said(_, at) | Event::Timer(at) => *at,
        });
        let definition = definition(&ladder);
        prop_assert_eq!(decide(&definition, &bare), decide(&definition, &timed));
    }

    /// *The same evidence under the same version gives the same bytes*, in whichever process it was read.
    #[test]
    fn the_same_evidence_gives_the_same_bytes(ladder in ladder(), said in timeline()) {
        let bytes = || {
            let definition = definition(&ladder);
            let verdict = decide(&definition, &events(&said));
            (verdict.kind(), verdict.body(&definition.policy_ref, Some("gold"), Timestamp::EPOCH, definition.budget))
        };
        prop_assert_eq!(bytes(), bytes());
    }

    /// Duplicates, the uninvited and the canary change nothing.
    #[test]
    fn noise_changes_nothing(ladder in ladder(), said in timeline(), again in reply()) {
        let definition = definition(&ladder);
        let bare = outcome(&ladder, &decide(&definition, &events(&said)));
        let mut noisy = Vec::new();
        for event in events(&said) {
            noisy.push(event.clone());
            if let Event::Said(heard, at) = event {
                noisy.push(Event::Said(response(heard.executor.as_str(), spoken(again.as_ref())), at));
                noisy.push(Event::Said(response("stranger", spoken(again.as_ref())), at));
            }
        }
        prop_assert_eq!(&outcome(&ladder, &decide(&definition, &noisy)), &bare);
        let silent: Vec<Said> = said.iter().filter(|(name, ..)| *name != "z").cloned().collect();
        prop_assert_eq!(&outcome(&ladder, &decide(&definition, &events(&silent))), &bare);
    }

    /// *Order never matters*, unless the clause is `first` or patience is over: who came when before the same end is
    /// all the same.
    #[test]
    fn order_of_arrival_never_changes_the_answer(ladder in without_time(), said in timeline(), turn in 1..5_usize) {
        let ends = ends(&ladder, &said);
        let segment = |at: u64| ends.iter().filter(|end| at >= **end).count();
        let mut turned = said.clone();
        for part in turned.chunk_by_mut(|left, right| segment(left.1) == segment(right.1)) {
            let times: Vec<u64> = part.iter().map(|(_, at, _)| *at).collect();
            part.rotate_left(turn % times.len());
            part.iter_mut().zip(times).for_each(|(said, at)| said.1 = at);
        }
        let definition = definition(&ladder);
        let of = |said: &[Said]| outcome(&ladder, &decide(&definition, &events(said)));
        prop_assert_eq!(of(&said), of(&turned));
    }

    /// Less time, or a longer way back, never means a later verdict.
    #[test]
    fn a_lead_only_shortens(ladder in ladder(), said in timeline(), lead in 0..60_u64, budget in 1..60_u64) {
        let (definition, budget) = (definition(&ladder), Budget::from_millis(budget));
        let verdict = run_out(play_on(open(&definition, budget, Duration::from_millis(lead)), &events(&said)));
        let given_up = Duration::from_millis(lead).min(budget.as_duration() / 2);
        prop_assert!(verdict.at <= instant(budget.as_micros()).before(given_up));
        prop_assert!(verdict.at <= decide(&definition, &events(&said)).at);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_048, failure_persistence: None, ..ProptestConfig::default() })]

    /// *Early exit never changes the answer* that waiting until the end with the same responses would have given.
    #[test]
    fn early_exit_never_changes_the_answer(ladder in ladder(), said in timeline()) {
        let verdict = decide(&definition(&ladder), &events(&said));
        let expected = oracle(&ladder, &said);
        prop_assert_eq!(told(outcome(&ladder, &verdict)), expected, "{}{:?}\n{:?}", ladder.yaml(), said, verdict);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// *Order never matters*: all of the up to 120 orders in which everybody can be heard.
    #[test]
    fn in_every_order_of_five_the_answer_is_the_same(ladder in without_time(), said in prop::collection::vec(reply(), 1..=5)) {
        let definition = definition(&ladder);
        let mut seen: Option<Outcome> = None;
        for order in orders(said.len()) {
            let turned: Vec<Said> =
                (0..).zip(&order).map(|(at, index)| (NAMES[4 - *index], at * 100, said[*index].clone())).collect();
            let of_this = outcome(&ladder, &decide(&definition, &events(&turned)));
            prop_assert_eq!(seen.get_or_insert_with(|| of_this.clone()), &of_this, "{}{:?}", ladder.yaml(), turned);
        }
    }
}

/// Every order of four voices with every opinion, under ladders that people write.
#[test]
fn every_order_of_four_gives_the_same_answer() {
    let opinions = ["=cat/0.9", "=dog/0.6", "!"];
    for ladder in [TWO_AGREE, GRADED, PREFER, BEST, "- agree: majority\n- prefer: [d, a]\n- default: { class: none }"] {
        let definition = policy(ladder);
        for code in 0..81_usize {
            let voices: Vec<String> = (0..4)
                .map(|seat: u32| format!("{}{}", NAMES[seat as usize], opinions[code / 3_usize.pow(seat) % 3]))
                .collect();
            let mut seen: Option<(DecidedBy, Value)> = None;
            for order in orders(4) {
                let events: Vec<Event> =
                    order.iter().enumerate().map(|(at, seat)| event(&format!("{at}:{}", voices[*seat]))).collect();
                let verdict = play(&definition, "a,b,c,d", &events).1;
                let answer: Value = serde_json::from_slice(&verdict.answer).expect("an answer is JSON");
                let outcome = (verdict.decided_by, plain(&answer["class"]));
                assert_eq!(seen.get_or_insert_with(|| outcome.clone()), &outcome, "{ladder}: {voices:?} {order:?}");
            }
        }
    }
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    shorter.iter().flat_map(|order| (0..count).map(|at| [&order[..at], &[count - 1], &order[at..]].concat())).collect()
}

/// A law is worth what its generators reach: every clause and option is drawn, and every kind of end is come to.
#[test]
fn the_generators_reach_every_clause_option_and_reason() {
    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    for _ in 0..1_500 {
        let mut draw = || (ladder(), timeline()).new_tree(&mut runner).expect("a draw").current();
        let (ladder, said) = draw();
        let text = ladder.yaml();
        let words = text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).map(str::to_owned);
        reached.extend(words);
        let verdict = decide(&definition(&ladder), &events(&said));
        let last = verdict.receipt.clauses.last().expect("some clause decides");
        reached.insert(format!("{} {}", last.kind.as_str(), verdict.reason.as_str()));
        reached.extend(verdict.fallback.map(|fallen| match fallen {
            Fallen::Constant => "constant".to_owned(),
            Fallen::LastKnown { .. } => "still known".to_owned(),
            Fallen::Error => "failed".to_owned(),
        }));
        for note in &verdict.receipt.clauses {
            reached.extend(note.why().split(|letter: char| !letter.is_alphabetic()).map(|word| format!("why {word}")));
            reached.extend(note.extra_until.map(|_| "extra wait ended it".to_owned()));
        }
        if is_timeless(&ladder) {
            reached.insert("timeless".to_owned());
        }
    }
    let words = "first any where prefer until quantile p95 max agree votes majority plurality min_votes margin weights \
        must_include from_families on exact canonical_json class within abs rel bucket width on_tie best next_clause \
        plan_order score at_least combine mean median vote_weighted min_answers extra_wait times min default \
        last_known max_age error constant failed timeless";
    let phrases = [
        "first early",
        "prefer early",
        "prefer deadline",
        "prefer all_answered",
        "agree early",
        "agree deadline",
        "agree all_answered",
        "best deadline",
        "best all_answered",
        "combine early",
        "combine deadline",
        "combine all_answered",
        "default too_few",
        "default dispute",
        "default all_failed",
        "default deadline",
        "still known",
        "extra wait ended it",
        "why among",
        "why families",
        "why else",
        "why many",
        "why once",
        "why combine",
        "why must",
        "why known",
        "why old",
    ];
    let missed: Vec<&str> = words.split_whitespace().chain(phrases).filter(|word| !reached.contains(*word)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

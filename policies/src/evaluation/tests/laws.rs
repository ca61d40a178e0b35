//! The laws of `evaluation`, over generated ladders and timelines, against an oracle that never decides early.

use proptest::{prelude::*, sample::subsequence};
use serde_json::{Value, json};

use super::*;
use crate::DecidedBy;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "z"];
const ASKED: &str = "a,b,c,d,~z";
const BUDGET: u64 = 50;

/// A clause, as the oracle sees it.
#[derive(Clone, Debug)]
enum Rung {
    First,
    Prefer(Vec<&'static str>),
    Agree(usize),
    Best(f64),
}

type Ladder = Vec<(Rung, u64)>;

/// Who says what, and when, in microseconds.
type Said = (&'static str, u64, Option<Value>);

fn rung() -> impl Strategy<Value = Rung> {
    prop_oneof![
        1 => Just(Rung::First),
        3 => subsequence(NAMES[..4].to_vec(), 1..=4).prop_shuffle().prop_map(Rung::Prefer),
        4 => (1..=4_usize).prop_map(Rung::Agree),
        3 => prop_oneof![Just(0.0), Just(0.5), Just(0.9)].prop_map(Rung::Best),
    ]
}

fn ladder() -> impl Strategy<Value = Ladder> {
    prop::collection::vec((rung(), 1..=BUDGET), 1..=4).prop_map(|mut rungs| {
        let mut ends: Vec<u64> = rungs.iter().map(|(_, until)| *until).collect();
        ends.sort_unstable();
        rungs.iter_mut().zip(ends).for_each(|((_, until), end)| *until = end);
        rungs
    })
}

fn without_first() -> impl Strategy<Value = Ladder> {
    let is_first = |ladder: &Ladder| ladder.iter().any(|(rung, _)| matches!(rung, Rung::First));
    ladder().prop_filter("order matters to first", move |ladder| !is_first(ladder))
}

fn reply() -> impl Strategy<Value = Option<Value>> {
    let class = prop_oneof![Just(json!("cat")), Just(json!("dog")), Just(json!("eel"))];
    let sure = prop_oneof![Just(0.2), Just(0.5), Just(0.9), Just(0.95)];
    prop_oneof![
        6 => (class, sure).prop_map(|(class, sure)| Some(json!({ "class": class, "sure": sure }))),
        1 => Just(Some(json!({ "class": null }))),
        1 => Just(None),
    ]
}

/// Each executor at most once, at times on and between the ends of clauses.
fn timeline() -> impl Strategy<Value = Vec<Said>> {
    let time = (0..=60_u64, prop_oneof![Just(0_u64), Just(1), Just(999)]).prop_map(|(ms, us)| ms * 1000 + us);
    let all: Vec<_> = NAMES.iter().map(|name| (Just(*name), time.clone(), reply())).collect();
    (all, subsequence((0..NAMES.len()).collect::<Vec<_>>(), 0..=5)).prop_map(|(all, who)| {
        let mut said: Vec<Said> = who.into_iter().map(|index| all[index].clone()).collect();
        said.sort_by_key(|(_, at, _)| *at);
        said
    })
}

fn definition(ladder: &Ladder) -> Definition {
    let rungs: String = ladder.iter().fold(String::new(), |text, (rung, until)| {
        let body = match rung {
            Rung::First => "first: any".to_owned(),
            Rung::Prefer(ranks) => format!("prefer: [{}]", ranks.join(", ")),
            Rung::Agree(votes) => format!("agree: {votes}"),
            Rung::Best(mark) => format!("best: {{ score: sure, at_least: {mark} }}"),
        };
        text + &format!("- {body}\n  until: {until}ms\n")
    });
    policy(&format!("{rungs}- default: {{ class: none }}"))
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

/// What matters to a caller: which kind decided, and for what class.
fn outcome(verdict: &Verdict) -> (DecidedBy, Value) {
    let answer: Value = serde_json::from_slice(&verdict.answer).expect("an answer is JSON");
    (verdict.decided_by, answer["class"].clone())
}

/// Waits for the end of every clause, and only then looks at what was said before it.
fn oracle(ladder: &Ladder, said: &[Said]) -> (DecidedBy, Value) {
    for (rung, until) in ladder {
        let votes: Vec<(&str, &Value, f64)> = said
            .iter()
            .filter(|(name, at, _)| *name != "z" && *at < until * 1000)
            .filter_map(|(name, _, reply)| Some((*name, reply.as_ref()?)))
            .filter(|(_, answer)| !answer["class"].is_null())
            .map(|(name, answer)| (name, &answer["class"], answer["sure"].as_f64().unwrap_or(f64::NAN)))
            .collect();
        if let Some(class) = chosen(rung, votes) {
            let kind = match rung {
                Rung::First => DecidedBy::First,
                Rung::Prefer(_) => DecidedBy::Prefer,
                Rung::Agree(_) => DecidedBy::Agree,
                Rung::Best(_) => DecidedBy::Best,
            };
            return (kind, class);
        }
    }
    (DecidedBy::Default, json!("none"))
}

/// `votes` come in the order of arrival.
fn chosen(rung: &Rung, mut votes: Vec<(&str, &Value, f64)>) -> Option<Value> {
    if let Rung::First = rung {
        return votes.first().map(|(_, class, _)| (*class).clone());
    }
    votes.sort_by_key(|(name, ..)| *name);
    match rung {
        Rung::First => None,
        Rung::Prefer(ranks) => {
            let of = |rank: &&str| votes.iter().find(|(name, ..)| name == rank).map(|(_, class, _)| (*class).clone());
            ranks.iter().find_map(of)
        }
        Rung::Agree(needed) => {
            let size = |class: &Value| votes.iter().filter(|(_, other, _)| *other == class).count();
            // Of equally large groups `max_by_key` takes the last, hence the reverse.
            let largest = votes.iter().rev().max_by_key(|(_, class, _)| size(class))?;
            (size(largest.1) >= *needed).then(|| largest.1.clone())
        }
        Rung::Best(mark) => {
            let scored = votes.iter().rev().filter(|(.., score)| score >= mark);
            scored.max_by(|left, right| left.2.total_cmp(&right.2)).map(|(_, class, _)| (*class).clone())
        }
    }
}

fn decide(ladder: &Ladder, events: &[Event]) -> Verdict {
    play(&definition(ladder), ASKED, events).1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// *One verdict*, in time, and nobody's but a candidate's that was heard before it.
    #[test]
    fn every_request_gets_one_verdict_in_time(ladder in ladder(), said in timeline()) {
        let verdict = decide(&ladder, &events(&said));
        prop_assert!(verdict.at <= instant(BUDGET * 1000));
        let before = |name: &str| said.iter().any(|(other, at, _)| *other == name && instant(*at) <= verdict.at);
        for executor in &verdict.executors {
            prop_assert!(executor.as_str() != "z" && before(executor.as_str()));
        }
        prop_assert_eq!(verdict.executors.is_empty(), verdict.decided_by == DecidedBy::Default);
    }

    /// *Early exit never changes the answer* that waiting until the end with the same responses would have given.
    #[test]
    fn early_exit_never_changes_the_answer(ladder in ladder(), said in timeline()) {
        prop_assert_eq!(outcome(&decide(&ladder, &events(&said))), oracle(&ladder, &said));
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
        prop_assert_eq!(decide(&ladder, &bare), decide(&ladder, &timed));
    }

    /// Duplicates, the uninvited and the canary change nothing.
    #[test]
    fn noise_changes_nothing(ladder in ladder(), said in timeline(), again in reply()) {
        let bare = outcome(&decide(&ladder, &events(&said)));
        let mut noisy = Vec::new();
        for event in events(&said) {
            noisy.push(event.clone());
            if let Event::Said(heard, at) = event {
                noisy.push(Event::Said(response(heard.executor.as_str(), spoken(again.as_ref())), at));
                noisy.push(Event::Said(response("stranger", spoken(again.as_ref())), at));
            }
        }
        prop_assert_eq!(&outcome(&decide(&ladder, &noisy)), &bare);
        let silent: Vec<Said> = said.iter().filter(|(name, ..)| *name != "z").cloned().collect();
        prop_assert_eq!(&outcome(&decide(&ladder, &events(&silent))), &bare);
    }

    /// *Order never matters*, unless the clause is `first`: who came when before the same end is all the same.
    #[test]
    fn order_of_arrival_never_changes_the_answer(ladder in without_first(), said in timeline(), turn in 1..5_usize) {
        let ends: Vec<u64> = ladder.iter().map(|(_, until)| until * 1000).collect();
        let segment = |at: u64| ends.iter().filter(|end| at >= **end).count();
        let mut turned = said.clone();
        for part in turned.chunk_by_mut(|left, right| segment(left.1) == segment(right.1)) {
            let times: Vec<u64> = part.iter().map(|(_, at, _)| *at).collect();
            part.rotate_left(turn % times.len());
            part.iter_mut().zip(times).for_each(|(said, at)| said.1 = at);
        }
        prop_assert_eq!(outcome(&decide(&ladder, &events(&said))), outcome(&decide(&ladder, &events(&turned))));
    }

    /// Less time, or a longer way back, never means a later verdict.
    #[test]
    fn a_lead_only_shortens(ladder in ladder(), said in timeline(), lead in 0..60_u64, budget in 1..60_u64) {
        let definition = definition(&ladder);
        let (policy, budget) = (Arc::clone(&definition.policy), Budget::from_millis(budget));
        let mut step = Evaluation::open(policy, &plan(ASKED), Timestamp::EPOCH, budget, Duration::from_millis(lead), &Circumstances::default());
        for event in events(&said) {
            let (Step::Wait(evaluation), Event::Said(response, at)) = (step, event) else { return Ok(()) };
            step = evaluation.observe(&response, at).1;
            if matches!(step, Step::Emit(_)) {
                break;
            }
        }
        let verdict = run_out(step);
        let given_up = Duration::from_millis(lead).min(budget.as_duration() / 2);
        prop_assert!(verdict.at <= instant(budget.as_micros()).before(given_up));
        prop_assert!(verdict.at <= decide(&ladder, &events(&said)).at);
    }
}

/// Every order of four voices with every opinion: the exhaustive twin of the law above.
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
                let verdict = outcome(&play(&definition, "a,b,c,d", &events).1);
                assert_eq!(seen.get_or_insert_with(|| verdict.clone()), &verdict, "{ladder}: {voices:?} {order:?}");
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

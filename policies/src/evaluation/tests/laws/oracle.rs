//! What a ladder comes to if each clause waits for its end and only then looks at what was said before it: written
//! from the documentation, and knowing nothing of early exits, seats or tallies.

mod agree;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    ladder::{Agree, Extra, Ladder, NAMES, Patience, Rung, Said, Tie, USUAL, Votes},
    *,
};
use crate::DecidedBy;

/// What matters to a caller: which clause decided, and what it decided for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) rung: usize,
    pub(super) kind: DecidedBy,
    /// What is the same whoever of a group is heard first.
    pub(super) meant: Value,
}

/// A candidate's usable answer.
#[derive(Clone, Copy, Debug)]
struct Vote<'said> {
    name: &'static str,
    at: u64,
    answer: &'said Value,
}

/// Returns when each clause ends, in microseconds.
pub(super) fn ends(ladder: &Ladder, said: &[Said]) -> Vec<u64> {
    let first = votes(said, u64::MAX).iter().map(|vote| vote.at).min();
    let mut above = 0;
    let end = |step: &super::ladder::Step| {
        let until = step.until * 1000;
        let extra = first
            .zip(step.extra)
            .map(|(first, Extra { times, min, max })| first + (first * times / 1000).max(min).min(max).max(1));
        above = above.max(extra.map_or(until, |extra| extra.min(until)));
        above
    };
    ladder.steps.iter().map(end).collect()
}

pub(super) fn oracle(ladder: &Ladder, said: &[Said]) -> Outcome {
    let ends = ends(ladder, said);
    for (index, step) in ladder.steps.iter().enumerate() {
        let begins = index.checked_sub(1).map_or(0, |above| ends[above]);
        let found = match &step.rung {
            Rung::Prefer(ranks) => {
                let patience = |patience: &Option<Patience>| waited(ladder, index, *patience);
                let ranks: Vec<_> = ranks
                    .iter()
                    .map(|(name, drawn)| (*name, patience(drawn)(name).map(|until| until.max(begins))))
                    .collect();
                preferred(&ranks, said, begins, ends[index])
            }
            rung => chosen(rung, &votes(said, ends[index])),
        };
        if let Some((kind, meant)) = found {
            return Outcome { rung: index, kind, meant };
        }
    }
    Outcome { rung: ladder.steps.len(), kind: DecidedBy::Default, meant: json!(null) }
}

/// What a verdict came to, in the oracle's words.
pub(super) fn outcome(ladder: &Ladder, verdict: &Verdict) -> Outcome {
    let rung = verdict.receipt.clauses.len() - 1;
    let answer: Value = serde_json::from_slice(&verdict.answer).expect("an answer is JSON");
    let meant = match ladder.steps.get(rung).map(|step| &step.rung) {
        Some(Rung::Agree(agree)) if !agree.is_tolerant() => agree.key(&answer).unwrap_or_default(),
        Some(_) => plain(&answer),
        None => json!(null),
    };
    Outcome { rung, kind: verdict.decided_by, meant }
}

fn votes(said: &[Said], end: u64) -> Vec<Vote<'_>> {
    let usable = said.iter().filter(|(name, at, _)| *name != "z" && *at < end).filter_map(|(name, at, answer)| {
        answer.as_ref().filter(|answer| !answer["class"].is_null()).map(|answer| Vote { name, at: *at, answer })
    });
    usable.collect()
}

fn waited(ladder: &Ladder, index: usize, patience: Option<Patience>) -> impl Fn(&str) -> Option<u64> {
    let bounds = patience.and_then(|patience| Some((patience, ladder.bounds(index, patience)?)));
    move |name| match bounds? {
        (Patience::At(_), (_, max)) => Some(max * 1000),
        (Patience::Usual(_), (min, max)) => {
            let start = if name == "c" { 2 } else { 0 };
            let usual = USUAL.iter().find(|(other, _)| *other == name).map(|(_, usual)| start + usual);
            Some(usual.map_or(max, |usual| usual.max(min).min(max)) * 1000)
        }
    }
}

/// `prefer` is about time: everything that happens is looked at one by one.
fn preferred(
    ranks: &[(&'static str, Option<u64>)],
    said: &[Said],
    begins: u64,
    end: u64,
) -> Option<(DecidedBy, Value)> {
    let heard = said.iter().filter(|(name, at, _)| *name != "z" && *at >= begins && *at < end).map(|(_, at, _)| *at);
    let timers = ranks.iter().filter_map(|(_, until)| *until).filter(|until| *until < end);
    // At an instant: what was said before it, and then one response after the other.
    let mut instants: BTreeSet<(u64, usize)> = BTreeSet::from([(begins, 0)]);
    instants.extend(timers.map(|until| (until, 0)));
    instants.extend(heard.flat_map(|at| (0..=NAMES.len()).map(move |so_many| (at, so_many))));
    for (now, so_many) in instants {
        let earlier = said.iter().filter(|(_, at, _)| *at < now);
        let now_heard = said.iter().filter(|(_, at, _)| *at == now).take(so_many);
        let known: BTreeMap<&str, &Option<Value>> =
            earlier.chain(now_heard).map(|(name, _, answer)| (*name, answer)).collect();
        let mut waiting = false;
        for (name, until) in ranks {
            match known.get(name) {
                Some(Some(answer)) if !answer["class"].is_null() => return Some((DecidedBy::Prefer, plain(answer))),
                Some(_) => {}
                None if until.is_some_and(|until| until <= now) => {}
                None => {
                    waiting = true;
                    break;
                }
            }
        }
        if !waiting {
            return None;
        }
    }
    let votes = votes(said, end);
    let best = ranks.iter().find_map(|(name, _)| votes.iter().find(|vote| vote.name == *name));
    best.map(|vote| (DecidedBy::Prefer, plain(vote.answer)))
}

/// `votes` come in the order of arrival; only `first` may notice.
fn chosen(rung: &Rung, votes: &[Vote<'_>]) -> Option<(DecidedBy, Value)> {
    let mut planned = votes.to_vec();
    planned.sort_by_key(|vote| vote.name);
    match rung {
        Rung::First { above } => {
            let accepts = |vote: &&Vote<'_>| above.is_none_or(|above| sure(vote) >= above);
            votes.iter().find(accepts).map(|vote| (DecidedBy::First, plain(vote.answer)))
        }
        Rung::Prefer(_) => None,
        Rung::Agree(agree) => agree.decide(&planned).map(|meant| (DecidedBy::Agree, meant)),
        Rung::Best { at_least, on_tie, .. } => {
            let highest = planned.iter().map(sure).max_by(f64::total_cmp)?;
            let best: Vec<Vec<Vote<'_>>> =
                planned.iter().filter(|vote| sure(vote).total_cmp(&highest).is_eq()).map(|vote| vec![*vote]).collect();
            let enough = at_least.is_none_or(|mark| highest >= mark);
            let winner = untie(best, on_tie).filter(|_| enough)?;
            Some((DecidedBy::Best, plain(winner[0].answer)))
        }
        Rung::Combine { how, of, weights, min } => {
            combined(how, of, weights, *min, &planned).map(|answer| (DecidedBy::Combine, answer))
        }
    }
}

fn sure(vote: &Vote<'_>) -> f64 {
    vote.answer["sure"].as_f64().expect("every usable answer has it")
}

fn at<'answer>(answer: &'answer Value, path: &str) -> &'answer Value {
    path.split('.').fold(answer, |value, name| value.get(name).unwrap_or(&Value::Null))
}

fn weight(weights: &[(&str, u64)], name: &str) -> u64 {
    weights.iter().find(|(other, _)| *other == name).map_or(1_000, |(_, weight)| *weight)
}

/// Numbers as doubles: `1` and `1.0` are the same to a caller.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

/// Filters by one rule after the other; the last word is the plan's.
fn untie<'said>(mut groups: Vec<Vec<Vote<'said>>>, rules: &[Tie]) -> Option<Vec<Vote<'said>>> {
    let place = |names: &[&str; 2], group: &[Vote<'_>]| {
        names.iter().position(|name| group.iter().any(|vote| vote.name == *name)).unwrap_or(2)
    };
    let score = |group: &[Vote<'_>]| group.iter().map(sure).max_by(f64::total_cmp).expect("a group has members");
    for rule in rules {
        match rule {
            Tie::Prefer(names) => {
                let best = groups.iter().map(|group| place(names, group)).min()?;
                groups.retain(|group| place(names, group) == best);
            }
            Tie::Best => {
                let best = groups.iter().map(|group| score(group)).max_by(f64::total_cmp)?;
                groups.retain(|group| score(group).total_cmp(&best).is_eq());
            }
            Tie::NextClause => return (groups.len() == 1).then(|| groups.remove(0)),
            Tie::PlanOrder => break,
        }
    }
    groups.into_iter().min_by_key(|group| group.iter().map(|vote| vote.name).min())
}

fn combined(how: &str, of: &str, weights: &[(&str, u64)], min: usize, votes: &[Vote<'_>]) -> Option<Value> {
    let is_usable = |value: &Value| if how == "vote_weighted" { !value.is_null() } else { value.is_number() };
    let sources: Vec<(&Value, u64)> = votes
        .iter()
        .map(|vote| (at(vote.answer, of), weight(weights, vote.name)))
        .filter(|(value, _)| is_usable(value))
        .collect();
    if sources.len() < min {
        return None;
    }
    let total: u64 = sources.iter().map(|(_, weight)| weight).sum();
    let number = |value: &Value| value.as_f64().expect("a number");
    let value = match how {
        "mean" => {
            let sum: f64 = sources.iter().map(|(value, weight)| number(value) * thousandth(*weight)).sum();
            json!(rounded(sum / thousandth(total)))
        }
        "median" => {
            let mut sorted = sources.clone();
            sorted.sort_by(|left, right| number(left.0).total_cmp(&number(right.0)));
            // As many copies of each as it has weight: the textbook's median.
            let copies: Vec<f64> = sorted
                .iter()
                .flat_map(|(value, weight)| {
                    std::iter::repeat_n(number(value), usize::try_from(*weight).expect("small"))
                })
                .collect();
            json!(rounded(f64::midpoint(copies[(copies.len() - 1) / 2], copies[copies.len() / 2])))
        }
        _ => {
            let behind = |value: &Value| -> u64 {
                sources.iter().filter(|(other, _)| plain(other) == plain(value)).map(|(_, weight)| weight).sum()
            };
            // Of equally heavy ones `max_by_key` takes the last, hence the reverse.
            plain(sources.iter().rev().max_by_key(|(value, _)| behind(value))?.0)
        }
    };
    Some(of.rsplit('.').fold(value, |value, name| json!({ name: value })))
}

fn thousandth(weight: u64) -> f64 {
    f64::from(u32::try_from(weight).expect("small"))
}

/// Two ways to a mean differ in the last digits.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}

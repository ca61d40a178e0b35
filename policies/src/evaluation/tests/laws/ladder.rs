//! Generated ladders of every kind of clause, with every option, and what is said under them.

use std::fmt::Write as _;

use proptest::{option, prelude::*, sample::subsequence};
use serde_json::{Value, json};

/// Candidates; `z` is a canary. `a` and `b` are of one family, `c` starts late.
pub(super) const NAMES: [&str; 5] = ["a", "b", "c", "d", "z"];
pub(super) const ASKED: &str = "a,b,c+2000,d,~z";
pub(super) const BUDGET: u64 = 50;
/// How long each candidate usually takes from its start, in milliseconds: nobody knows `d`.
pub(super) const USUAL: [(&str, u64); 3] = [("a", 12), ("b", 30), ("c", 18)];

/// A clause, as the oracle sees it.
#[derive(Clone, Debug)]
pub(super) enum Rung {
    First { above: Option<f64> },
    Prefer(Vec<(&'static str, Option<Patience>)>),
    Agree(Agree),
    Best { by_expression: bool, at_least: Option<f64>, on_tie: Vec<Tie> },
    Combine { how: &'static str, of: &'static str, weights: Vec<(&'static str, u64)>, min: usize },
}

/// Instants are shares of the time that the clause has, so that every draw is sound.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    At(u64),
    Usual(u64),
}

#[derive(Clone, Debug)]
pub(super) struct Agree {
    pub(super) votes: Votes,
    pub(super) on: &'static [(&'static str, &'static str)],
    pub(super) weights: Vec<(&'static str, u64)>,
    pub(super) must_include: Option<&'static str>,
    pub(super) families: usize,
    pub(super) on_tie: Vec<Tie>,
}

/// In thousandths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Votes {
    Count(u64),
    Majority,
    Plurality { min: u64, margin: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tie {
    Prefer([&'static str; 2]),
    Best,
    NextClause,
    PlanOrder,
}

/// In microseconds; `times` in thousandths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extra {
    pub(super) times: u64,
    pub(super) min: u64,
    pub(super) max: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) rung: Rung,
    /// In milliseconds.
    pub(super) until: u64,
    pub(super) extra: Option<Extra>,
}

#[derive(Clone, Debug)]
pub(super) struct Ladder {
    pub(super) steps: Vec<Step>,
    pub(super) default: &'static str,
}

/// Who says what, and when, in microseconds.
pub(super) type Said = (&'static str, u64, Option<Value>);

const ON: &[&[(&str, &str)]] = &[
    &[("class", "canonical_json")],
    &[("class", "exact")],
    &[("class", "class")],
    &[("price", "{ within: { abs: 0.05 } }")],
    &[("price", "{ within: { rel: 0.006 } }")],
    &[("price", "{ bucket: { width: 10 } }")],
    &[("class", "class"), ("price", "{ within: { abs: 0.05 } }")],
    &[("class", "canonical_json"), ("price", "{ bucket: { width: 10 } }")],
];

pub(super) fn ladder() -> impl Strategy<Value = Ladder> {
    let extra = (prop_oneof![Just(0_u64), Just(500), Just(2_000)], 0..=5_000_u64, 0..=20_000_u64);
    let extra = extra.prop_map(|(times, min, more)| Extra { times, min, max: min + more });
    let step = (rung(), 1..=BUDGET, option::weighted(0.35, extra));
    let default = prop_oneof![
        2 => Just("{ class: none }"),
        1 => Just("{ last_known: { max_age: 1h, otherwise: { class: none } } }"),
        1 => Just("{ last_known: { max_age: 20ms, otherwise: { class: none } } }"),
        1 => Just("{ error: nobody knows }"),
    ];
    (prop::collection::vec(step, 1..=5), default).prop_map(|(mut drawn, default)| {
        let mut ends: Vec<u64> = drawn.iter().map(|(_, until, _)| *until).collect();
        ends.sort_unstable();
        drawn.iter_mut().zip(ends).for_each(|((_, until, _), end)| *until = end);
        let steps = drawn.into_iter().map(|(rung, until, extra)| Step { rung, until, extra }).collect();
        Ladder { steps, default }
    })
}

fn rung() -> impl Strategy<Value = Rung> {
    let ranks = subsequence(NAMES[..4].to_vec(), 1..=4).prop_shuffle();
    let patience = prop_oneof![(0..100_u64).prop_map(Patience::At), (0..100_u64).prop_map(Patience::Usual)];
    let patience = prop::collection::vec(option::weighted(0.4, patience), 4);
    let mark = option::of(prop_oneof![Just(0.0), Just(0.5), Just(0.9), Just(1.5)]);
    let how = prop_oneof![
        Just(("mean", "price")),
        Just(("median", "price")),
        Just(("vote_weighted", "class")),
        Just(("mean", "deep.n"))
    ];
    prop_oneof![
        2 => option::of(prop_oneof![Just(0.4), Just(0.9)]).prop_map(|above| Rung::First { above }),
        3 => (ranks, patience).prop_map(|(ranks, patience)| Rung::Prefer(ranks.into_iter().zip(patience).collect())),
        6 => agree().prop_map(Rung::Agree),
        3 => (any::<bool>(), mark, ties()).prop_map(|(by_expression, at_least, on_tie)| Rung::Best { by_expression, at_least, on_tie }),
        3 => (how, weights(), 1..=4_usize).prop_map(|((how, of), weights, min)| Rung::Combine { how, of, weights, min }),
    ]
}

pub(super) fn agree() -> impl Strategy<Value = Agree> {
    let votes = prop_oneof![
        3 => (1..=4_u64).prop_map(|votes| Votes::Count(votes * 1_000)),
        1 => Just(Votes::Count(1_500)),
        2 => Just(Votes::Majority),
        3 => (0..=2_u64, 0..=2_u64).prop_map(|(min, margin)| Votes::Plurality { min: min * 1_000, margin: margin * 500 }),
    ];
    let must_include = option::weighted(0.25, prop::sample::select(NAMES[..4].to_vec()));
    let families = prop_oneof![3 => Just(1_usize), 1 => Just(2), 1 => Just(3)];
    (votes, prop::sample::select(ON), weights(), must_include, families, ties()).prop_map(
        |(votes, on, weights, must_include, families, on_tie)| {
            // What can never be reached is refused when the file is read.
            let all = 4_000 - 1_000 * weights.len() as u64 + weights.iter().map(|(_, weight)| weight).sum::<u64>();
            let votes = match votes {
                Votes::Count(votes) => Votes::Count(votes.min(all)),
                Votes::Plurality { min, margin } => Votes::Plurality { min: min.min(all), margin: margin.min(all) },
                Votes::Majority => Votes::Majority,
            };
            Agree { votes, on, weights, must_include, families, on_tie }
        },
    )
}

fn weights() -> impl Strategy<Value = Vec<(&'static str, u64)>> {
    let weight = prop_oneof![Just(500_u64), Just(1_500), Just(2_000), Just(333)];
    let drawn = prop::collection::vec(weight, 4);
    let who = prop_oneof![2 => Just(Vec::new()), 1 => subsequence(NAMES[..4].to_vec(), 1..=4)];
    (who, drawn).prop_map(|(who, drawn)| who.into_iter().zip(drawn).collect())
}

fn ties() -> impl Strategy<Value = Vec<Tie>> {
    let prefer = subsequence(NAMES[..4].to_vec(), 2).prop_shuffle().prop_map(|names| Tie::Prefer([names[0], names[1]]));
    let rules = (option::weighted(0.3, prefer), option::weighted(0.3, Just(Tie::Best)));
    let last = prop_oneof![2 => Just(None), 1 => Just(Some(Tie::NextClause)), 1 => Just(Some(Tie::PlanOrder))];
    (rules, last).prop_map(|((prefer, best), last)| prefer.into_iter().chain(best).chain(last).collect())
}

pub(super) fn reply() -> impl Strategy<Value = Option<Value>> {
    let class = prop_oneof![
        3 => Just(json!("cat")), 1 => Just(json!(" Cat")), 2 => Just(json!("dog")), 1 => Just(json!(1)),
        1 => Just(json!(1.0)), 1 => Just(json!("1")), 1 => Just(json!({ "b": 1, "a": [2] })),
    ];
    let sure = prop_oneof![Just(0.2), Just(0.5), Just(0.9), Just(0.95)];
    let prices = [
        json!(10),
        json!(10.04),
        json!(10.08),
        json!(10.12),
        json!(19.9),
        json!(20.0),
        json!(-3),
        json!(null),
        json!("much"),
    ];
    let price = prop::sample::select(prices.to_vec());
    let deep = prop_oneof![3 => Just(json!({ "n": 0.1 })), 3 => Just(json!({ "n": 0.7 })), 1 => Just(json!(4))];
    prop_oneof![
        8 => (class, sure, price, deep).prop_map(|(class, sure, price, deep)| {
            Some(json!({ "class": class, "sure": sure, "price": price, "deep": deep }))
        }),
        1 => Just(Some(json!({ "class": null }))),
        1 => Just(None),
    ]
}

/// Each executor at most once, at times on and between the ends of clauses; seldom all are dead.
pub(super) fn timeline() -> impl Strategy<Value = Vec<Said>> {
    let dead = (0..5_000_u64).prop_map(|at| NAMES[..4].iter().map(|name| (*name, at, None)).collect());
    prop_oneof![40 => voices(), 1 => dead]
}

fn voices() -> impl Strategy<Value = Vec<Said>> {
    let time = (prop_oneof![0..=60_u64, 0..=8_u64], prop_oneof![Just(0_u64), Just(1), Just(999)])
        .prop_map(|(ms, us)| ms * 1000 + us);
    let all: Vec<_> = NAMES.iter().map(|name| (Just(*name), time.clone(), reply())).collect();
    (all, subsequence((0..NAMES.len()).collect::<Vec<_>>(), 0..=5)).prop_map(|(all, who)| {
        let mut said: Vec<Said> = who.into_iter().map(|index| all[index].clone()).collect();
        said.sort_by_key(|(_, at, _)| *at);
        said
    })
}

// === impl Ladder ===

impl Ladder {
    /// Returns when the clause above the one at `index` has its `until`, in milliseconds.
    fn begins(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |above| self.steps[above].until)
    }

    /// Returns until when a patience of the clause at `index` lasts, in milliseconds, before circumstances are known:
    /// (quantile's bounds) min and max. `None` where the clause has no time of its own.
    pub(super) fn bounds(&self, index: usize, patience: Patience) -> Option<(u64, u64)> {
        let (begins, until) = (self.begins(index), self.steps[index].until);
        let (Patience::At(share) | Patience::Usual(share)) = patience;
        let max = begins + 1 + (until.checked_sub(begins + 1)?) * share / 100;
        Some((begins.min(max), max))
    }

    pub(super) fn yaml(&self) -> String {
        let mut text = String::from(HEAD);
        for (index, Step { rung, until, extra }) in self.steps.iter().enumerate() {
            let _ = write!(text, "- {}\n  until: {until}ms\n", self.rung(index, rung));
            if let Some(Extra { times, min, max }) = extra {
                let _ =
                    writeln!(text, "  extra_wait: {{ times: {}, min: {min}us, max: {max}us }}", thousandths(*times));
            }
        }
        text + "- default: " + self.default + "\n"
    }

    fn rung(&self, index: usize, rung: &Rung) -> String {
        match rung {
            Rung::First { above: None } => "first: any".to_owned(),
            Rung::First { above: Some(above) } => format!("first: {{ where: answer.sure >= {above:?} }}"),
            Rung::Prefer(ranks) => {
                let rank = |(name, patience): &(&str, Option<Patience>)| {
                    let bounds = patience.and_then(|patience| Some((patience, self.bounds(index, patience)?)));
                    match bounds {
                        None => (*name).to_owned(),
                        Some((Patience::At(_), (_, max))) => format!("{{ {name}: {{ until: {max}ms }} }}"),
                        Some((Patience::Usual(_), (_, max))) => {
                            format!("{{ {name}: {{ until: {{ quantile: p95, max: {max}ms }} }} }}")
                        }
                    }
                };
                format!("prefer: [{}]", ranks.iter().map(rank).collect::<Vec<_>>().join(", "))
            }
            Rung::Agree(agree) => agree.yaml(),
            Rung::Best { by_expression, at_least, on_tie } => {
                let score = if *by_expression { "\"answer.sure * 1.0\"" } else { "sure" };
                let mark = at_least.map(|mark| format!(", at_least: {mark}")).unwrap_or_default();
                format!("best: {{ score: {score}{mark}{} }}", ties_text(on_tie))
            }
            Rung::Combine { how, of, weights, min } => {
                format!("combine: {{ {how}: [{of}], min_answers: {min}{} }}", weights_text(weights))
            }
        }
    }
}

const HEAD: &str = "rendezvous: test\nbudget: 50ms\ninput: { features: [x], attributes: [who] }\nkey: attributes.who\n\
    answer: { value: class, confidence: sure }\nexecutors:\n  a: { echo: , family: x, cost: 3 }\n  \
    b: { echo: , family: x, cost: 2 }\n  c: { echo: , start: { after: 2ms } }\n  d: { echo: }\n  \
    z: { echo: , canary: { of: a } }\ndecide:\n";

fn thousandths(number: u64) -> f64 {
    f64::from(u32::try_from(number).expect("small")) / 1000.0
}

fn weights_text(weights: &[(&str, u64)]) -> String {
    if weights.is_empty() {
        return String::new();
    }
    let all: Vec<String> = weights.iter().map(|(name, weight)| format!("{name}: {}", thousandths(*weight))).collect();
    format!(", weights: {{ {} }}", all.join(", "))
}

fn ties_text(ties: &[Tie]) -> String {
    if ties.is_empty() {
        return String::new();
    }
    let tie = |tie: &Tie| match tie {
        Tie::Prefer(names) => format!("{{ prefer: [{}] }}", names.join(", ")),
        Tie::Best => "{ best: \"answer.sure * 2.0\" }".to_owned(),
        Tie::NextClause => "next_clause".to_owned(),
        Tie::PlanOrder => "plan_order".to_owned(),
    };
    format!(", on_tie: [{}]", ties.iter().map(tie).collect::<Vec<_>>().join(", "))
}

impl Agree {
    pub(super) fn yaml(&self) -> String {
        let votes = match self.votes {
            Votes::Count(votes) => thousandths(votes).to_string(),
            Votes::Majority => "majority".to_owned(),
            Votes::Plurality { min, margin } => {
                let min = if min == 0 { String::new() } else { format!(", min_votes: {}", thousandths(min)) };
                format!("plurality{min}, margin: {}", thousandths(margin))
            }
        };
        let on: Vec<String> = self.on.iter().map(|(field, kind)| format!("{{ {field}: {kind} }}")).collect();
        let include = self.must_include.map(|name| format!(", must_include: [{name}]")).unwrap_or_default();
        let (weights, ties) = (weights_text(&self.weights), ties_text(&self.on_tie));
        let (on, families) = (on.join(", "), self.families);
        format!("agree: {{ votes: {votes}, on: [{on}]{include}, from_families: {families}{weights}{ties} }}")
    }
}

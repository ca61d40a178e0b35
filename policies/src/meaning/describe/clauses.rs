//! What the clauses of a ladder mean, each with its defaults written out.

use std::time::Duration;

use serde_json::{Value, json};
use wire::ExecutorId;

use super::{fact, optional};
use crate::{
    Policy,
    clause::{
        Agree, Best, Clause, Combine, Compared, Equality, Fallback, First, How, Patience, Prefer, Rank, Score,
        TieBreak, Votes, Weight, Weights,
    },
    meaning::{
        part::{Fact, Group, Part},
        words,
    },
    policy::{ExtraWait, Rung},
};

/// Returns what the ladder of `policy` means; `whose` is what sentences begin with.
pub(super) fn ladder(path: &str, whose: &str, policy: &Policy) -> Group {
    // The fallback is the last clause's; the others follow from the rest.
    let Policy { budget, ladder, fallback: _, fields: _, cast: _, roster: _, has_extra_wait: _, last_roster: _ } =
        policy;
    let end = budget.as_duration();
    let parts = ladder.iter().enumerate().map(|(index, rung)| clause(path, whose, index + 1, rung, end)).collect();
    Group { name: "decide", parts, moved: Some("is tried as number {new} instead of {old}") }
}

fn clause(path: &str, whose: &str, place: usize, rung: &Rung, end: Duration) -> Part {
    let Rung { clause, until, extra_wait } = rung;
    let kind = clause.kind().as_str();
    let (path, title) = (format!("{path}.{place}.{kind}"), format!("{whose}clause {place} ({kind})"));
    let mut part = match clause {
        Clause::First(first) => self::first(first),
        Clause::Prefer(prefer) => self::prefer(prefer, *until, &path, &title),
        Clause::Agree(agree) => self::agree(agree, &path, &title),
        Clause::Best(best) => self::best(best),
        Clause::Combine(combine) => self::combine(combine, &path, &title),
        Clause::Default(fallback) => self::fallback(fallback),
    };
    // A default decides at once.
    if !matches!(clause, Clause::Default(_)) {
        let until = (*until < end).then(|| words::duration(*until));
        part.facts.push(optional("until", until, "the budget ends", "waits until {new} instead of until {old}"));
        part.facts.push(waits(*extra_wait));
    }
    let leaves = format!("{title} is no longer tried");
    let arrives = format!("{title} is new: {}", brief(&part));
    Part { path, key: kind.to_owned(), title, arrives, leaves, ..part }
}

/// Says what a clause does, leaving out what every clause does that says nothing else.
fn brief(part: &Part) -> String {
    let facts = part.facts.iter().filter(|fact| !is_usual(fact)).map(|fact| match fact.name {
        "where" | "votes" | "answer" | "how" => fact.shown.clone(),
        name => format!("{} {}", name.replace('_', " "), fact.shown),
    });
    let groups = part.groups.iter().filter(|group| !group.parts.is_empty()).map(|group| {
        let keys: Vec<&str> = group.parts.iter().map(|part| part.key.as_str()).collect();
        format!("{} {}", group.name.replace('_', " "), words::names(&keys))
    });
    groups.chain(facts).collect::<Vec<_>>().join(", ")
}

fn is_usual(fact: &Fact) -> bool {
    match fact.name {
        "from_families" | "min_answers" => fact.value == json!(1),
        "on_tie" => fact.value == json!(["plan_order"]),
        "until" => false,
        _ => fact.value.is_null(),
    }
}

fn of(facts: Vec<Fact>) -> Part {
    Part { facts, ..Part::default() }
}

fn waits(extra: Option<ExtraWait>) -> Fact {
    let value = extra.map(|ExtraWait { thousandths, min, max }| {
        json!({ "times": thousand(thousandths.into()), "min": words::duration(min), "max": words::duration(max) })
    });
    let shown = match extra {
        None => "until its end".to_owned(),
        Some(ExtraWait { thousandths: 0, min, max }) => format!("for at most {}", words::duration(min.min(max))),
        Some(ExtraWait { thousandths, min, max }) => {
            let (times, min, max) = (thousand(thousandths.into()), words::duration(min), words::duration(max));
            format!("for {times} times what that took, at least {min} and at most {max}")
        }
    };
    fact("extra_wait", value, "goes on after the first usable answer {new} instead of {old}").shown(shown)
}

/// Thousandths as a number.
fn thousand(thousandths: u64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "for people; weights are small")]
    words::canonical(json!(thousandths as f64 / 1_000.0))
}

fn first(first: &First) -> Part {
    let First { accepts } = first;
    let source = accepts.as_ref().map(|expression| expression.source().trim());
    let shown = source.map_or_else(|| "any answer".to_owned(), |source| format!("answers where `{source}`"));
    let value = source.map_or_else(|| "any".to_owned(), words::expression);
    of(vec![fact("where", value, "takes {new} instead of {old}").shown(shown)])
}

fn prefer(prefer: &Prefer, end: Duration, path: &str, title: &str) -> Part {
    let Prefer { ranks } = prefer;
    let parts = ranks.iter().map(|rank| self::rank(rank, end, path, title)).collect();
    let moved = "becomes rank {new} instead of {old}";
    Part { groups: vec![Group { name: "ranks", parts, moved: Some(moved) }], ..Part::default() }
}

fn rank(rank: &Rank, end: Duration, path: &str, title: &str) -> Part {
    let Rank { executor, until } = rank;
    // Patience for as long as the clause lasts is what there is without any.
    let until = until.filter(|until| !matches!(until, Patience::At(until) if *until >= end));
    let (value, shown) = match until {
        None => (Value::Null, "as long as the clause lasts".to_owned()),
        Some(Patience::At(until)) => (json!(words::duration(until)), format!("until {}", words::duration(until))),
        Some(Patience::Usual { quantile, min, max }) => {
            let (quantile, min, max) = (quantile.as_str(), words::duration(min), words::duration(max));
            let shown = format!("until its {quantile}, between {min} and {max}");
            (json!({ "quantile": quantile, "min": min, "max": max }), shown)
        }
    };
    Part {
        path: format!("{path}.{executor}"),
        key: executor.to_string(),
        title: format!("{title}: `{executor}`"),
        arrives: format!("{title} ranks `{executor}` too"),
        leaves: format!("{title} does not take `{executor}` any more"),
        facts: vec![fact("until", value, "is waited for {new} instead of {old}").shown(shown)],
        groups: Vec::new(),
    }
}

fn agree(agree: &Agree, path: &str, title: &str) -> Part {
    let Agree { votes, on, weights, must_include, from_families, on_tie } = agree;
    let families = fact("from_families", *from_families, "needs {new} that agree instead of {old}");
    let families = families.shown(words::count(*from_families as u64, "family", "families"));
    let included = must_include.iter().map(|executor| included(executor, path, title)).collect();
    Part {
        facts: vec![self::votes(*votes), families, ties(on_tie)],
        groups: vec![
            Group {
                name: "on",
                parts: on.iter().map(|compared| self::compared(compared, path, title)).collect(),
                moved: None,
            },
            weighed(weights, path, title),
            Group { name: "must_include", parts: included, moved: None },
        ],
        ..Part::default()
    }
}

fn votes(votes: Votes) -> Fact {
    let weight = |Weight(weight)| thousand(weight);
    let so_many = |weight: Weight| {
        let one = if weight == Weight::ONE { "vote" } else { "votes" };
        format!("{} {one}", thousand(weight.0))
    };
    let (value, shown) = match votes {
        Votes::Count(votes) => (weight(votes), so_many(votes)),
        Votes::Majority => (json!("majority"), "more than half of the votes".to_owned()),
        Votes::Plurality { min_votes, margin } => (
            json!({ "plurality": { "min_votes": weight(min_votes), "margin": weight(margin) } }),
            format!("the most votes, at least {}, {} ahead", so_many(min_votes), so_many(margin)),
        ),
    };
    fact("votes", value, "needs {new} instead of {old}").shown(shown)
}

fn compared(compared: &Compared, path: &str, title: &str) -> Part {
    let Compared { field, equality } = compared;
    let (value, shown) = match *equality {
        Equality::Exact => (json!("exact"), "exactly as written".to_owned()),
        Equality::CanonicalJson => (json!("canonical_json"), "as JSON values".to_owned()),
        Equality::Class => (json!("class"), "as labels".to_owned()),
        Equality::Within { abs, rel } => {
            let (abs, rel) = (words::canonical(json!(abs)), words::canonical(json!(rel)));
            let shown = format!("as numbers at most {abs} apart, or {rel} of the larger one");
            (json!({ "within": { "abs": abs, "rel": rel } }), shown)
        }
        Equality::Bucket { width } => {
            let width = words::canonical(json!(width));
            let shown = format!("as numbers in buckets {width} wide");
            (json!({ "bucket": { "width": width } }), shown)
        }
    };
    Part {
        path: format!("{path}.on.{field}"),
        key: field.to_string(),
        title: format!("{title}: `{field}`"),
        arrives: format!("{title} compares `{field}` too, {shown}"),
        leaves: format!("{title} does not compare `{field}` any more"),
        facts: vec![fact("equality", value, "is compared {new} instead of {old}").shown(shown)],
        groups: Vec::new(),
    }
}

fn included(executor: &ExecutorId, path: &str, title: &str) -> Part {
    Part {
        path: format!("{path}.must_include.{executor}"),
        key: executor.to_string(),
        title: format!("{title}: `{executor}`"),
        arrives: format!("{title} needs `{executor}` among those that agree"),
        leaves: format!("{title} decides without `{executor}` too"),
        ..Part::default()
    }
}

/// Whoever weighs 1 weighs what everybody does.
fn weighed(Weights(weights): &Weights, path: &str, title: &str) -> Group {
    let others = weights.iter().filter(|(_, weight)| *weight != Weight::ONE);
    let parts = others.map(|(executor, Weight(weight))| {
        let weight = thousand(*weight);
        Part {
            path: format!("{path}.weights.{executor}"),
            key: executor.to_string(),
            title: format!("{title}: `{executor}`"),
            arrives: format!("{title}: `{executor}` weighs {weight} instead of 1"),
            leaves: format!("{title}: `{executor}` weighs 1 instead of {weight}"),
            facts: vec![fact("weight", weight, "weighs {new} instead of {old}")],
            groups: Vec::new(),
        }
    });
    Group { name: "weights", parts: parts.collect(), moved: None }
}

/// A list that does not end in a total order ends in the plan's, and nothing behind a total one counts.
fn ties(on_tie: &[TieBreak]) -> Fact {
    let last = on_tie.iter().position(|tie| matches!(tie, TieBreak::NextClause | TieBreak::PlanOrder));
    let ties = on_tie.iter().take(last.unwrap_or(on_tie.len())).map(tie);
    let end = match last.map(|last| &on_tie[last]) {
        Some(TieBreak::NextClause) => (json!("next_clause"), "the next clause".to_owned()),
        _ => (json!("plan_order"), "the plan's order".to_owned()),
    };
    let (values, shown): (Vec<Value>, Vec<String>) = ties.chain([end]).unzip();
    fact("on_tie", values, "leaves a tie to {new} instead of {old}").shown(shown.join(", then "))
}

fn tie(tie: &TieBreak) -> (Value, String) {
    match tie {
        TieBreak::Prefer(executors) => {
            let names: Vec<&str> = executors.iter().map(ExecutorId::as_str).collect();
            (json!({ "prefer": names }), format!("whoever comes first of {}", words::names(&names)))
        }
        TieBreak::Best(score) => {
            let score = scored(score);
            (json!({ "best": words::expression(&score) }), format!("the highest `{score}`"))
        }
        TieBreak::NextClause => (json!("next_clause"), "the next clause".to_owned()),
        TieBreak::PlanOrder => (json!("plan_order"), "the plan's order".to_owned()),
    }
}

fn best(best: &Best) -> Part {
    let Best { score, at_least, on_tie } = best;
    let score = scored(score);
    let mark = at_least.map(|mark| words::canonical(json!(mark)));
    let shown = mark.as_ref().map_or_else(|| "any score".to_owned(), |mark| format!("a score from {mark}"));
    of(vec![
        fact("score", words::expression(&score), "scores by {new} instead of by {old}").shown(format!("`{score}`")),
        fact("at_least", mark, "takes {new} instead of {old}").shown(shown),
        ties(on_tie),
    ])
}

/// A plain path means the same as the expression that names it.
fn scored(score: &Score) -> String {
    match score {
        Score::Field(field) => format!("answer.{field}"),
        Score::Expression(expression) => expression.source().trim().to_owned(),
    }
}

fn combine(combine: &Combine, path: &str, title: &str) -> Part {
    let Combine { how, of, weights, min_answers } = combine;
    let how = match how {
        How::Mean => "mean",
        How::Median => "median",
        How::VoteWeighted => "vote_weighted",
    };
    let field = |field: &crate::evidence::Field| Part {
        path: format!("{path}.of.{field}"),
        key: field.to_string(),
        title: format!("{title}: `{field}`"),
        arrives: format!("{title} makes `{field}` too"),
        leaves: format!("{title} does not make `{field}` any more"),
        ..Part::default()
    };
    Part {
        facts: vec![
            fact("how", how, "makes an answer by {new} instead of {old}").shown(how.replace('_', " ")),
            fact("min_answers", min_answers.get(), "needs {new} instead of {old}").shown(words::count(
                min_answers.get() as u64,
                "answer",
                "answers",
            )),
        ],
        groups: vec![
            Group { name: "of", parts: of.iter().map(field).collect(), moved: None },
            weighed(weights, path, title),
        ],
        ..Part::default()
    }
}

fn fallback(fallback: &Fallback) -> Part {
    let (value, shown) = match fallback {
        Fallback::Constant(answer) => {
            let answer = words::json(answer);
            (json!({ "constant": answer }), answer.to_string())
        }
        Fallback::LastKnown { max_age, otherwise } => {
            let (age, otherwise) = (words::duration(*max_age), words::json(otherwise));
            let shown = format!("the last known answer of the last {age}, otherwise {otherwise}");
            (json!({ "last_known": { "max_age": age, "otherwise": otherwise } }), shown)
        }
        Fallback::Error(body) => {
            let body = words::json(body);
            let shown = format!("the error {body}");
            (json!({ "error": body }), shown)
        }
    };
    of(vec![optional("answer", None, "", "is {new} instead of {old}").shown(shown).with(value)])
}

impl Fact {
    fn with(self, value: Value) -> Self {
        Self { value, ..self }
    }
}

//! What is meant by what is written.

use std::time::Duration;

use crate::{
    Definition, Quantile,
    clause::{Clause, Equality, Fallback, How, Patience, TieBreak, Votes, Weight},
    policy::{ExtraWait, Rung},
};

const MS: Duration = Duration::from_millis(1);

/// Returns the ladder whose clauses are these; the budget is 50 ms.
fn ladder(decide: &str) -> Vec<Rung> {
    let text = format!(
        "rendezvous: test\nbudget: 50ms\ninput: {{ features: [x], attributes: [who] }}\nkey: attributes.who\n\
         answer: {{ value: class }}\n\
         executors: {{ a: {{ echo: }}, b: {{ echo: }}, c: {{ echo: }} }}\ndecide:\n{decide}\n"
    );
    let definition = Definition::parse("test.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    definition.policy.ladder.clone()
}

fn first(clause: &str) -> Clause {
    ladder(&format!("- {clause}\n- default: {{ class: none }}")).remove(0).clause
}

fn agree(options: &str) -> crate::clause::Agree {
    let Clause::Agree(agree) = first(&format!("agree: {options}")) else { panic!("{options}") };
    agree
}

#[test]
fn patience_by_quantile_lies_within_its_clause() {
    let rungs = ladder(
        "- first: { where: answer.ok }\n  until: 10ms\n\
         - prefer: [a: { until: p95 }, b: { until: { quantile: p50, min: 2ms, max: 20ms } }, c: { until: 15ms }]\n  until: 30ms\n\
         - default: { class: none }",
    );
    let Clause::Prefer(prefer) = &rungs[1].clause else { panic!("{rungs:?}") };
    let patience: Vec<_> = prefer.ranks.iter().filter_map(|rank| rank.until).collect();
    assert_eq!(
        patience,
        [
            Patience::Usual { quantile: Quantile::P95, min: 10 * MS, max: 30 * MS },
            Patience::Usual { quantile: Quantile::P50, min: 10 * MS, max: 20 * MS },
            Patience::At(15 * MS),
        ]
    );
}

#[test]
fn votes_and_weights_are_counted_in_thousandths() {
    assert_eq!(agree("2").votes, Votes::Count(Weight(2_000)));
    assert_eq!(agree("{ votes: 1.5, weights: { a: 0.25 } }").votes, Votes::Count(Weight(1_500)));
    assert_eq!(agree("majority").votes, Votes::Majority);
    assert_eq!(agree("plurality").votes, Votes::Plurality { min_votes: Weight(1), margin: Weight(0) });
    let plurality = agree("{ votes: plurality, min_votes: 2, margin: 0.5, weights: { a: 0.25, c: 3 } }");
    assert_eq!(plurality.votes, Votes::Plurality { min_votes: Weight(2_000), margin: Weight(500) });
    let weights: Vec<_> = plurality.weights.0.iter().map(|(name, weight)| (name.as_str(), weight.0)).collect();
    assert_eq!(weights, [("a", 250), ("c", 3_000)]);
}

#[test]
fn fields_are_compared_as_written() {
    let on = "{ votes: 2, on: [class, { a: exact }, { b: class }, { c: { within: { rel: 0.1 } } }, { d: { bucket: { width: 5 } } }] }";
    let equalities: Vec<_> = agree(on).on.iter().map(|compared| compared.equality).collect();
    assert_eq!(
        equalities,
        [
            Equality::CanonicalJson,
            Equality::Exact,
            Equality::Class,
            Equality::Within { abs: 0.0, rel: 0.1 },
            Equality::Bucket { width: 5.0 },
        ]
    );
    assert_eq!(agree("2").on.len(), 1, "without `on`, the answer's value");
}

#[test]
fn ties_end_in_a_total_order() {
    let ties = |options: &str| agree(&format!("{{ votes: 1, on_tie: {options} }}")).on_tie;
    assert!(matches!(ties("[{ prefer: [b, a] }]").as_slice(), [TieBreak::Prefer(_), TieBreak::PlanOrder]));
    assert!(matches!(ties("{ best: answer.sure }").as_slice(), [TieBreak::Best(_), TieBreak::PlanOrder]));
    assert!(matches!(ties("[next_clause]").as_slice(), [TieBreak::NextClause]));
    assert!(agree("1").on_tie.is_empty());
}

#[test]
fn extra_wait_is_a_time_or_a_share_of_one() {
    let wait =
        |written: &str| ladder(&format!("- agree: 2\n  extra_wait: {written}\n- default: {{}}")).remove(0).extra_wait;
    assert_eq!(wait("5ms"), Some(ExtraWait { thousandths: 0, min: 5 * MS, max: 5 * MS }));
    let share = ExtraWait { thousandths: 500, min: MS, max: 10 * MS };
    assert_eq!(wait("{ times: 0.5, min: 1ms, max: 10ms }"), Some(share));
    assert_eq!(wait("{ times: 2 }"), Some(ExtraWait { thousandths: 2_000, min: Duration::ZERO, max: 50 * MS }));
}

#[test]
fn a_default_is_an_answer_what_was_known_or_an_error() {
    let default = |written: &str| {
        let Clause::Default(fallback) = ladder(&format!("- default: {written}")).remove(0).clause else { panic!() };
        fallback
    };
    for constant in ["{ class: 1 }", "{ constant: { class: 1 } }"] {
        assert!(matches!(default(constant), Fallback::Constant(answer) if answer == r#"{"class":1}"#));
    }
    // An answer may have members of these names.
    for plain in ["{ constant: 3 }", "{ error: 1, class: 2 }", "{ last_known: 7 }"] {
        assert!(matches!(default(plain), Fallback::Constant(_)), "{plain}");
    }
    assert!(matches!(default("{ error: no luck }"), Fallback::Error(answer) if answer == r#"{"error":"no luck"}"#));
    let known = default("{ last_known: { max_age: 1h, otherwise: { class: 1 } } }");
    assert!(matches!(known, Fallback::LastKnown { max_age, .. } if max_age == Duration::from_hours(1)));
}

#[test]
fn a_combination_says_how_of_what_and_of_how_many() {
    let Clause::Combine(combine) = first("combine: { median: probability, min_answers: 2, weights: { a: 2 } }") else {
        panic!()
    };
    assert_eq!((combine.how, combine.of.len(), combine.min_answers.get()), (How::Median, 1, 2));
    let Clause::Combine(combine) = first("combine: { vote_weighted: [class, colour] }") else { panic!() };
    assert_eq!((combine.how, combine.of.len(), combine.min_answers.get()), (How::VoteWeighted, 2, 1));
}

#[test]
fn minus_between_fields_subtracts() {
    let Clause::Best(best) = first("best: { score: answer.high-answer.low }") else { panic!() };
    assert!(matches!(best.score, crate::clause::Score::Expression(_)));
    let Clause::Best(best) = first("best: { score: executor.cost }") else { panic!() };
    assert!(matches!(best.score, crate::clause::Score::Expression(_)));
    let Clause::Best(best) = first("best: { score: answer.high }") else { panic!() };
    assert!(matches!(best.score, crate::clause::Score::Field(_)));
}

//! Each option of a clause, in a story of its own.

use super::*;
use crate::{Fallen, LastKnown, Latencies, Quantile};

const NONE: &str = "\n- default: { class: none }";

/// Plays over a, b and c, where `a` usually takes 8 ms and nobody knows the others.
fn usual(ladder: &str, asked: &str, timeline: &str) -> Verdict {
    let definition = policy(&format!("{ladder}{NONE}"));
    let mut latencies = Latencies::default();
    latencies.set(wire::ExecutorId::new("a").expect("a name"), Quantile::ALL.map(|_| Duration::from_millis(8)));
    let circumstances = Circumstances { latencies: Arc::new(latencies), ..Circumstances::default() };
    let policy = Arc::clone(&definition.policy);
    let mut step =
        Evaluation::open(policy, &plan(asked), Timestamp::EPOCH, definition.budget, Duration::ZERO, &circumstances);
    for text in timeline.split_whitespace() {
        let (Step::Wait(evaluation), Event::Said(response, at)) = (step, event(text)) else { panic!("decided") };
        step = evaluation.observe(&response, at).1;
    }
    run_out(step)
}

#[track_caller]
fn check_usual(ladder: &str, asked: &str, timeline: &str, expected: &str) {
    assert_eq!(tell(&usual(ladder, asked, timeline)), expected, "{ladder}");
}

#[track_caller]
fn check_one(clause: &str, timeline: &str, expected: &str) {
    check(&format!("- {clause}{NONE}"), timeline, expected);
}

/// Every clause's sentence, the one that decided last.
#[track_caller]
fn check_why(clause: &str, timeline: &str, expected: &[&str]) {
    let events: Vec<Event> = timeline.split_whitespace().map(event).collect();
    let (_, verdict) = play(&policy(&format!("- {clause}{NONE}")), "a,b,c,~z", &events);
    let why: Vec<String> = verdict.receipt.clauses.iter().map(crate::ClauseNote::why).collect();
    assert_eq!(why, expected, "{clause}");
}

#[test]
fn first_may_say_what_an_answer_must_be_like() {
    let sure = "first: { where: answer.sure > 0.9 }";
    check_one(sure, "1:a=cat/0.5 2:b=dog/0.95", "2: dog (first b, early, partial)");
    check_one(sure, "1:a=cat/0.5 2:b=dog/0.6 3:c=eel", "3: none (default, all_answered, full)");
    check_why(sure, "1:a=cat/0.5", &["1 answered, none as it must be", "no clause above decided"]);
    check_one(
        "first: { where: executor.name == 'c' && latency_ms > 2.5 }",
        "1:a=cat 3:c=eel",
        "3: eel (first c, early, partial)",
    );
}

#[test]
fn patience_can_be_what_an_executor_usually_takes() {
    let p95 = "- prefer: [{ a: { until: p95 } }, b]";
    check_usual(p95, "a,b", "1:b=dog", "8: dog (prefer b, deadline, partial)");
    check_usual(
        "- prefer: [{ a: { until: { quantile: p50, min: 10ms } } }, b]",
        "a,b",
        "1:b=dog",
        "10: dog (prefer b, deadline, partial)",
    );
    check_usual(
        "- prefer: [{ a: { until: { quantile: p50, max: 5ms } } }, b]",
        "a,b",
        "1:b=dog",
        "5: dog (prefer b, deadline, partial)",
    );
    // It starts later, so it is waited for as much longer.
    check_usual(p95, "a+4000,b", "1:b=dog", "12: dog (prefer b, deadline, partial)");
    // Nobody knows how long b takes: as long as the clause lasts.
    check_usual(
        "- prefer: [{ b: { until: { quantile: p95, max: 20ms } } }, a]",
        "a,b",
        "1:a=cat",
        "20: cat (prefer a, deadline, partial)",
    );
}

#[test]
fn the_patience_that_was_used_stands_in_the_receipt() {
    let verdict = usual("- prefer: [{ a: { until: p95 } }, { b: { until: 30ms } }, c]", "a,b,c", "1:b=dog");
    let patience: Vec<(&str, u128)> =
        verdict.receipt.clauses[0].patience.iter().map(|(who, until)| (who.as_str(), until.as_millis())).collect();
    assert_eq!(patience, [("a", 8), ("b", 30)]);
}

#[test]
fn nobody_loses_patience_before_the_clause_above_has_its_end() {
    // Given up at 2 ms or not, the first clause lasts until 15: `a`, usually there after 8, is waited for until then.
    let ladder = "- agree: 2\n  until: 15ms\n- prefer: [{ a: { until: p95 } }, b]";
    check_usual(ladder, "a,b", "1:b=dog 2:a!", "2: dog (prefer b, all_answered, partial)");
    check_usual(ladder, "a,b", "1:b=dog 14:a=cat", "14: cat (prefer a, all_answered, full)");
    let given_up = "- first: { where: answer.sure > 2.0 }\n  until: 15ms\n- prefer: [{ a: { until: p95 } }, c]";
    check_usual(given_up, "a,c", "1:c=dog", "15: dog (prefer c, deadline, partial)");
}

#[test]
fn votes_may_weigh_more_or_less() {
    let heavy = "agree: { votes: 2, weights: { a: 2, b: 0.5 } }";
    check_one(heavy, "1:a=cat", "1: cat (agree a, early, partial)");
    check_one(heavy, "1:b=cat 2:c=cat", "50: none (default, too_few, partial)");
    check_why(heavy, "1:b=cat 2:c=cat 3:a!", &["1.5 voted, 2 needed", "no clause above decided"]);
    // More than half of 3.5, and not of three heads.
    let majority = "agree: { votes: majority, weights: { a: 1.5 } }";
    check_one(majority, "1:b=cat 2:c=cat", "2: cat (agree b c, early, partial)");
    check_one(
        "agree: { votes: majority, weights: { a: 2 } }",
        "1:b=cat 2:c=cat 3:a=dog",
        "3: none (default, dispute, full)",
    );
}

#[test]
fn the_largest_group_wins_with_its_margin() {
    let plain = "agree: { votes: plurality }";
    check_one(plain, "1:a=cat 2:b=dog 3:c=dog", "3: dog (agree b c, all_answered, full)");
    check_one(plain, "1:a=cat", "50: cat (agree a, deadline, partial)");
    check_one(
        "agree: { votes: plurality, min_votes: 2 }",
        "1:a=cat 2:b=dog 3:c=eel",
        "3: none (default, dispute, full)",
    );
    let margin = "agree: { votes: plurality, margin: 1 }";
    check_one(margin, "1:a=cat 2:b=dog 3:c!", "3: none (default, dispute, partial)");
    check_one(margin, "1:a=cat 2:b=cat", "2: cat (agree a b, early, partial)");
    check_why(
        margin,
        "1:a=cat 2:b=dog 3:c!",
        &["1 agree, 1 on something else, 1 more needed", "no clause above decided"],
    );
}

#[test]
fn a_group_may_need_somebody_in_it() {
    let with_a = "agree: { votes: 2, must_include: [a] }";
    check_one(with_a, "1:b=cat 2:c=cat", "50: none (default, too_few, partial)");
    check_one(with_a, "1:b=cat 2:c=cat 3:a=dog", "3: none (default, dispute, full)");
    check_one(with_a, "1:a!", "1: none (default, too_few, none)");
    check_one(with_a, "1:b=cat 2:a=cat", "2: cat (agree a b, early, partial)");
    check_why(with_a, "1:b=cat 2:c=cat 3:a=dog", &["2 agree, a not among them", "no clause above decided"]);
}

#[test]
fn a_group_may_have_to_span_families() {
    let text = "rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\nexecutors:\n  \
        a: { echo: , family: trees }\n  b: { echo: , family: trees }\n  c: { echo: }\n\
        decide:\n- agree: { votes: 2, from_families: 2 }\n- default: { class: none }";
    let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    let told = |timeline: &str| {
        let events: Vec<Event> = timeline.split_whitespace().map(event).collect();
        tell(&play(&definition, "a,b,c", &events).1)
    };
    assert_eq!(told("1:a=cat 2:b=cat 3:c=cat"), "3: cat (agree a b c, all_answered, full)");
    assert_eq!(told("1:a=cat 2:b=cat 3:c=dog"), "3: none (default, dispute, full)");
    assert_eq!(told("1:b=cat 2:c=cat"), "2: cat (agree b c, early, partial)");
    assert_eq!(told("1:a=cat 2:c!"), "2: none (default, too_few, partial)");
}

#[test]
fn what_is_the_same_is_a_matter_of_the_policy() {
    let agree = |on: &str| format!("agree: {{ votes: 2, on: [{on}] }}");
    let said = r#"1:a={"class":"Cat","n":1} 2:b={"class":"cat","n":1.0} 3:c!"#;
    let none = "3: none (default, dispute, partial)";
    check_one(&agree("{ class: canonical_json }"), said, none);
    check_one(&agree("{ class: class }"), said, "2: Cat (agree a b, early, partial)");
    check_one(&agree("{ n: exact }"), said, none);
    check_one(&agree("{ n: canonical_json }"), said, "2: Cat (agree a b, early, partial)");
    let written = r#"1:a={"class":1,"n":1.0} 2:b={"class":1,"n":1.00} 3:c!"#;
    check_one(&agree("{ n: exact }"), written, none);
    let numbers = r#"1:a={"class":"1","n":12} 2:b={"class":1.0,"n":19.9} 3:c={"class":2,"n":20}"#;
    check_one(&agree("{ class: class }"), numbers, "2: 1 (agree a b, early, partial)");
    check_one(&agree("{ n: { bucket: { width: 10 } } }"), numbers, "2: 1 (agree a b, early, partial)");
}

#[test]
fn a_tolerant_group_is_around_its_middle_and_answers_with_it() {
    let near = "agree: { votes: 2, on: [{ n: { within: { abs: 0.05 } } }] }";
    // 0.90 is near both others, which are not near each other.
    let chain = r#"1:a={"class":1,"n":0.85} 2:c={"class":3,"n":0.95} 3:b={"class":2,"n":0.90}"#;
    check_one(near, chain, "3: 2 (agree a b c, all_answered, full)");
    // Who is still to come could be the middle.
    check_one(near, r#"1:a={"class":1,"n":0.85} 2:b={"class":2,"n":0.90}"#, "50: 1 (agree a b, deadline, partial)");
    let share = "agree: { votes: 2, on: [{ n: { within: { rel: 0.1 } } }] }";
    check_one(
        share,
        r#"1:a={"class":1,"n":100} 2:b={"class":2,"n":91} 3:c={"class":3,"n":120}"#,
        "3: 2 (agree a b, all_answered, full)",
    );
    check_one(
        share,
        r#"1:a={"class":1,"n":100} 2:b={"class":2,"n":80} 3:c={"class":3,"n":"100"}"#,
        "3: none (default, dispute, full)",
    );
}

#[test]
fn ties_go_by_the_rules() {
    let tie = |rules: &str| format!("agree: {{ votes: 1, on_tie: [{rules}] }}");
    let said = "1:a=cat/0.2 2:b=dog/0.9 3:c!";
    check_one(&tie("plan_order"), said, "3: cat (agree a, all_answered, partial)");
    check_one(&tie("{ prefer: [c, b] }"), said, "3: dog (agree b, all_answered, partial)");
    check_one(&tie("{ best: answer.sure }"), said, "3: dog (agree b, all_answered, partial)");
    check_one(&tie("next_clause"), said, "3: none (default, dispute, partial)");
    check_why(&tie("next_clause"), said, &["1 agree, and as many on something else", "no clause above decided"]);
    let best = "best: { score: sure, on_tie: [{ prefer: [c] }, next_clause] }";
    check_one(best, "1:a=cat/0.9 2:b=dog/0.9 3:c=eel/0.9", "3: eel (best c, all_answered, full)");
    check_one(best, "1:a=cat/0.9 2:b=dog/0.9 3:c=eel/0.1", "3: none (default, all_answered, full)");
}

#[test]
fn best_weighs_who_answered_and_how_soon() {
    let cheap = "best: { score: \"answer.sure - latency_ms * 0.1 - double(executor.rank) * 0.01\" }";
    check_one(cheap, "1:a=cat/0.9 3:b=dog/0.95 4:c!", "4: cat (best a, all_answered, partial)");
    check_one(cheap, "3:a=cat/0.9 3:b=dog/0.9 4:c!", "4: cat (best a, all_answered, partial)");
}

#[test]
fn a_synthesis_has_exactly_the_combined_fields_and_names_its_sources() {
    let answer = |clause: &str, timeline: &str| {
        let events: Vec<Event> = timeline.split_whitespace().map(event).collect();
        let (_, verdict) = play(&policy(&format!("- {clause}{NONE}")), "a,b,c", &events);
        let sources = verdict.executors.iter().map(wire::ExecutorId::as_str).collect::<String>();
        format!("{} {sources} {}", String::from_utf8_lossy(&verdict.answer), verdict.is_synthesised())
    };
    let said =
        r#"1:a={"class":1,"n":1,"m":{"x":1}} 2:b={"class":1,"n":2,"m":{"x":1}} 3:c={"class":2,"n":6,"m":{"x":4}}"#;
    assert_eq!(answer("combine: { mean: [n, m.x] }", said), r#"{"m":{"x":2.0},"n":3.0} abc true"#);
    assert_eq!(answer("combine: { median: [n] }", said), r#"{"n":2.0} abc true"#);
    assert_eq!(answer("combine: { mean: [n], weights: { c: 2 } }", said), r#"{"n":3.75} abc true"#);
    assert_eq!(answer("combine: { median: [n], weights: { c: 2 } }", said), r#"{"n":4.0} abc true"#);
    assert_eq!(answer("combine: { vote_weighted: [class], weights: { c: 3 } }", said), r#"{"class":2} abc true"#);
    assert_eq!(answer("combine: { vote_weighted: [class] }", said), r#"{"class":1} ab true"#);
    let same = r#"1:a={"class":1,"n":0.1} 2:b={"class":1,"n":0.1} 3:c={"class":1,"n":0.1}"#;
    assert_eq!(answer("combine: { mean: [n] }", same), r#"{"n":0.1} abc true"#);
    assert_eq!(answer("combine: { mean: [n], min_answers: 2 }", "1:a! 2:b!"), r#"{"class":"none"}  false"#);
}

#[test]
fn a_clause_goes_on_for_a_little_after_the_first_answer() {
    let fixed = "best: { score: sure }\n  extra_wait: 5ms";
    check_one(fixed, "10:a=cat/0.5", "15: cat (best a, deadline, partial)");
    check_one(fixed, "10:a=cat/0.5 14:b=dog/0.9 16:c=eel/0.95", "Late c; 15: dog (best b, deadline, partial)");
    check_one(fixed, "48:a=cat/0.5", "50: cat (best a, deadline, partial)");
    check_one(fixed, "2:a! 10:b?", "50: none (default, deadline, none)");
    let share = "best: { score: sure }\n  extra_wait: { times: 0.5, min: 1ms, max: 10ms }";
    check_one(share, "10:a=cat/0.5", "15: cat (best a, deadline, partial)");
    check_one(share, "1:a=cat/0.5", "2: cat (best a, deadline, partial)");
    check_one(share, "30:a=cat/0.5", "40: cat (best a, deadline, partial)");
}

#[test]
fn no_clause_ends_before_the_one_above() {
    // The second clause's extra wait is over at 3; but it begins at 10, and hears what was said until then.
    let ladder = "- agree: 2\n  until: 10ms\n- best: { score: sure }\n  extra_wait: 2ms\n- default: { class: none }";
    check(ladder, "1:a=cat/0.5 8:b=dog/0.9", "10: dog (best b, deadline, partial)");
    check(ladder, "1:a=cat/0.5 2:b! 3:c!", "3: cat (best a, all_answered, partial)");
    // Given up at 2, the first clause still has its end at 10: until then the second hears everybody.
    let given_up = ladder.replace("agree: 2", "agree: 3");
    check(&given_up, "1:a=cat/0.5 2:b=dog/0.2 5:c=eel/0.9", "5: eel (best c, all_answered, full)");
    check(&given_up, "1:a=cat/0.5 2:b=dog/0.2", "10: cat (best a, deadline, partial)");
}

#[test]
fn the_last_known_answer_is_given_while_it_is_young() {
    let text = "rendezvous: test\nbudget: 50ms\ninput: { features: [x], attributes: [who] }\nkey: attributes.who\n\
        answer: { value: class }\nexecutors:\n  a: { echo: }\ndecide:\n- prefer: [a]\n\
        - default: { last_known: { max_age: 100ms, otherwise: { class: none } } }";
    let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    let decide = |age: Option<i64>| {
        let known =
            |age: i64| LastKnown { answer: r#"{"class":"cat"}"#.into(), at: Timestamp::from_micros(-age * 1000) };
        let circumstances = Circumstances { last_known: age.map(known), ..Circumstances::default() };
        let (policy, born) = (Arc::clone(&definition.policy), Timestamp::EPOCH);
        run_out(Evaluation::open(policy, &plan("a"), born, definition.budget, Duration::ZERO, &circumstances))
    };
    // It is 50 ms older when it is given.
    let young = decide(Some(50));
    assert_eq!(tell(&young), "50: cat (default, deadline, none)");
    assert_eq!(young.fallback, Some(Fallen::LastKnown { age: Duration::from_millis(100) }));
    assert_eq!(young.kind(), wire::ResultKind::Default);
    assert_eq!(young.receipt.clauses[1].why(), "no clause above decided; the last known answer is 100ms old");
    let old = decide(Some(51));
    assert_eq!(tell(&old), "50: none (default, deadline, none)");
    let why = "no clause above decided; the last known answer is 101ms old, at most 100ms allowed";
    assert_eq!(old.receipt.clauses[1].why(), why);
    assert_eq!(decide(None).receipt.clauses[1].why(), "no clause above decided; nothing is known of the key");
}

#[test]
fn an_error_is_a_record_of_its_own_kind() {
    let (_, verdict) = play(&policy("- prefer: [a]\n- default: { error: nobody knows }"), "a", &[event("1:a!")]);
    assert_eq!((verdict.kind(), verdict.fallback), (wire::ResultKind::Error, Some(Fallen::Error)));
    assert_eq!(verdict.answer, r#"{"error":"nobody knows"}"#);
}

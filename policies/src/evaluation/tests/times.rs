//! When things happen: ends of clauses, deadlines, late timers.

use super::*;

const MS: Duration = Duration::from_millis(1);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis * 1000)
}

fn open(ladder: &str, budget: u64, lead: u32) -> Step {
    let policy = policy(ladder).policy;
    Evaluation::open(policy, &plan("a,b,c"), at(0), Budget::from_millis(budget), lead * MS, &Circumstances::default())
}

fn deadline(step: &Step) -> i64 {
    match step {
        Step::Wait(evaluation) => evaluation.deadline().as_micros() / 1000,
        Step::Emit(_) => panic!("decided"),
    }
}

#[test]
fn deadline_beats_a_response_of_the_same_instant() {
    check(FIRST, "50:a=cat", "Late a; 50: {} (default, deadline, none)");
    check(TWO_AGREE, "1:a=cat 30:b=cat", "Late b; 30: none (default, too_few, partial)");
    check(TWO_AGREE, "1:a=cat 29.999:b=cat", "29.999: cat (agree a b, early, partial)");
}

#[test]
fn a_clause_that_ends_at_the_instant_of_a_response_has_not_heard_it() {
    let ladder = "- agree: 2\n  until: 10ms\n- first: any";
    check(ladder, "1:b=cat 10:a=cat", "Late a; 10: cat (first b, early, partial)");
    check(ladder, "10:a=cat 11:b=dog", "10: cat (first a, early, partial)");
}

#[test]
fn a_late_timer_changes_when_and_never_what() {
    for timers in ["", "15", "16", "31", "49", "60", "15 30", "17 33 60"] {
        let mut events = vec![event("1:c=cat/0.1"), event("2:b=dog/0.2")];
        events.extend(timers.split_whitespace().map(event));
        let (_, verdict) = play(&policy(GRADED), "a,b,c", &events);
        assert_eq!(tell(&verdict), "50: dog (prefer b, deadline, partial)", "{timers}");
    }
}

#[test]
fn a_response_behind_a_missed_timer_finds_the_clauses_played_in_their_time() {
    // The timers of 15 and 30 were never fired; what comes at 40 must not reach back to them.
    check(GRADED, "1:b=cat/0.9 40:a=cat/0.9", "Late a; 30: cat (best b, deadline, partial)");
    check(GRADED, "1:b=cat/0.1 40:a=cat/0.9", "40: cat (prefer a, early, partial)");
}

#[test]
fn early_and_repeated_timers_are_harmless() {
    check(TWO_AGREE, "0 0 1:a=cat 1 1 5 5 6:b=cat", "6: cat (agree a b, early, partial)");
}

#[test]
fn the_deadline_is_the_next_instant_worth_waking_for() {
    assert_eq!(deadline(&open(GRADED, 50, 0)), 15);
    assert_eq!(deadline(&open(PATIENT, 50, 0)), 10);
    let Step::Wait(evaluation) = open(GRADED, 50, 0) else { panic!("decided") };
    assert_eq!(deadline(&evaluation.on_time(at(15))), 30);
    let Step::Wait(evaluation) = open(GRADED, 50, 0) else { panic!("decided") };
    assert_eq!(deadline(&evaluation.on_time(at(31))), 50);
}

#[test]
fn the_lead_shortens_the_end_and_at_most_half_of_the_budget() {
    assert_eq!(deadline(&open(FIRST, 50, 2)), 48);
    assert_eq!(deadline(&open(FIRST, 50, 40)), 25);
    assert_eq!(deadline(&open(GRADED, 50, 2)), 15);
    assert_eq!(run_out(open(GRADED, 50, 2)).at, at(48));
}

#[test]
fn a_request_may_have_less_time_than_the_policy_and_never_more() {
    assert_eq!(run_out(open(GRADED, 20, 0)).at, at(20));
    assert_eq!(run_out(open(GRADED, 5, 0)).at, at(5));
    assert_eq!(run_out(open(GRADED, 500, 0)).at, at(50));
}

#[test]
fn a_request_without_time_is_stale_on_arrival() {
    let verdict = run_out(open(GRADED, 0, 0));
    assert_eq!(tell(&verdict), "0: none (default, stale_on_arrival, none)");
}

#[test]
fn a_refused_request_gets_the_default_and_lists_whom_it_would_have_asked() {
    let policy = policy(GRADED).policy;
    let verdict = Evaluation::refuse(&policy, &plan("a,b"), at(0), Reason::Shed, at(60), &Circumstances::default());
    assert_eq!(tell(&verdict), "60: none (default, shed, none)");
    assert_eq!(verdict.receipt.entries.len(), 2);
}

#[test]
fn an_instant_that_goes_back_is_heard_as_of_now() {
    check(GRADED, "1:b=cat/0.1 20 14:a=cat/0.1", "30: cat (prefer a, early, partial)");
}

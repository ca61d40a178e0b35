//! What each clause accepts, rejects and waits for.

use super::*;

#[test]
fn two_that_agree_decide_at_once() {
    check(TWO_AGREE, "10:a=cat 20:b=cat 25:c=dog", "20: cat (agree a b, early, partial)");
}

#[test]
fn agreement_is_found_in_any_order() {
    check(TWO_AGREE, "10:c=dog 11:b=cat 12:a=cat", "12: cat (agree a b, all_answered, full)");
}

#[test]
fn a_dispute_is_over_when_all_have_spoken() {
    check(TWO_AGREE, "10:a=cat 11:b=dog 12:c=eel", "12: none (default, dispute, full)");
}

#[test]
fn too_few_and_dispute_are_different() {
    check(TWO_AGREE, "10:a=cat", "30: none (default, too_few, partial)");
    check(TWO_AGREE, "10:a=cat 11:b=dog", "30: none (default, dispute, partial)");
}

#[test]
fn agree_gives_up_as_soon_as_too_few_are_left() {
    check(TWO_AGREE, "1:a! 2:b!", "2: none (default, too_few, none)");
}

#[test]
fn unanimity_is_lost_with_the_second_opinion() {
    let all = "- agree: 3\n- default: { class: none }";
    check(all, "10:a=cat 11:b=dog", "11: none (default, dispute, partial)");
}

#[test]
fn all_dead_is_said_so() {
    check(TWO_AGREE, "1:a! 2:b! 3:c!", "2: none (default, too_few, none)");
    check(PREFER, "1:a! 2:b! 3:c!", "3: none (default, all_failed, none)");
}

#[test]
fn a_majority_is_of_the_plan_not_of_those_who_came() {
    let majority = "- agree: majority\n- default: { class: none }";
    check_plan(majority, "a,b,c,d,~z", "1:a=cat 2:b=cat", "50: none (default, too_few, partial)");
    check_plan(majority, "a,b,c,d,~z", "1:a=cat 2:b=cat 3:d=cat", "3: cat (agree a b d, early, partial)");
    check_plan(majority, "a,b,c", "1:a=cat 2:b=cat", "2: cat (agree a b, early, partial)");
}

#[test]
fn an_equal_group_could_still_come_ahead_so_agree_waits() {
    // b and c agree; a and d together would be as many, and a comes first in the plan.
    check_plan(TWO_AGREE, "a,b,c,d", "1:b=cat 2:c=cat", "30: cat (agree b c, deadline, partial)");
    check_plan(TWO_AGREE, "a,b,c,d", "1:b=cat 2:c=cat 3:a=dog", "30: cat (agree b c, deadline, partial)");
    check_plan(TWO_AGREE, "a,b,c,d", "1:b=cat 2:c=cat 3:a=dog 4:d=dog", "4: dog (agree a d, all_answered, full)");
    check_plan(TWO_AGREE, "a,b,c,d", "1:b=cat 2:c=cat 3:d=dog", "30: cat (agree b c, deadline, partial)");
    check_plan(TWO_AGREE, "a,b,c,d", "1:a=cat 2:b=cat", "2: cat (agree a b, early, partial)");
}

#[test]
fn the_answer_of_a_group_is_its_first_members_whole_and_verbatim() {
    let (_, verdict) = play(
        &policy(TWO_AGREE),
        "a,b,c",
        &[event(r#"1:c={"class":1,"sure":0.2}"#), event(r#"2:b={"sure":0.90,"class":1.0}"#)],
    );
    assert_eq!(verdict.answer, r#"{"sure":0.90,"class":1.0}"#);
}

#[test]
fn agreement_is_on_the_declared_fields() {
    let on_two = "- agree: { votes: 2, on: [class, box.size] }\n- default: { class: none }";
    let same = r#"1:a={"class":1,"box":{"size":[1,2]},"t":5} 2:b={"box":{"size":[1.0,2]},"class":1,"t":6}"#;
    check(on_two, same, "2: 1 (agree a b, early, partial)");
    let differ = r#"1:a={"class":1,"box":{"size":1}} 2:b={"class":1,"box":{"size":2}} 3:c!"#;
    check(on_two, differ, "3: none (default, dispute, partial)");
    let missing = r#"1:a={"class":1,"box":{"size":1}} 2:b={"class":1} 3:c={"class":1}"#;
    check(on_two, missing, "3: none (default, too_few, full)");
}

#[test]
fn nothing_null_or_not_a_number_abstains() {
    for bad in ["{}", r#"{"class":null}"#, r#"{"class":NaN}"#, "[1]", "7", "{\"class\":1}x", "{", ""] {
        let said = format!("1:a={bad}");
        let events = if bad.starts_with('{') {
            vec![event(&said)]
        } else {
            vec![Event::Said(response("a", Reply::Answer(bad.to_owned().into())), Timestamp::from_micros(1000))]
        };
        let (_, verdict) = play(&policy(FIRST), "a,b", &events);
        assert_eq!(tell(&verdict), "50: {} (default, deadline, none)", "{bad}");
        assert_eq!(verdict.receipt.entries[0].state, crate::ReceiptState::Abstained, "{bad}");
    }
}

#[test]
fn first_is_first_received() {
    check(FIRST, "10:c=cat 11:a=dog", "10: cat (first c, early, partial)");
    let after = "- agree: 3\n  until: 20ms\n- first: any";
    check(after, "5:c=cat 6:a=dog", "6: cat (first c, early, partial)");
}

#[test]
fn first_passes_over_those_without_an_answer() {
    check(FIRST, "1:a! 2:b? 3:c=cat", "3: cat (first c, all_answered, partial)");
}

#[test]
fn first_as_the_last_clause_ends_in_an_empty_default() {
    check(FIRST, "", "50: {} (default, deadline, none)");
}

#[test]
fn prefer_waits_for_the_better_rank() {
    check(PREFER, "10:b=cat 20:a=dog", "20: dog (prefer a, early, partial)");
    check(PREFER, "10:b=cat", "50: cat (prefer b, deadline, partial)");
    check(PREFER, "10:a=cat", "10: cat (prefer a, early, partial)");
}

#[test]
fn prefer_does_not_wait_for_the_dead_nor_for_those_who_abstain() {
    check(PREFER, "10:b=cat 20:a!", "20: cat (prefer b, early, partial)");
    check(PREFER, "10:a? 11:b! 12:c=cat", "12: cat (prefer c, all_answered, partial)");
}

#[test]
fn patience_ends_rank_by_rank() {
    check(PATIENT, "5:c=cat", "20: cat (prefer c, deadline, partial)");
    check(PATIENT, "5:b=cat", "10: cat (prefer b, deadline, partial)");
    check(PATIENT, "5:c=cat 15:b=dog", "15: dog (prefer b, deadline, partial)");
    check(PATIENT, "30:c=cat", "30: cat (prefer c, deadline, partial)");
}

#[test]
fn who_lost_patience_is_still_the_better_answer_while_nothing_is_chosen() {
    check(PATIENT, "15:a=cat", "15: cat (prefer a, early, partial)");
    check(PATIENT, "40:a=cat", "40: cat (prefer a, early, partial)");
}

#[test]
fn best_waits_for_all_and_takes_the_highest() {
    check(BEST, "1:a=cat/0.9 2:b=dog/0.95 3:c=eel/0.1", "3: dog (best b, all_answered, full)");
    check(BEST, "1:a=cat/0.9", "50: cat (best a, deadline, partial)");
}

#[test]
fn equal_scores_go_to_the_plans_first() {
    check(BEST, "1:c=eel/0.9 2:b=dog/0.9 3:a=cat/0.1", "3: dog (best b, all_answered, full)");
}

#[test]
fn a_score_below_the_mark_or_none_at_all_is_no_answer() {
    check(BEST, "1:a=cat/0.4 2:b=dog 3:c=eel/0.1", "3: none (default, all_answered, full)");
    check(BEST, r#"1:a=cat/0.5 2:b={"class":"dog","sure":"very"} 3:c!"#, "3: cat (best a, all_answered, partial)");
}

#[test]
fn an_expression_scores_and_its_failure_is_that_responses_alone() {
    let cel = "- best:\n    score: \"answer.confidence * 2.0 + (answer.value == 'dog' ? 1.0 : 0.0)\"\n\
        - default: { class: none }";
    check(cel, "1:a=cat/0.9 2:b=dog/0.5 3:c=eel", "3: dog (best b, all_answered, full)");
    check(cel, "1:a=cat/1 2:b! 3:c=eel", "3: cat (best a, all_answered, partial)");
    check(cel, "1:a=cat 2:b=cat 3:c=eel", "3: none (default, all_answered, full)");
}

#[test]
fn a_canary_is_recorded_and_never_chosen() {
    check(FIRST, "1:z=cat 10:a=dog", "10: dog (first a, early, partial)");
    check(TWO_AGREE, "1:z=cat 2:a=cat", "30: none (default, too_few, partial)");
    check(FIRST, "1:z=cat", "50: {} (default, deadline, none)");
    let (_, verdict) = play(&policy(FIRST), "a,~z", &[event("1:z=cat"), event("2:a=dog")]);
    assert_eq!(verdict.receipt.entries[1].answer.as_deref(), Some(br#"{"class":"cat"}"#.as_slice()));
    assert_eq!(verdict.completeness, Completeness::Full);
}

#[test]
fn a_second_response_is_a_duplicate_and_changes_nothing() {
    check(TWO_AGREE, "1:a=cat 2:a=dog 3:b=cat", "Duplicate a; 3: cat (agree a b, early, partial)");
    check(TWO_AGREE, "1:a! 2:a=cat 3:b=cat", "Duplicate a; 30: none (default, too_few, partial)");
    check(TWO_AGREE, "1:a=cat 2:a=cat", "Duplicate a; 30: none (default, too_few, partial)");
}

#[test]
fn whoever_was_not_asked_is_uninvited() {
    check(TWO_AGREE, "1:q=cat 2:a=cat 3:q=cat", "Uninvited q; Uninvited q; 30: none (default, too_few, partial)");
    check_plan(TWO_AGREE, "a,b", "1:d=cat 2:a=cat 3:b=cat", "Uninvited d; 3: cat (agree a b, all_answered, full)");
}

#[test]
fn a_ladder_goes_down_rung_by_rung() {
    check(GRADED, "1:a=cat/0.9 2:b=dog/0.5", "30: cat (best a, deadline, partial)");
    check(GRADED, "1:a=cat/0.9 2:b=dog/0.5 3:c=eel/0.95", "3: eel (best c, all_answered, full)");
    check(GRADED, "1:c=cat/0.1 2:b=dog/0.2", "50: dog (prefer b, deadline, partial)");
    check(GRADED, "1:a=cat/0.1 2:b=dog/0.2", "30: cat (prefer a, early, partial)");
    check(GRADED, "", "50: none (default, too_few, none)");
}

#[test]
fn nobody_asked_is_answered_at_once() {
    check_plan(TWO_AGREE, "", "", "0: none (default, too_few, none)");
    check_plan(PREFER, "~z", "1:z=cat", "0: none (default, too_few, none)");
}

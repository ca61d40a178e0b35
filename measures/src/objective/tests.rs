//! Budgets and burn rates of counts that are made up.

use std::time::Duration;

use policies::Objective;
use proptest::prelude::*;

use super::{Alert, Results, Standing};

const MONTH: Duration = Duration::from_hours(30 * 24);

fn objective(share: f64, window: Duration) -> Objective {
    Objective { within: Duration::from_millis(50), share, window, degraded_is_good: false }
}

/// So many bad ones of 100,000 in the last hour, and of a million in all the time before.
fn standing(objective: &Objective, lately: u64, before: u64) -> Standing {
    Standing::of(objective, |window| {
        if window <= Duration::from_hours(1) {
            (100_000, 100_000 - lately)
        } else {
            (1_100_000, 1_100_000 - lately - before)
        }
    })
}

#[test]
fn a_budget_is_what_the_objective_leaves_and_is_spent_by_what_is_bad() {
    let objective = objective(0.999, MONTH);
    let half = standing(&objective, 0, 550);
    assert_eq!((half.all, half.good), (1_100_000, 1_099_450));
    assert!(half.budget_left.is_some_and(|left| (left - 0.5).abs() < 1e-9), "{half:?}");
    assert!(standing(&objective, 0, 2_200).budget_left.is_some_and(|left| (left + 1.0).abs() < 1e-9), "overdrawn");
    assert_eq!(standing(&objective, 0, 0).budget_left, Some(1.0));
}

#[test]
fn thresholds_over_thirty_days_are_those_of_the_workbook_and_follow_the_window() {
    let rates =
        |window| standing(&objective(0.999, window), 0, 0).burns.iter().map(|burn| burn.threshold).collect::<Vec<_>>();
    for (rate, is) in rates(MONTH).into_iter().zip([14.4, 6.0, 1.0]) {
        assert!((rate - is).abs() < 1e-9, "{rate} is not {is}");
    }
    assert_eq!(rates(Duration::from_hours(6)).len(), 2, "no rule looks further back than the objective");
    assert!(rates(Duration::from_hours(6)).iter().all(|rate| *rate <= 0.12));
}

#[test]
fn somebody_is_called_when_it_burns_fast_and_still_does() {
    let objective = objective(0.999, MONTH);
    assert_eq!(standing(&objective, 1_441, 0).alert(), Some(Alert::Page), "14.4 times the budget's rate");
    assert_eq!(standing(&objective, 1_430, 0).alert(), Some(Alert::Ticket), "not as fast as that");
    let over = |window: Duration| if window == Duration::from_mins(5) { (9_000, 9_000) } else { (100_000, 98_000) };
    let ended = Standing::of(&objective, over);
    assert!(!ended.burns[0].fires, "the last five minutes were good: {ended:?}");
}

#[test]
fn without_results_nothing_is_attained_and_nothing_burns() {
    let nothing = Standing::of(&objective(0.99, MONTH), |_| (0, 0));
    assert_eq!((nothing.attained, nothing.budget_left, nothing.alert()), (None, None, None));
    let all = Standing::of(&objective(1.0, MONTH), |_| (10, 9));
    assert_eq!((all.budget_left, all.alert()), (None, None), "a promise of everything leaves no budget to burn");
}

proptest! {
    #[test]
    fn more_that_is_bad_never_leaves_more_and_never_ends_an_alert(less in 0_u64..50_000, more in 0_u64..50_000, before in 0_u64..1_000_000) {
        let objective = objective(0.99, MONTH);
        let (few, many) = (standing(&objective, less, before), standing(&objective, less + more, before));
        prop_assert!(many.budget_left <= few.budget_left && many.attained <= few.attained);
        prop_assert!(few.burns.iter().zip(&many.burns).all(|(few, many)| many.fires || !few.fires));
    }
}

#[test]
fn whether_a_degraded_result_is_good_is_the_objective_s_own_word() {
    let mut results = Results::default();
    for (times, millis) in [(&mut results.predicted, [10, 49, 51]), (&mut results.degraded, [20, 60, 70])] {
        for millis in millis {
            times.add(Duration::from_millis(millis));
        }
    }
    let objective = objective(0.9, MONTH);
    let lenient = Objective { degraded_is_good: true, ..objective };
    assert_eq!((results.all(), results.good(&objective), results.good(&lenient)), (6, 2, 3));
}

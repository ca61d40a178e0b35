//! Breakers played as timelines, and their laws over any history.

use proptest::prelude::*;

use super::*;

const SPEC: BreakerSpec =
    BreakerSpec { open_at: 0.9, min: 20, window: Duration::from_secs(10), pause: Duration::from_secs(1) };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis * 1_000)
}

fn closed() -> Breaker {
    Breaker::new(SPEC, 7)
}

/// One that opened after `millis`, having never answered.
fn opened() -> (Breaker, i64) {
    let mut breaker = closed();
    for now in (0..).step_by(100) {
        breaker.on_bad(at(now), at(now));
        if breaker.standing() == Standing::Open {
            return (breaker, now);
        }
    }
    unreachable!("it opens at last")
}

/// Asks at every millisecond from `from` on until somebody is waited for; returns when.
fn next_probe(breaker: &mut Breaker, from: i64) -> i64 {
    (from..from + 60_000).find(|now| breaker.awaits(at(*now))).expect("it is probed at last")
}

#[test]
fn twenty_bad_ones_in_a_row_over_a_second_open_it() {
    let (breaker, after) = opened();
    assert_eq!(after, 1_900);
    assert_eq!(breaker.tally(), Tally { good: 0, bad: 20, row: 20 });
}

#[test]
fn a_blink_opens_nothing_however_many_it_hits() {
    let mut breaker = closed();
    (0..2_000).for_each(|now| breaker.on_good(at(now)));
    (0..10_000).for_each(|_| breaker.on_bad(at(2_000), at(2_900)));
    assert_eq!(breaker.standing(), Standing::Closed);
    breaker.on_bad(at(3_900), at(3_900));
    assert_eq!(breaker.standing(), Standing::Open, "by then it is no blink");
}

#[test]
fn a_collector_that_was_stopped_takes_what_it_missed_for_one_blink() {
    let mut breaker = closed();
    (0..1_000).for_each(|now| breaker.on_good(at(now)));
    // Half a minute later it looks at the time first and hears the answers then.
    (0..1_000).for_each(|_| breaker.on_bad(at(1_000), at(31_000)));
    assert_eq!(breaker.standing(), Standing::Closed);
    breaker.on_good(at(31_001));
    (0..100).for_each(|_| breaker.on_bad(at(1_000), at(31_500)));
    assert_eq!(breaker.standing(), Standing::Closed);
}

#[test]
fn most_bad_ones_open_it_though_some_are_good() {
    let mut breaker = closed();
    let mut standings = (0..3_000).map(|now| {
        if now % 20 == 0 {
            breaker.on_good(at(now));
        } else {
            breaker.on_bad(at(now), at(now));
        }
        breaker.standing()
    });
    assert_eq!(standings.position(|standing| standing == Standing::Open), Some(1_001), "as soon as it has lasted");
    assert_eq!(standings.nth(18), Some(Standing::HalfOpen), "an answer shows that it is alive");
    assert_eq!(standings.next(), Some(Standing::Open), "and the next is bad again");
}

#[test]
fn what_is_older_than_the_window_does_not_count() {
    let mut breaker = closed();
    (0..1_000).for_each(|now| breaker.on_good(at(now)));
    for now in (1_000..9_999).step_by(50) {
        breaker.on_bad(at(now), at(now));
        breaker.on_good(at(now));
    }
    assert_eq!(breaker.tally().good, 1_000 + 180);
    breaker.on_good(at(10_000));
    assert_eq!(breaker.tally().good, 1 + 180, "the first second has gone");
}

#[test]
fn after_its_pause_one_request_is_waited_for_and_pauses_double_up_to_half_a_minute() {
    let (mut breaker, mut now) = opened();
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let probe = next_probe(&mut breaker, now);
        pauses.push((probe - now + 500) / 1_000);
        assert!(!breaker.awaits(at(probe)), "one is enough");
        now = probe + 50;
        breaker.on_bad(at(probe), at(now));
        assert_eq!(breaker.standing(), Standing::Open);
    }
    for (pause, longest) in pauses.iter().zip([1, 2, 4, 8, 16, 30, 30]) {
        assert!((longest * 8 / 10..=longest).contains(pause), "{pauses:?}");
    }
}

#[test]
fn one_request_in_ten_is_waited_for_as_long_as_it_is_half_open() {
    let (mut breaker, now) = opened();
    let probe = next_probe(&mut breaker, now);
    let awaited = (1..100).filter(|later| breaker.awaits(at(probe + later))).count();
    assert_eq!(awaited, 9);
}

#[test]
fn an_answer_shows_at_once_that_it_is_back_and_five_close_it() {
    let (mut breaker, now) = opened();
    breaker.on_good(at(now + 1));
    assert_eq!(breaker.standing(), Standing::HalfOpen, "nobody waited for the pause to end");
    (0..3).for_each(|_| breaker.on_good(at(now + 2)));
    assert_eq!(breaker.standing(), Standing::HalfOpen);
    breaker.on_good(at(now + 3));
    assert_eq!(breaker.standing(), Standing::Closed);
    assert_eq!(breaker.tally(), Tally::default(), "what was is forgotten");
    assert!(breaker.awaits(at(now + 4)));
}

#[test]
fn what_was_asked_before_it_was_half_open_says_nothing_about_now() {
    let (mut breaker, now) = opened();
    breaker.on_good(at(now + 5));
    breaker.on_bad(at(now), at(now + 50));
    assert_eq!(breaker.standing(), Standing::HalfOpen);
    breaker.on_bad(at(now + 5), at(now + 55));
    assert_eq!(breaker.standing(), Standing::Open);
}

#[test]
fn pauses_of_two_collectors_differ() {
    let until = |seed| {
        let mut breaker = Breaker::new(SPEC, seed);
        (0..20).for_each(|now| breaker.on_bad(at(now * 100), at(now * 100)));
        next_probe(&mut breaker, 1_900)
    };
    assert!((1..10).any(|seed| until(seed) != until(0)));
}

/// What happens: outcomes, or a request, so many milliseconds after what was before.
#[derive(Clone, Copy, Debug)]
enum Event {
    Good,
    Bad,
    Asks,
}

fn history() -> impl Strategy<Value = Vec<(i64, Event)>> {
    let event = prop_oneof![2 => Just(Event::Good), 5 => Just(Event::Bad), 3 => Just(Event::Asks)];
    let gap = prop_oneof![6 => 0..60_i64, 1 => 0..3_000_i64];
    prop::collection::vec((gap, event), 0..300)
}

fn spec() -> impl Strategy<Value = BreakerSpec> {
    (1..=100_u32, 1..60_u32, 100..20_000_u64, 10..3_000_u64).prop_map(|(percent, min, window, pause)| BreakerSpec {
        open_at: f64::from(percent) / 100.0,
        min,
        window: Duration::from_millis(window),
        pause: Duration::from_millis(pause),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// A naive count of what lies within the window agrees with what slides, to a tenth of it.
    #[test]
    fn it_opens_only_with_enough_bad_ones_in_sight(spec in spec(), history in history()) {
        let mut breaker = Breaker::new(spec, 1);
        let (mut now, mut seen, mut row) = (0, Vec::new(), 0_u32);
        for (gap, event) in history {
            now += gap;
            let before = breaker.standing();
            match event {
                Event::Good => { breaker.on_good(at(now)); seen.push((now, true)); row = 0; }
                Event::Bad => { breaker.on_bad(at(now), at(now)); seen.push((now, false)); row += 1; }
                Event::Asks => {
                    let awaits = breaker.awaits(at(now));
                    // *Closed changes nothing.*
                    prop_assert!(awaits || before != Standing::Closed);
                }
            }
            if before == Standing::Closed && breaker.standing() == Standing::Open {
                let window = i64::try_from(spec.window.as_millis()).unwrap();
                let within = |reach: i64| seen.iter().filter(move |(when, _)| now - when <= reach);
                let bad = within(window).filter(|(_, good)| !good).count();
                let enough = f64::from(u32::try_from(bad).unwrap()) >= spec.open_at * f64::from(spec.min);
                prop_assert!(row >= spec.min || (enough && within(window).count() >= spec.min as usize));
                let first = seen.iter().map(|(when, _)| *when).min().unwrap();
                prop_assert!(now - first >= window / 10, "a blink");
            }
            if before != Standing::Closed && breaker.standing() == Standing::Closed {
                seen.clear();
                row = 0;
            }
        }
    }

    /// Whatever was before: an executor that answers from now on is waited for again after a few answers.
    #[test]
    fn whoever_answers_is_waited_for_again(spec in spec(), history in history()) {
        let mut breaker = Breaker::new(spec, 1);
        let mut now = 0;
        for (gap, event) in history {
            now += gap;
            match event {
                Event::Good => breaker.on_good(at(now)),
                Event::Bad => breaker.on_bad(at(now), at(now)),
                Event::Asks => { breaker.awaits(at(now)); }
            }
        }
        (0..CLOSE_AFTER).for_each(|_| breaker.on_good(at(now)));
        prop_assert_eq!(breaker.standing(), Standing::Closed);
        prop_assert!(breaker.awaits(at(now)));
    }

    /// An executor that says nothing is waited for by fewer and fewer requests, and never by none for long.
    #[test]
    fn a_silent_executor_costs_few_waits_and_is_never_given_up(spec in spec(), step in 1..40_i64) {
        let (mut breaker, mut waits, mut due) = (Breaker::new(spec, 1), Vec::new(), std::collections::VecDeque::new());
        for now in (0..200_000).step_by(usize::try_from(step).unwrap()) {
            while due.front().is_some_and(|born| born + 50 <= now) {
                let born = due.pop_front().unwrap();
                breaker.on_bad(at(born), at(now));
            }
            if breaker.awaits(at(now)) {
                due.push_back(now);
                waits.push(now);
            }
        }
        let late = waits.iter().filter(|when| **when > 100_000).count();
        // Three to six pauses of 24 to 30 s fit in 100 s, and within the 50 ms of a wait every tenth request waits too.
        let each = 1 + 50 / (10 * usize::try_from(step).unwrap()) + 1;
        prop_assert!((3..=6 * each).contains(&late), "{late} of {}", 100_000 / step);
    }
}

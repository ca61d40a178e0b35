//! The laws of what is held until its start.

use proptest::prelude::*;
use wire::RendezvousName;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis * 1_000)
}

fn id(number: u64) -> RequestId {
    RequestId::from_key(&RendezvousName::new("wine").unwrap(), &number.to_string())
}

fn executor(name: &str) -> ExecutorId {
    ExecutorId::new(name).unwrap()
}

fn given_back<T>(hedging: &mut Hedging<T>) -> Vec<(T, Fate)> {
    std::iter::from_fn(|| hedging.poll()).collect()
}

/// What may happen.
#[derive(Clone, Debug)]
enum Event {
    Hold { request: u64, executor: bool, delay: i64 },
    Decided(u64),
    Time(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..20_u64, any::<bool>(), 0..30_i64)
            .prop_map(|(request, executor, delay)| Event::Hold { request, executor, delay }),
        2 => (0..20_u64).prop_map(Event::Decided),
        3 => (1..15_i64).prop_map(Event::Time),
    ]
}

proptest! {
    /// Each item is its number; its start, its request and its executor are looked up.
    #[test]
    fn what_is_held_is_given_back_once_in_time_and_never_started_when_decided(
        events in proptest::collection::vec(event(), 1..120),
        parts in 1..10_000_u16,
    ) {
        let share = Share::new(parts).unwrap();
        let (mut hedging, mut now) = (Hedging::default(), 0_i64);
        let mut all: Vec<(u64, i64)> = Vec::new();
        let (mut decided, mut back, mut started) = (HashSet::new(), HashSet::new(), 0_u64);
        for event in events.into_iter().chain([Event::Time(1_000)]) {
            match event {
                Event::Hold { request, executor: which, delay } => {
                    let who = executor(if which { "hedge" } else { "late" });
                    hedging.hold(id(request), &who, (at(now + delay), which.then_some(share)), (all.len(), which));
                    all.push((request, now + delay));
                }
                Event::Decided(request) => {
                    hedging.on_decided(id(request));
                    decided.insert(request);
                }
                Event::Time(more) => {
                    now += more;
                    hedging.on_time(at(now));
                }
            }
            for ((item, has_budget), fate) in given_back(&mut hedging) {
                let (request, start) = all[item];
                prop_assert!(back.insert(item), "once");
                match fate {
                    Fate::Decided => prop_assert!(decided.contains(&request)),
                    Fate::Started | Fate::Unaffordable => {
                        prop_assert!(start <= now && !decided.contains(&request));
                        prop_assert!(has_budget || fate == Fate::Started, "without a budget all can be afforded");
                        started += u64::from(has_budget && fate == Fate::Started);
                    }
                    Fate::Crowded => prop_assert!(false, "there is room"),
                }
            }
        }
        prop_assert_eq!(back.len(), all.len());
        prop_assert!(started * 10_000 <= 10_000 + all.len() as u64 * u64::from(parts));
        prop_assert!(hedging.next_start().is_none() && hedging.of_request.is_empty());
    }
}

#[test]
fn nothing_starts_before_its_time_and_equal_ones_in_order_of_arrival() {
    let mut hedging = Hedging::default();
    for (number, start) in [(1, 30), (2, 20), (3, 20)] {
        hedging.hold(id(number), &executor("b"), (at(start), None), number);
    }
    assert_eq!(hedging.next_start(), Some(at(20)));
    hedging.on_time(at(19));
    assert_eq!(given_back(&mut hedging), []);
    hedging.on_time(at(20));
    assert_eq!(given_back(&mut hedging), [(2, Fate::Started), (3, Fate::Started)]);
    assert_eq!(hedging.next_start(), Some(at(30)));
}

#[test]
fn a_verdict_spares_everybody_who_has_not_started_about_that_request() {
    let mut hedging = Hedging::default();
    hedging.hold(id(1), &executor("b"), (at(20), None), "b of 1");
    hedging.hold(id(1), &executor("c"), (at(30), None), "c of 1");
    hedging.hold(id(2), &executor("b"), (at(20), None), "b of 2");
    hedging.on_decided(id(1));
    assert_eq!(given_back(&mut hedging), [("b of 1", Fate::Decided), ("c of 1", Fate::Decided)]);
    hedging.on_time(at(40));
    assert_eq!(given_back(&mut hedging), [("b of 2", Fate::Started)]);
}

#[test]
fn a_result_that_is_read_before_its_request_spares_it_too() {
    let mut hedging = Hedging::default();
    hedging.on_decided(id(1));
    hedging.hold(id(1), &executor("b"), (at(20), None), "b");
    assert_eq!(given_back(&mut hedging), [("b", Fate::Decided)]);
}

#[test]
fn who_is_spared_spends_nothing() {
    let (mut hedging, share) = (Hedging::default(), Some(Share::new(1).unwrap()));
    for number in 0..100 {
        hedging.hold(id(number), &executor("b"), (at(20), share), number);
        if number < 99 {
            hedging.on_decided(id(number));
        }
    }
    hedging.on_time(at(20));
    assert_eq!(given_back(&mut hedging).pop(), Some((99, Fate::Started)));
}

#[test]
fn one_too_many_is_given_back_at_once() {
    let mut hedging = Hedging::default();
    for number in 0..=HELD_MAX {
        hedging.hold(id(1), &executor("b"), (at(20), None), number);
    }
    assert_eq!(given_back(&mut hedging), [(HELD_MAX, Fate::Crowded)]);
    assert_eq!(hedging.take_all().len(), HELD_MAX);
    assert_eq!(hedging.next_start(), None);
}

#[test]
fn no_more_decided_requests_are_remembered_than_there_is_room_for() {
    let mut hedging: Hedging<()> = Hedging::default();
    for number in 0..=DECIDED_MAX as u64 {
        hedging.on_decided(id(number));
    }
    assert_eq!((hedging.decided.known.len(), hedging.decided.order.len()), (DECIDED_MAX, DECIDED_MAX));
}

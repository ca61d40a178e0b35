//! Short and long budgets, many at once, and very many.

use super::*;

const LONG: &str = "\
rendezvous: test\nbudget: 300s\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- agree: 2\n  until: 300s\n- default: { class: none }\n";

fn scene() -> Scene {
    Scene::of(Versions::only(parsed(LONG, 1)))
}

fn asked(number: u128, born: Timestamp, budget: Budget) -> Request {
    Request { id: RequestId::from_uuid(Uuid::from_u128(number)), budget, ..request("1", born) }
}

fn emitted(scene: &mut Scene) -> usize {
    let outputs = std::iter::from_fn(|| scene.rendezvous.poll_output());
    outputs.filter(|output| matches!(output, Output::Emit(_))).count()
}

fn after(from: Timestamp, micros: u64) -> Timestamp {
    from.after(Duration::from_micros(micros))
}

#[test]
fn budgets_from_5_ms_to_5_minutes_end_on_time_and_leave_nothing_behind() {
    let mut scene = scene();
    let mut born = at("0");
    for (number, millis) in (1..).zip([5, 20, 50, 1_000, 30_000, 300_000]) {
        let budget = Budget::from_millis(millis);
        let request = asked(number, born, budget);
        scene.on_request(request.clone(), born, 0);
        let answer = || Reply::Answer(r#"{"class":"cat"}"#.into());
        scene.on_response(Response { request: request.id, ..response("a", "1", answer()) }, after(born, 1), 1);
        let deadline = budget.deadline(born);
        assert_eq!(scene.rendezvous.next_deadline(), Some(deadline));
        scene.on_time(deadline.before(Duration::from_micros(1)));
        assert_eq!(emitted(&mut scene), 0, "{millis} ms: before its deadline");
        scene.on_time(deadline);
        assert_eq!(emitted(&mut scene), 1, "{millis} ms: at its deadline");
        // Somebody is late, and somebody so late that nobody knows what about.
        scene.on_response(Response { request: request.id, ..response("b", "1", answer()) }, deadline, 2);
        born = deadline.after(decided::WINDOW);
        scene.on_time(born);
        scene.on_response(Response { request: request.id, ..response("c", "1", answer()) }, born, 3);
        born = born.after(Duration::from_secs(30));
        scene.on_time(born);
        let _ = tell(&mut scene);
        let Rendezvous { open, due, decided, .. } = &scene.rendezvous;
        assert!(open.is_empty() && due.is_empty() && !decided.has(&request.id), "{millis} ms: nothing is kept");
        assert_eq!((scene.rendezvous.oldest_orphan(), scene.rendezvous.next_deadline()), (None, None));
    }
}

#[test]
fn ten_thousand_that_expire_in_the_same_100_ms_are_each_answered_in_their_millisecond() {
    let mut scene = scene();
    let born = |number: u64| after(at("0"), number * 10);
    for number in 0..10_000 {
        scene.on_request(asked(u128::from(number) + 1, born(number), Budget::from_millis(50)), born(number), 0);
    }
    let mut answered = 0;
    for millis in 50..=150 {
        scene.on_time(after(at("0"), millis * 1_000));
        answered += emitted(&mut scene);
        assert_eq!(answered, ((usize::try_from(millis).unwrap() - 50) * 100 + 1).min(10_000), "at {millis} ms");
    }
    assert_eq!((answered, scene.rendezvous.open_requests()), (10_000, 0));
}

/// What a million cost is measured by `make bench ONLY=core`, and stands in `docs/edges.md`.
#[test]
fn open_requests_are_bounded_by_count_above_a_million_and_one_more_is_shed() {
    assert!(Rendezvous::default().open_max.0 >= 1_000_000);
    let mut scene = scene();
    scene.rendezvous.open_max = OpenMax(10_000);
    let budget = Budget::from_millis(300_000);
    for number in 1..=10_000 {
        scene.on_request(asked(number, at("0"), budget), at("0"), 0);
    }
    assert_eq!((emitted(&mut scene), scene.rendezvous.open_requests()), (0, 10_000));
    scene.on_request(asked(10_001, at("0"), budget), at("0"), 0);
    assert_eq!(tell(&mut scene), ["10001 none (default, shed)"]);
    // Of each there is one entry here and one there, of a fixed size: the body stays in the log.
    let Rendezvous { open, due, .. } = &scene.rendezvous;
    assert_eq!((open.len(), due.len()), (10_000, 10_000));
    assert!(open.capacity() < 20_000, "{}", open.capacity());
    assert!(std::mem::size_of::<Open>() <= 640, "{}", std::mem::size_of::<Open>());
    scene.on_time(budget.deadline(at("0")));
    assert_eq!((emitted(&mut scene), scene.rendezvous.open_requests()), (10_000, 0));
}

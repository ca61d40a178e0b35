//! Timelines of one judge, and the bounds.

use proptest::prelude::*;
use wire::RendezvousName;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis * 1_000)
}

fn request(number: usize) -> RequestId {
    RequestId::from_key(&RendezvousName::new("wine").unwrap(), &number.to_string())
}

fn executor(name: &str) -> ExecutorId {
    ExecutorId::new(name).unwrap()
}

fn hearing() -> Hearing<&'static str> {
    Hearing::new(Duration::from_secs(1))
}

fn judge(awaited: &str, until: i64) -> Judge<&'static str> {
    judge_called("judge", awaited, until)
}

fn judge_called(who: &'static str, awaited: &str, until: i64) -> Judge<&'static str> {
    Judge { who, awaited: awaited.split_whitespace().map(executor).collect(), until: at(until) }
}

/// Lets a judge of `a` and `b` with a wait of 10 ms play a timeline: `0:ask 3:a=1 10:b!`, `b!` being a failure.
fn play(timeline: &str) -> String {
    let (mut hearing, mut begun) = (hearing(), Vec::new());
    for event in timeline.split_whitespace() {
        let (time, event) = event.split_once(':').unwrap();
        let now = at(time.parse().unwrap());
        match (event, event.split_once('=')) {
            ("ask", _) => assert!(hearing.on_request(request(0), vec![judge("a b", 10)], now).is_empty()),
            ("tick", _) => hearing.on_time(now),
            (_, Some((who, answer))) => {
                hearing.on_response(request(0), executor(who), Some(Bytes::copy_from_slice(answer.as_bytes())), now);
            }
            (failed, None) => hearing.on_response(request(0), executor(failed.trim_end_matches('!')), None, now),
        }
        while let Some(Ready { answers, .. }) = hearing.poll_ready() {
            let answers: Vec<_> = answers
                .iter()
                .map(|(who, answer)| format!(" {who}={}", std::str::from_utf8(answer).unwrap()))
                .collect();
            begun.push(format!("{time}:{}", answers.concat()));
        }
    }
    begun.join("\n")
}

#[test]
fn it_begins_when_everybody_has_answered() {
    assert_eq!(play("0:ask 3:b=2 5:a=1 10:tick"), "5: a=1 b=2");
}

#[test]
fn a_failure_is_not_waited_for() {
    assert_eq!(play("0:ask 3:b! 5:a=1 10:tick"), "5: a=1");
    assert_eq!(play("0:ask 3:b! 5:a!"), "5:");
}

#[test]
fn it_begins_with_what_it_has_when_its_wait_is_over() {
    assert_eq!(play("0:ask 3:b=2 10:tick 12:a=1"), "10: b=2");
    assert_eq!(play("0:ask 10:tick"), "10:");
}

#[test]
fn time_comes_before_data() {
    assert_eq!(play("0:ask 3:b=2 10:a=1"), "10: b=2");
}

#[test]
fn a_response_may_be_read_before_its_request() {
    assert_eq!(play("0:a=1 1:b=2 2:ask"), "2: a=1 b=2");
    assert_eq!(play("0:a=1 2:ask 4:b=2"), "4: a=1 b=2");
    assert_eq!(play("0:a=1 12:ask"), "12: a=1", "the wait was over before the request was read");
}

#[test]
fn the_first_response_of_an_executor_counts() {
    assert_eq!(play("0:ask 1:a=1 2:a=9 3:b=2"), "3: a=1 b=2");
    assert_eq!(play("0:ask 1:a! 2:a=9 3:b=2"), "3: b=2");
}

#[test]
fn others_are_not_heard() {
    assert_eq!(play("0:ask 1:c=3 2:a=1 3:b=2"), "3: a=1 b=2");
}

#[test]
fn each_judge_of_a_request_waits_for_itself() {
    let mut hearing = hearing();
    let judges = vec![judge_called("one", "a", 10), judge_called("both", "a b", 10), judge_called("patient", "c", 20)];
    assert!(hearing.on_request(request(0), judges, at(0)).is_empty());
    hearing.on_response(request(0), executor("a"), None, at(1));
    let begun = |hearing: &mut Hearing<&'static str>| {
        std::iter::from_fn(|| hearing.poll_ready()).map(|ready| ready.who).collect::<Vec<_>>()
    };
    assert_eq!(begun(&mut hearing), ["one"]);
    hearing.on_time(at(10));
    assert_eq!(begun(&mut hearing), ["both"]);
    assert_eq!(hearing.next_deadline(), Some(at(20)));
    hearing.on_response(request(0), executor("c"), None, at(11));
    assert_eq!(begun(&mut hearing), ["patient"]);
    assert_eq!(hearing.next_deadline(), None);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut hearing = hearing();
    for number in 0..UNCLAIMED_MAX + 10 {
        hearing.on_response(request(number), executor("a"), Some(Bytes::from_static(&[b' '; 100])), at(0));
    }
    assert_eq!((hearing.mailboxes.len(), hearing.bytes), (UNCLAIMED_MAX, UNCLAIMED_MAX * 100));
    let large = Bytes::from(vec![b' '; BYTES_MAX - 5]);
    hearing.on_response(request(0), executor("b"), Some(large.clone()), at(0));
    assert!(hearing.bytes <= BYTES_MAX && hearing.mailboxes.len() == 1);
    hearing.on_time(at(1_000));
    assert_eq!((hearing.mailboxes.len(), hearing.bytes), (0, 0), "what no request claims is forgotten");

    let judges = (0..JUDGES_MAX).map(|_| judge("a b", 9_000)).collect();
    assert!(hearing.on_request(request(0), judges, at(1_000)).is_empty());
    assert_eq!(hearing.on_request(request(1), vec![judge("a", 9_000)], at(1_000)), ["judge"]);
    for executor_name in ["a", "b"] {
        hearing.on_response(request(0), executor(executor_name), Some(large.clone()), at(1_000));
    }
    let ready = hearing.poll_ready().unwrap();
    assert_eq!(ready.answers.len(), 1, "an answer without room is as if there were none");
    assert_eq!((hearing.mailboxes.len(), hearing.bytes, hearing.judges), (0, 0, 0));
}

proptest! {
    /// Whatever the order, a judge begins once, and with the same answers unless its wait cut them off.
    #[test]
    fn the_order_of_reading_changes_nothing(order in Just(vec!["ask", "a=1", "b=2", "a=1"]).prop_shuffle()) {
        let timeline: Vec<_> = order.iter().enumerate().map(|(time, event)| format!("{time}:{event}")).collect();
        let begun = play(&format!("{} 10:tick", timeline.join(" ")));
        prop_assert!(begun.ends_with(": a=1 b=2") && begun.lines().count() == 1, "{begun}");
    }
}

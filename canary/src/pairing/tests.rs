//! One request at a time.

use super::*;
use crate::testing::{Deed, Told, World, name, says};

const PATIENCE: Duration = Duration::from_secs(1);

fn pairing() -> Pairing {
    Pairing::new([name("next")], Limits { patience: PATIENCE, ..Limits::default() })
}

fn red(after: u64) -> Deed {
    says(after, "red", 0.9)
}

/// The request, the responses in their order, and the result.
fn story(next: Deed) -> ((Request, Timestamp), Vec<(Response, Timestamp)>, Given) {
    let world = World::new();
    let [requests, responses, results] =
        world.log([(world.request(1, 9.0, "a"), [red(10), red(20), next, red(30)])]).topics;
    let request =
        requests.into_iter().find_map(|told| if let Told::Request(one, at) = told { Some((one, at)) } else { None });
    let result = results.into_iter().find_map(|told| if let Told::Result(given) = told { Some(given) } else { None });
    let responses = responses
        .into_iter()
        .filter_map(|told| if let Told::Response(one, at) = told { Some((one, at)) } else { None });
    (request.expect("one"), responses.collect(), result.expect("one"))
}

fn tell(
    pairing: &mut Pairing,
    (request, at): &(Request, Timestamp),
    responses: &[(Response, Timestamp)],
    given: &Given,
) {
    pairing.on_request(0, request.clone(), *at);
    for (offset, (response, at)) in (0..).zip(responses) {
        pairing.on_response(offset, response.clone(), *at);
    }
    pairing.on_result(0, given.clone());
}

#[test]
fn what_is_complete_is_handed_out_at_once_and_only_once() {
    let (request, responses, given) = story(red(40));
    let mut pairing = pairing();
    tell(&mut pairing, &request, &responses, &given);
    let settled = pairing.poll_settled().expect("all is there");
    assert_eq!((settled.recorded.responses.len(), settled.evicted), (4, false));
    tell(&mut pairing, &request, &responses, &given);
    // A second copy of the request further on in the log.
    pairing.on_request(1, request.0, request.1);
    pairing.on_time(Timestamp::from_micros(i64::MAX));
    assert!(pairing.poll_settled().is_none());
    assert_eq!(pairing.held(), (0, 0));
}

#[test]
fn what_the_log_took_in_too_late_does_not_count_whenever_it_is_read() {
    let late = 50_000 + 1_000_001;
    for (after, heard) in [(late, 3), (late - 1, 4)] {
        let ((request, at), responses, given) = story(red(after));
        let mut pairing = pairing();
        for (offset, (response, at)) in (0..).zip(&responses) {
            pairing.on_response(offset, response.clone(), *at);
        }
        pairing.on_result(0, given);
        pairing.on_request(0, request, at);
        pairing.on_time(Timestamp::from_micros(i64::MAX));
        let settled = pairing.poll_settled().expect("it is due");
        assert_eq!(settled.recorded.responses.len(), heard);
    }
}

#[test]
fn nobody_reads_on_from_behind_what_is_still_needed() {
    let (request, responses, given) = story(None);
    let mut pairing = pairing();
    tell(&mut pairing, &request, &responses, &given);
    pairing.on_other(Place { topic: Topic::Results, offset: 7 });
    assert_eq!(pairing.positions(), Positions { requests: 0, responses: 0, results: 0 });
    let due = pairing.next_deadline().expect("it waits for the canary");
    pairing.on_time(due);
    assert!(pairing.poll_settled().is_none(), "what the log took in at that instant may not have been told");
    pairing.on_time(due.after(Duration::from_micros(1)));
    assert!(pairing.poll_settled().is_some());
    assert_eq!(pairing.positions(), Positions { requests: 1, responses: 3, results: 8 });
}

#[test]
fn who_asks_no_canary_is_left_out() {
    let (request, responses, given) = story(red(40));
    let mut pairing = Pairing::new([name("another")], Limits::default());
    tell(&mut pairing, &request, &responses, &given);
    pairing.on_time(Timestamp::from_micros(i64::MAX));
    assert!(pairing.poll_settled().is_none());
    assert_eq!(pairing.held(), (0, 0));
}

//! Requests of several versions at once: `ask(scene, "1", 2, None, …)` is request 1, pinned to version 2.

use std::collections::BTreeMap;

use policies::{Quantile, Version};

use super::*;

/// The ladder of the parent, its default saying which version spoke.
fn version(number: u64) -> Arc<Definition> {
    parsed(&LADDER.replace("none", &format!("none-{number}")), number)
}

/// The versions up to `newest`, which is live.
fn up_to(newest: u64) -> Versions {
    let all: BTreeMap<u64, Arc<Version>> =
        (1..=newest).map(|number| (number, Arc::new(Version::parsed(version(number))))).collect();
    Versions::new(all, version(newest), None)
}

fn ask(scene: &mut Scene, name: &str, version: u64, case: Option<&str>, millis: &str, offset: i64) {
    let mut asked = request(name, at(millis));
    asked.policy.version = version;
    asked.case = case.map(Arc::from);
    scene.on_request(asked, at(millis), offset);
}

#[test]
fn each_request_is_decided_by_the_version_in_its_header() {
    let mut scene = Scene::of(up_to(3));
    for number in 1..=3 {
        ask(&mut scene, &number.to_string(), number, None, "0", 0);
    }
    scene.on_time(at("50"));
    let defaults = [1, 2, 3].map(|number| format!("{number} none-{number} (default, too_few)"));
    assert_eq!(tell(&mut scene), defaults);
}

#[test]
fn an_edit_changes_nothing_for_what_is_open() {
    let mut scene = Scene::of(up_to(1));
    ask(&mut scene, "1", 1, None, "0", 0);
    scene.edit(up_to(2));
    scene.on_time(at("50"));
    assert_eq!(tell(&mut scene), ["1 none-1 (default, too_few)"]);
}

#[test]
fn a_request_waits_for_its_version_with_its_responses_and_its_clock_runs_on() {
    let mut scene = Scene::of(up_to(1));
    ask(&mut scene, "1", 2, None, "0", 0);
    ask(&mut scene, "2", 2, None, "0", 1);
    play(&mut scene, "5:a1=cat", 2);
    play(&mut scene, "6:b1=cat", 3);
    play(&mut scene, "7:1", 4);
    assert_eq!(tell(&mut scene), ["parked 1", "parked 2", "copy 1"]);
    assert_eq!((scene.rendezvous.open_requests(), scene.rendezvous.oldest_orphan()), (2, Some(2)));
    scene.edit(up_to(2));
    assert_eq!(tell(&mut scene), ["1 cat (agree, early)"]);
    assert_eq!(scene.rendezvous.oldest_orphan(), None);
    assert_eq!(scene.rendezvous.next_deadline(), Some(at("30")), "since its birth, and not since its version came");
    scene.on_time(at("49"));
    assert_eq!(scene.rendezvous.next_deadline(), Some(at("50")));
    scene.on_time(at("50"));
    assert_eq!(tell(&mut scene), ["2 none-2 (default, too_few)"]);
}

#[test]
fn a_version_that_comes_late_still_decides_what_it_would_have() {
    let mut scene = Scene::of(up_to(1));
    ask(&mut scene, "1", 2, None, "0", 0);
    play(&mut scene, "5:a1=dog", 1);
    play(&mut scene, "31:b1=cat", 2);
    play(&mut scene, "32:c1=cat", 3);
    scene.edit(up_to(2));
    scene.on_time(at("45"));
    let told = tell(&mut scene);
    assert_eq!(told[..2], ["parked 1", "1 dog (first, early)"], "the first clause had ended at 30");
}

#[test]
fn a_version_that_never_comes_hangs_nothing() {
    let mut scene = Scene::of(up_to(2));
    ask(&mut scene, "1", u64::MAX, None, "0", 0);
    assert_eq!(scene.rendezvous.next_deadline(), Some(at("50")));
    scene.on_time(at("50"));
    assert_eq!(tell(&mut scene), ["parked 1", "unheard 1", "1 none-2 (default, deadline)"]);
    play(&mut scene, "51:a1=cat", 1);
    assert_eq!(tell(&mut scene), ["late a1"]);
    assert_eq!((scene.rendezvous.open_requests(), scene.rendezvous.next_deadline()), (0, None));
}

#[test]
fn nobody_waits_for_a_version_longer_than_responses_are_kept() {
    let mut scene = Scene::of(up_to(1));
    let mut asked = request("1", at("0"));
    (asked.policy.version, asked.budget) = (2, Budget::from_millis(86_400_000));
    scene.on_request(asked, at("0"), 0);
    assert_eq!(scene.rendezvous.next_deadline(), Some(at("30000")));
}

#[test]
fn what_waits_for_versions_is_bounded() {
    let mut scene = Scene::of(up_to(1));
    for number in 0..65_537 {
        ask(&mut scene, &number.to_string(), 2, None, "0", number);
    }
    let told = tell(&mut scene);
    assert_eq!(told[told.len() - 2..], ["unheard 65536", "65536 none-1 (default, shed)"]);
    assert_eq!(scene.rendezvous.open_requests(), 65_536);
}

#[test]
fn a_case_decides_in_its_own_way_and_time() {
    let cases = format!(
        "{LADDER}cases:\n- case: gold\n  when: \"true\"\n  budget: 20ms\n  decide:\n  - first: any\n    until: 20ms\n"
    );
    let mut scene = Scene::of(Versions::only(parsed(&cases, 1)));
    ask(&mut scene, "1", 1, Some("gold"), "0", 0);
    play(&mut scene, "5:a1=cat", 1);
    assert_eq!(tell(&mut scene), ["1 cat (first, early)"]);
    ask(&mut scene, "2", 1, Some("gold"), "0", 2);
    assert_eq!(scene.rendezvous.next_deadline(), Some(at("20")), "the request asks for 50 ms");
}

#[test]
fn a_case_that_the_version_does_not_have_is_none_and_counted() {
    let mut scene = Scene::of(up_to(1));
    ask(&mut scene, "1", 1, Some("gold"), "0", 0);
    scene.on_time(at("50"));
    assert_eq!(tell(&mut scene), ["no such case 1", "1 none-1 (default, too_few)"]);
}

#[test]
fn how_fast_an_executor_is_is_measured_on_answers_before_their_request_was_read_and_after_its_verdict() {
    let mut scene = Scene::of(up_to(1));
    (0..15).for_each(|number| play(&mut scene, &format!("3:a{number}=cat"), number));
    for number in 0..30 {
        ask(&mut scene, &number.to_string(), 1, None, "0", number);
    }
    scene.on_time(at("50"));
    (15..30).for_each(|number| play(&mut scene, &format!("90:a{number}=cat"), number));
    scene.surroundings.on_time(at("500"));
    let a = wire::ExecutorId::new("a").expect("a name");
    let latency = |quantile| scene.surroundings.speeds.latencies().of(&a, quantile).map(|took| took.as_millis());
    assert_eq!((latency(Quantile::P50), latency(Quantile::P90)), (Some(3), Some(90)));
}

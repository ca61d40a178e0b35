//! What a policy allows is done about its canaries by itself, with a written reason, and requests notice nothing of it.

use std::{sync::Arc, time::Duration};

use bus::{Bus, Clock, EmbeddedBus};
use policies::{Definition, Entry};
use tokio::time::timeout;
use wire::Deed;

use crate::rendezvous::{PATIENCE, Rendezvous};
use hedgerow::app::Role;

const COMPARED: [Role; 4] = [Role::Collector, Role::Executors, Role::Comparison, Role::Starter];

/// A canary that answers `says`, compared from its first answer on.
fn policy(says: &str, acts: &str) -> String {
    format!(
        "
rendezvous: NAME
budget: 5s
input: {{ features: [x] }}
answer: {{ value: class }}
executors:
  forest: {{ constant: {{ answer: {{ class: red }} }} }}
  next: {{ constant: {{ answer: {{ class: {says} }}, delay: 1ms }}, canary: {{ of: forest, warm_up: 0s, no_worse_by: {{ agreement: 5%, failures: 5% }}, acts: {acts} }} }} # on trial
decide:
  - prefer: [forest]
    until: 5s
  - default: {{ class: unknown }}
"
    )
}

/// Asks enough for a verdict, and goes on asking until a version is live that nobody asked for; returns how many asked and
/// what came.
async fn ask_until_acted(rendezvous: &Rendezvous) -> (usize, Entry) {
    let name = rendezvous.app.definition().name().clone();
    let mut history = rendezvous.follower.history(&name).unwrap();
    let mut asked = 0;
    let acted = async {
        while history.borrow_and_update().newest() < 2 {
            let batch = if asked == 0 { 800 } else { 20 };
            let bodies: Vec<String> = (0..batch).map(|x| format!(r#"{{"x":{}}}"#, asked + x)).collect();
            rendezvous.ask_all(&bodies).await;
            asked += bodies.len();
            // No news within a moment: then it is asked on.
            let _ = timeout(Duration::from_millis(500), history.changed()).await;
        }
    };
    timeout(PATIENCE, acted).await.expect("it is acted on");
    // Stations see what is live a moment after the history knows it.
    let mut versions = rendezvous.app.versions.clone();
    timeout(PATIENCE, versions.wait_for(|versions| versions.live().policy_ref.version == 2)).await.unwrap().unwrap();
    let entry = history.borrow().entry(2).unwrap().clone();
    (asked, entry)
}

fn canaries(definition: &Definition) -> usize {
    definition.executors.iter().filter(|spec| spec.canary.is_some()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_canary_is_rejected_by_itself_with_a_reason_and_no_request_is_lost() {
    let clock = Clock::system();
    let bus: Arc<dyn Bus> = EmbeddedBus::new(clock.clone());
    let policy = policy("white", "{ reject: worse, after: 50 }");
    let rendezvous = Rendezvous::start(bus, clock, &policy, &COMPARED).await;
    let (asked, entry) = ask_until_acted(&rendezvous).await;
    assert_eq!(entry.author, "hedgerow");
    assert!(
        entry.message.contains("`next` is worse than `forest`") && entry.message.contains('%'),
        "{}",
        entry.message
    );
    let act = entry.canary.unwrap();
    assert_eq!((act.canary.as_str(), act.act), ("next", Deed::Reject));
    assert!(act.report.unwrap().compared >= 50);
    let live = rendezvous.app.definition();
    assert!(!live.text.contains("next") && live.executors.len() == 1, "{}", live.text);
    rendezvous.ask_all(&(0..40).map(|x| format!(r#"{{"x":{}}}"#, asked + x)).collect::<Vec<_>>()).await;
    rendezvous.has_results(asked + 40).await;
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_canary_is_promoted_by_itself_once_though_two_stations_look() {
    let clock = Clock::system();
    let bus: Arc<dyn Bus> = EmbeddedBus::new(clock.clone());
    let policy = policy("red", "{ promote: no_worse, after: 50 }");
    let rendezvous = Rendezvous::start(bus, clock, &policy, &COMPARED).await;
    let second = rendezvous.another_process(&[Role::Comparison]).await;
    let (asked, entry) = ask_until_acted(&rendezvous).await;
    let act = entry.canary.unwrap();
    assert_eq!((entry.author.as_str(), act.act), ("hedgerow", Deed::Promote));
    let live = rendezvous.app.definition();
    assert!(canaries(&live) == 0 && live.executors.len() == 2 && live.text.contains("# on trial"), "{}", live.text);
    rendezvous.has_results(asked).await;
    second.stop().await.unwrap();
    let history = rendezvous.follower.history(live.name()).unwrap();
    assert_eq!((history.borrow().newest(), history.borrow().refused().count()), (2, 0));
    rendezvous.stop().await;
}

//! Policies that are edited while they run.

use policies::DecidedBy;

use crate::rendezvous::{ALL, Rendezvous, archived, body};

/// One that answers at once, and an archive.
pub(crate) const ARCHIVED: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class }
executors:
  quick: { constant: { answer: { class: 1 } } }
decoy: { archive: one, every: 60s }
decide:
  - prefer: [quick]
    until: 20s
  - default: { class: unknown }
";

pub(crate) async fn an_edit_is_taken_by_every_station_without_a_restart(rendezvous: Rendezvous) {
    let before = rendezvous.ask(r#"{"x": 1}"#).await.unwrap();
    assert_eq!((before.result.policy.version, body(&before).answer["class"].clone()), (1, 1.into()));
    let better = "  better: { constant: { answer: { class: 2 } } }\n";
    let edited =
        ARCHIVED.replace("decoy:", &format!("{better}decoy:")).replace("prefer: [quick]", "prefer: [better, quick]");
    assert_eq!(rendezvous.apply(&edited).await, 2);
    let after = rendezvous.ask(r#"{"x": 2}"#).await.unwrap();
    let said = body(&after);
    assert_eq!((after.result.policy.version, said.answer["class"].clone()), (2, 2.into()));
    assert_eq!(said.decision.decided_by, DecidedBy::Prefer);
    rendezvous.has_results(2).await;
    rendezvous.stop().await;
}

pub(crate) async fn a_station_that_starts_finds_the_live_version(rendezvous: Rendezvous) {
    rendezvous.apply(&ARCHIVED.replace("class: 1", "class: 3")).await;
    let another = rendezvous.another_process(&ALL).await;
    let answered = rendezvous.ask_of(another.starter.as_ref().unwrap(), r#"{"x": 1}"#).await;
    assert_eq!((answered.result.policy.version, body(&answered).answer["class"].clone()), (2, 3.into()));
    another.stop().await.unwrap();
    rendezvous.stop().await;
}

pub(crate) async fn an_edit_of_the_decoy_restarts_it_alone_and_archives_everything_once(rendezvous: Rendezvous) {
    let mut asked = 0;
    let mut ask = async |count: usize| {
        let bodies: Vec<String> = (asked..asked + count).map(|x| format!("{{\"x\":{x}}}")).collect();
        rendezvous.ask_all(&bodies).await;
        asked += count;
    };
    ask(50).await;
    rendezvous.apply(&ARCHIVED.replace("every: 60s", "every: 50s")).await;
    ask(50).await;
    let moved = ARCHIVED.replace("archive: one, every: 60s", "archive: two, every: 300ms");
    rendezvous.apply(&moved).await;
    ask(50).await;
    let none = ARCHIVED.replace("decoy: { archive: one, every: 60s }\n", "");
    rendezvous.apply(&none).await;
    ask(50).await;
    rendezvous.apply(&moved).await;
    ask(50).await;
    rendezvous.has_results(250).await;
    rendezvous.has_archived(250).await;
    let folder = rendezvous.stop().await;
    let mut bodies: Vec<String> = archived(folder.path())
        .into_iter()
        .map(|record| String::from_utf8(record.received.record.payload.unwrap().to_vec()).unwrap())
        .collect();
    let archived = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!((archived, bodies.len()), (250, 250), "nothing missing, nothing doubled");
}

//! A WebAssembly component decides: the example, in a rendezvous.

use std::fs;

use bus::{Clock, EmbeddedBus};
use policies::DecidedBy;
use tempfile::TempDir;

use crate::rendezvous::{ALL, Rendezvous, body};

#[tokio::test(flavor = "multi_thread")]
async fn a_component_answers_in_a_rendezvous() {
    let (clock, folder) = (Clock::system(), TempDir::new().unwrap());
    let file = folder.path().join("rank.wasm");
    fs::write(&file, component::rank().unwrap_or_else(|problem| panic!("{problem:#}"))).unwrap();
    // The example's own policy, under a name of its own and with a budget that no machine is too slow for.
    let policy = include_str!("../../examples/wasm/policy.yaml")
        .replace("rendezvous: cellar", "rendezvous: NAME")
        .replace("../../target/wasm/rank.wasm", &file.to_string_lossy())
        .replace("100ms", "20s")
        .replace("60ms", "15s")
        .replace("80ms", "18s");
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, &policy, &ALL).await;
    let bodies: Vec<String> = (0..50)
        .map(|number| format!(r#"{{"alcohol":{},"sulphates":0.7,"volatile_acidity":0.3}}"#, 9 + number % 5))
        .collect();
    for (number, answered) in rendezvous.ask_all(&bodies).await.iter().enumerate() {
        let said = body(answered);
        assert_eq!(said.decision.decided_by, DecidedBy::Prefer);
        // 2.2 + 0.31 × alcohol + 0.94 × 0.7 − 1.09 × 0.3, by hand.
        let class = if number % 5 >= 1 { "fine" } else { "plain" };
        assert_eq!(said.answer["class"], class, "{}", said.answer);
    }
    rendezvous.stop().await;
}

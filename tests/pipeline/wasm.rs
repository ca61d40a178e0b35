//! A WebAssembly component decides: the example, in a rendezvous.

use std::fs;

use tempfile::TempDir;

use crate::python::answers_about_bottles;

#[tokio::test(flavor = "multi_thread")]
async fn a_component_answers_in_a_rendezvous() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rank.wasm");
    fs::write(&file, component::rank().unwrap_or_else(|problem| panic!("{problem:#}"))).unwrap();
    // The example's own policy, under a name of its own and with a budget that no machine is too slow for.
    let policy = include_str!("../../examples/wasm/policy.yaml")
        .replace("rendezvous: cellar", "rendezvous: NAME")
        .replace("../../target/wasm/rank.wasm", &file.to_string_lossy())
        .replace("100ms", "20s")
        .replace("60ms", "15s")
        .replace("80ms", "18s");
    answers_about_bottles(&policy).await;
}

//! The console alone, beside stations that run in other processes, on a real Kafka.

use std::process::Command;

use broker::Broker;
use reqwest::Client;
use tokio::time::timeout;

use crate::process::{PATIENCE, Process, hedgerow, policy};

/// One station, as a process of its own.
fn run(words: &[&str], name: &str, brokers: &str) -> Process {
    let folder = policy(name);
    let mut command: Command = hedgerow(&folder);
    command.arg("run").args(words).args(["--brokers", brokers, "--listen", "127.0.0.1:0"]);
    Process::start(folder, command)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_alone_shows_what_stations_in_other_processes_do() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let name = format!("console-{}", std::process::id());
    let station = |station: &str| tokio::task::block_in_place(|| run(&[station, "policy.yaml"], &name, brokers));
    let (_collector, _executors, _comparison) = (station("collector"), station("executors"), station("comparison"));
    let starter = station("starter");
    let console = tokio::task::block_in_place(|| run(&["console"], &name, brokers));
    let url = format!("{}/v2/models/{name}/infer", starter.front);
    let asked = Client::new().post(url).body("{\"x\": 1}").timeout(PATIENCE).send().await.unwrap();
    let id = asked.headers()["hedgerow-request-id"].to_str().unwrap().to_owned();

    let visitor = console.visitor(None);
    let counted = async { while visitor.json(&format!("/api/v1/rendezvous/{name}")).await["results"] != 1 {} };
    timeout(PATIENCE, counted).await.expect("its result is counted");
    assert!(visitor.main("/").await.contains(&name));
    let root = format!("/rendezvous/{name}");
    for below in ["", "/policy", "/canaries", "/canaries/next", "/playground", &format!("/requests/{id}")] {
        assert_eq!(visitor.page(&format!("{root}{below}")).await.status(), 200, "{below}");
    }
    let told = visitor.json(&format!("/api/v1{root}/requests/{id}")).await;
    assert_eq!(told["verdict"]["kind"], "prediction", "{told}");
    let value = visitor.json(&format!("/api/v1{root}/value-of-time")).await;
    assert_eq!(value["replayed"], 1, "{value}");
    let folder = policy(&name);
    let mut command = hedgerow(&folder);
    command.args(["what-if", &name, "--time", "--json", "--brokers", brokers]);
    let printed = tokio::task::block_in_place(|| command.output()).unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(
        (&printed["points"], &printed["replayed"]),
        (&value["points"], &value["replayed"]),
        "the command says so too"
    );
    assert!(visitor.main(&format!("{root}/playground")).await.contains("no starter"), "it asks nobody itself");
    assert_eq!(visitor.page("/v2").await.status(), 404, "it is no front door");
}

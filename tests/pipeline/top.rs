//! `hedgerow top` as people run it: against a process, and against the log.

use std::{future::IntoFuture as _, process::Command, sync::Arc};

use broker::Broker;
use bus::{Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use hedgerow::{
    door::Shelf,
    measuring::{Measuring, measures_routes},
};
use serde_json::Value;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    cases::COUNTED,
    rendezvous::{PATIENCE, Rendezvous, UNARCHIVED},
};

const ASKED: usize = 20;

/// Runs `hedgerow top`; returns its exit code and what it printed and said.
async fn top(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.arg("top").args(arguments).env("NO_COLOR", "1").env_remove("BROKERS").env("RUST_LOG", "warn");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Asks for the numbers until all are counted.
async fn counted(arguments: &[&str]) -> Value {
    let enough = async {
        loop {
            let (code, printed, said) = top(arguments).await;
            assert_eq!(code, Some(0), "{said}");
            let mut all: Value = serde_json::from_str(&printed).unwrap();
            let one = all["rendezvous"][0].take();
            if one["results"] == ASKED && one["objectives"][0]["results"] == ASKED {
                return one;
            }
        }
    };
    timeout(PATIENCE, enough).await.expect("every result is counted")
}

async fn ask(rendezvous: &Rendezvous) {
    let bodies: Vec<String> = (0..ASKED).map(|x| format!("{{\"x\": {x}}}")).collect();
    rendezvous.ask_all(&bodies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_a_process_and_names_what_there_is_not() {
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, COUNTED, &UNARCHIVED).await;
    ask(&rendezvous).await;
    let (versions, name) = (rendezvous.app.versions.clone(), rendezvous.app.definition().name().clone());
    let (shelved, ours) = (name.clone(), name.clone());
    let shelf: Shelf = Arc::new(move |name| (*name == shelved).then(|| Arc::clone(&versions.borrow())));
    let (bus, clock) = (Arc::clone(&rendezvous.app.bus), rendezvous.app.clock.clone());
    let measuring = Arc::new(Measuring::new(bus, clock, CancellationToken::new()));
    let routes = measures_routes(measuring, shelf, Arc::new(move || vec![ours.clone()]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());

    let one = counted(&["--json", "--at", &at]).await;
    assert_eq!((one["rendezvous"].as_str(), one["objectives"][0]["good"].as_u64()), (Some(name.as_str()), Some(20)));
    let (code, printed, _) = top(&[name.as_str(), "--at", &at, "--over", "5m"]).await;
    assert_eq!(code, Some(0));
    assert!(printed.starts_with(&format!("{name}@1")) && printed.contains("in the last 5m 20"), "{printed}");
    assert!(!printed.contains('\x1b'), "no terminal, no control characters: {printed:?}");
    let (code, _, said) = top(&["nobody", "--at", &at]).await;
    assert!(code == Some(1) && said.contains("there is no rendezvous `nobody`"), "{said}");
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn top_reads_the_log_also_when_every_process_is_gone() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let bus = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
    let rendezvous = Rendezvous::start(bus, Clock::system(), COUNTED, &UNARCHIVED).await;
    ask(&rendezvous).await;
    let name = rendezvous.app.definition().name().to_string();
    rendezvous.stop().await;
    let one = counted(&[&name, "--json", "--brokers", brokers]).await;
    assert_eq!(one["executors"][0]["useful"].as_u64(), Some(20));
}

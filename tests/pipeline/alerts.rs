//! Who is told what is wrong: over HTTP, by one of several processes, and by the command itself.

use std::{process::Command, sync::Arc, time::Duration};

use alarms::{DependencyKind, Rules, State};
use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use control::Follower;
use hedgerow::{
    alerting::{self, AlertArgs, Alerts, Looks, Receivers, Watch},
    app::Role,
    health::Checkup,
    lagging::Lagging,
    measuring::Measuring,
    scrape,
};
use policies::Definition;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use wire::{Action, Apply, ApplyMode, RendezvousName};

use crate::{
    processes::Deployment,
    receiver::{Receiver, Reply},
    rendezvous::{PATIENCE, Rendezvous, UNARCHIVED},
};

const POLICY: &str = "
rendezvous: NAME
budget: 30s
input: { features: [x] }
answer: { value: class }
executors:
  forest: { constant: { answer: { class: 1 } } }
decide:
  - first:
    until: 20s
  - default: { class: unknown }
";

/// A process that tells of alerts.
struct Teller {
    looks: Looks,
    watch: Arc<Watch>,
    receivers: Receivers,
    registry: Registry,
    stop: CancellationToken,
}

// === impl Teller ===

impl Teller {
    /// Begins to tell `webhook`, and `slack` if there is one.
    async fn start(bus: Arc<dyn Bus>, webhook: &Receiver, slack: Option<&Receiver>) -> Self {
        Self::start_at(Clock::system(), bus, webhook, slack).await
    }

    /// The same, at the time of `clock`.
    async fn start_at(clock: Clock, bus: Arc<dyn Bus>, webhook: &Receiver, slack: Option<&Receiver>) -> Self {
        let stop = CancellationToken::new();
        let follower = Follower::start(Arc::clone(&bus), clock.clone(), Arc::default(), stop.clone()).await.unwrap();
        let args = AlertArgs {
            alert_webhook: Some(webhook.url.clone()),
            alert_slack: slack.map(|slack| slack.url.clone()),
            console_url: Some("https://hedgerow.example".to_owned()),
            ..AlertArgs::default()
        };
        let mut wanted = args.wanted().unwrap();
        let millis = Duration::from_millis;
        wanted.rules = Rules { holds: millis(200), clears: millis(400), backoff_min: millis(10), ..Rules::default() };
        let looks = Looks {
            measuring: Arc::new(Measuring::new(Arc::clone(&bus), clock.clone(), stop.clone())),
            lagging: Arc::new(Lagging::new(Arc::clone(&bus), clock.clone())),
            bus,
            clock,
            follower,
        };
        let (watch, mut registry) = (Arc::new(Watch::new(looks.clone())), Registry::default());
        let receivers = alerting::start(wanted, Arc::clone(&watch), &mut registry, stop.clone()).unwrap();
        Self { looks, watch, receivers, registry, stop }
    }

    async fn publish(&self, name: &RendezvousName, action: Action) {
        let change = self.looks.follower.change(name, "ann", "", action);
        timeout(PATIENCE, self.looks.follower.publish(change)).await.unwrap().unwrap();
    }

    /// Puts a version on trial and takes it back.
    async fn withdraw(&self, name: &RendezvousName) {
        let shadow = Apply { mode: ApplyMode::Shadow, ..Apply::live(policy(name).into(), 1) };
        self.publish(name, Action::Apply(shadow)).await;
        self.publish(name, Action::Withdraw { version: 2, reason: "it was worse".to_owned() }).await;
    }

    /// Makes a newer version live: then nobody is interested in the one that was withdrawn.
    async fn supersede(&self, name: &RendezvousName) {
        self.publish(name, Action::Apply(Apply::live(policy(name).into(), 2))).await;
    }

    /// Waits until the receiver of that place is known to have taken what it was sent.
    async fn knows_that_it_takes(&self) {
        let known = async {
            while self.receivers.standings()[0].takes != Some(true) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, known).await.unwrap();
    }
}

fn policy(name: &RendezvousName) -> String {
    POLICY.replace("NAME", name.as_str())
}

/// Makes the first version of a policy.
async fn first(teller: &Teller) -> RendezvousName {
    let name = RendezvousName::new("wine").unwrap();
    let definition = Arc::new(Definition::parse("test", &policy(&name)).unwrap());
    teller.looks.follower.ensure_first(&definition, "ann", "test").await.unwrap();
    name
}

fn embedded() -> Arc<EmbeddedBus> {
    EmbeddedBus::new(Clock::system())
}

fn statuses(sent: &[Value]) -> Vec<&str> {
    sent.iter().map(|one| one["status"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_twice_is_told_in_the_end() {
    let webhook = Receiver::start(&[Reply::Status(500), Reply::Status(429)]).await;
    let teller = Teller::start(embedded(), &webhook, None).await;
    let name = first(&teller).await;
    teller.withdraw(&name).await;
    let sent = webhook.has(3).await;
    assert_eq!(
        sent[2],
        json!({
            "format": 1,
            "status": "firing",
            "reminder": false,
            "dedup_key": "hedgerow/policy_withdrawn/wine/version 2",
            "kind": "policy_withdrawn",
            "severity": "ticket",
            "rendezvous": "wine",
            "subject": "version 2",
            "summary": "the trial of version 2 was ended by ann: it was worse",
            "since": sent[2]["since"],
            "at": sent[2]["at"],
            "url": "https://hedgerow.example/rendezvous/wine/policy?version=2",
        })
    );
    teller.knows_that_it_takes().await;
    teller.supersede(&name).await;
    let sent = webhook.has(4).await;
    assert_eq!(statuses(&sent), ["firing", "firing", "firing", "resolved"]);
    assert!(sent.iter().all(|one| one["dedup_key"] == sent[0]["dedup_key"]));
    let page = scrape::open_metrics(&teller.registry);
    let failed = "hedgerow_notifications_total{receiver=\"webhook\",outcome=\"failed\"} 2\n";
    assert!(page.contains(failed), "{page}");
    teller.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_keeps_nothing_from_the_others_nor_from_callers() {
    let (webhook, slack) = (Receiver::start(&[Reply::Never; 100]).await, Receiver::start(&[]).await);
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, POLICY, &UNARCHIVED).await;
    let name = rendezvous.app.definition().name().clone();
    let teller = Teller::start(Arc::clone(&rendezvous.app.bus), &webhook, Some(&slack)).await;
    teller.withdraw(&name).await;
    webhook.has(1).await;
    slack.has(1).await;
    let bodies: Vec<String> = (0..20).map(|x| format!("{{\"x\": {x}}}")).collect();
    assert_eq!(rendezvous.ask_all(&bodies).await.len(), 20);
    teller.supersede(&name).await;
    let sent = slack.has(2).await;
    let texts: Vec<&str> = sent.iter().map(|one| one["text"].as_str().unwrap()).collect();
    let of = |state: &str| format!("{state}: {name}: the trial of version 2 was ended by ann: it was worse");
    assert_eq!(texts, [of("Soon"), of("Resolved")]);
    assert_eq!(
        sent[0]["blocks"][3]["elements"][0]["url"],
        format!("https://hedgerow.example/rendezvous/{name}/policy?version=2")
    );
    teller.stop.cancel();
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_is_told_what_holds_when_it_has_answered() {
    let webhook = Receiver::start(&[Reply::Waits]).await;
    let teller = Teller::start(embedded(), &webhook, None).await;
    let name = first(&teller).await;
    teller.withdraw(&name).await;
    webhook.has(1).await;
    teller.supersede(&name).await;
    let gone = async {
        while !Alerts::of(&teller.watch).await.conditions.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(webhook.sent().len(), 1, "one is under way");
    webhook.let_go();
    assert_eq!(statuses(&webhook.has(2).await), ["firing", "resolved"]);
    teller.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_away_is_told_and_shown_and_so_is_its_return() {
    let (webhook, bus) = (Receiver::start(&[]).await, embedded());
    let teller = Teller::start(Arc::<EmbeddedBus>::clone(&bus), &webhook, None).await;
    let checkup = Checkup::start(teller.looks.clone(), teller.receivers.clone(), teller.stop.clone());
    let state_of = async |wanted: DependencyKind| {
        let health = checkup.health().await;
        let found = health.dependencies.iter().find(|one| one.kind == wanted).unwrap();
        (health.is_healthy, found.state, found.since_us.is_some())
    };
    let becomes = async |healthy: bool, state: State| {
        while state_of(DependencyKind::Bus).await != (healthy, state, true) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, becomes(true, State::Up)).await.unwrap();
    bus.faults().interrupt();
    let sent = webhook.has(1).await;
    assert_eq!(sent[0]["dedup_key"], "hedgerow/dependency_down/-/bus");
    assert_eq!(sent[0]["url"], "https://hedgerow.example/health");
    timeout(PATIENCE, becomes(false, State::Down)).await.unwrap();
    assert_eq!(state_of(DependencyKind::Receiver).await, (false, State::Up, true));
    assert_eq!(state_of(DependencyKind::Control).await, (false, State::Unknown, false));
    bus.faults().restore();
    assert_eq!(statuses(&webhook.has(2).await), ["firing", "resolved"]);
    timeout(PATIENCE, becomes(true, State::Up)).await.unwrap();
    teller.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_does_not_get_on_is_told_until_it_does() {
    let (bus, webhook) = (embedded(), Receiver::start(&[]).await);
    let archived = format!("{POLICY}decoy: {{ archive: archive, every: 1s }}\n");
    let rendezvous = Rendezvous::start(bus.clone(), Clock::system(), &archived, &UNARCHIVED).await;
    let name = rendezvous.app.definition().name().clone();
    // What was never archived does not stand still, so something of each partition is.
    let decoy = rendezvous.another(Role::Decoy).await;
    for number in 0..100 {
        rendezvous.ask(&format!("{{\"x\": {number}}}")).await.unwrap();
    }
    rendezvous.has_archived(100).await;
    decoy.stop().await.unwrap();
    rendezvous.ask(r#"{"x": 100}"#).await.unwrap();

    // An hour later; from then on time runs a hundred times as fast.
    let clock = Clock::standing_at(Clock::system().now().after(Duration::from_hours(1)));
    let hands = clock.clone();
    let running = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            hands.advance(Duration::from_secs(1));
        }
    });
    let teller = Teller::start_at(clock, bus, &webhook, None).await;
    let sent = webhook.has(1).await;
    assert_eq!(sent[0]["dedup_key"], format!("hedgerow/archive_stalled/{name}/archive"));
    assert_eq!(sent[0]["severity"], "page");
    let summary = sent[0]["summary"].as_str().unwrap();
    assert!(summary.starts_with("archive is behind by 1h") && summary.contains(" and 1 inputs: "), "{summary}");

    let decoy = rendezvous.another(Role::Decoy).await;
    let sent = webhook.has(2).await;
    assert_eq!((statuses(&sent), &sent[1]["dedup_key"]), (vec!["firing", "resolved"], &sent[0]["dedup_key"]));
    running.abort();
    teller.stop.cancel();
    decoy.stop().await.unwrap();
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_processes_tells_and_its_successor_goes_on() {
    one_tells_and_its_successor_goes_on(embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_kafka_too_one_of_several_processes_tells_and_its_successor_goes_on() {
    // Its own, because who tells on a log tells of every rendezvous of it.
    let broker = tokio::task::spawn_blocking(Broker::start).await.unwrap().unwrap();
    let bus = KafkaBus::connect(KafkaSettings::new(broker.bootstrap())).unwrap();
    one_tells_and_its_successor_goes_on(Arc::new(bus)).await;
}

async fn one_tells_and_its_successor_goes_on(bus: Arc<dyn Bus>) {
    let (of_one, of_two) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let one = Teller::start(Arc::clone(&bus), &of_one, None).await;
    let name = first(&one).await;
    one.withdraw(&name).await;
    of_one.has(1).await;
    one.knows_that_it_takes().await;
    let two = Teller::start(bus, &of_two, None).await;
    one.stop.cancel();
    two.supersede(&name).await;
    assert_eq!(statuses(&of_two.has(1).await), ["resolved"], "that it holds was told already");
    assert_eq!(statuses(&of_one.sent()), ["firing"]);
    two.stop.cancel();
}

/// One is as slow as can be until it is edited; without it there is an answer all the same.
const MORTAL: &str = "
rendezvous: NAME
budget: 300ms
input: { features: [x] }
answer: { value: class }
executors:
  steady: { constant: { answer: { class: 1 } } }
  mortal: { constant: { answer: { class: 2 }, delay: 2s }, breaker: { min: 3, window: 2s, pause: 1s } }
decide:
  - prefer: [mortal, steady]
    until: 100ms
  - default: { class: unknown }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_opens_and_a_trial_that_is_withdrawn_are_told_once_each_and_then_resolved() {
    let (webhook, deployment) = (Receiver::start(&[]).await, Deployment::alone(MORTAL));
    let console = "http://console.example";
    let options = ["--alert-webhook", &webhook.url, "--alert-after", "1s", "--console-url", console];
    let (process, address) = tokio::task::block_in_place(|| deployment.up(&options));
    let (at, name) = (format!("http://{address}"), deployment.name());
    let (asking, url) = (CancellationToken::new(), format!("{at}/v2/models/{name}/infer"));
    let callers = tokio::spawn(asking.clone().run_until_cancelled_owned(ask(url)));

    let sent = webhook.has(1).await;
    assert_eq!(sent[0]["dedup_key"], format!("hedgerow/breaker_open/{name}/mortal"));
    assert_eq!(sent[0]["url"], format!("{console}/rendezvous/{name}"));
    let listed: Value = serde_json::from_str(&hedgerow(&["alerts", "list", "--json", "--at", &at])).unwrap();
    assert_eq!((listed["conditions"][0]["kind"].as_str(), &listed["unseen"]), (Some("breaker_open"), &json!([])));
    let client = reqwest::Client::new();
    let get = async |path: &str| client.get(format!("{at}{path}")).send().await.unwrap();
    let health: Value = get("/health").await.json().await.unwrap();
    let down = health["dependencies"].as_array().unwrap().iter().find(|one| one["state"] == "down").unwrap();
    assert_eq!((&down["name"], &health["is_healthy"]), (&json!("mortal"), &json!(true)), "{health:#}");
    let lag: Value = get(&format!("/api/v1/rendezvous/{name}/lag")).await.json().await.unwrap();
    assert!(lag["groups"].as_array().unwrap().iter().any(|group| group["station"] == "collector"), "{lag:#}");
    assert_eq!(get("/api/v1/rendezvous/nobody/lag").await.status(), 404);

    let edited = deployment.folder().join("edited.yaml");
    let text = std::fs::read_to_string(&deployment.policy).unwrap();
    std::fs::write(&edited, text.replace(", delay: 2s", "")).unwrap();
    let edited = edited.to_str().unwrap();
    hedgerow(&["apply", edited, "--shadow", "--at", &at]);
    hedgerow(&["withdraw", &name, "--reason", "not yet", "--at", &at]);
    let sent = webhook.has(2).await;
    assert_eq!(sent[1]["dedup_key"], format!("hedgerow/policy_withdrawn/{name}/version 2"));

    hedgerow(&["apply", edited, "--at", &at]);
    let sent = webhook.has(4).await;
    for one in &sent[..2] {
        let of_it: Vec<Value> = sent.iter().filter(|other| other["dedup_key"] == one["dedup_key"]).cloned().collect();
        assert_eq!(statuses(&of_it), ["firing", "resolved"], "{sent:#?}");
    }
    assert!(hedgerow(&["alerts", "list", "--at", &at]).contains("nothing is wrong"));
    asking.cancel();
    callers.await.unwrap();
    assert_eq!(process.terminate(), Some(0));
}

/// Asks some fifty times a second, for ever.
async fn ask(url: String) {
    let (client, mut pace) = (reqwest::Client::new(), interval(Duration::from_millis(20)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let answered = client.post(&url).body("{\"x\": 1}").send().await.unwrap();
        assert_eq!(answered.status(), 200);
    }
}

fn hedgerow(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.args(arguments).env("NO_COLOR", "1").env_remove("BROKERS").env("RUST_LOG", "warn");
    let output = tokio::task::block_in_place(|| command.output().unwrap());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `hedgerow alerts test`; returns its exit code, what it printed and what it said.
fn try_receiver(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.args(["alerts", "test"]).args(arguments).envs(environment.iter().copied()).env("NO_COLOR", "1");
    let output = tokio::task::block_in_place(|| command.output().unwrap());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_tried_by_a_command_and_no_secret_is_said() {
    let webhook = Receiver::start(&[Reply::Status(204), Reply::Status(410)]).await;
    let named = ["--alert-webhook", webhook.url.as_str(), "--json"];
    let (code, printed, _) = try_receiver(&named, &[("HEDGEROW_ALERT_TOKEN", "a-token-of-ours")]);
    let tried: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, &tried[0]["taken"], &tried[0]["said"]), (Some(0), &json!(true), &json!("204 No Content")));
    assert_eq!(webhook.headers()["authorization"], "Bearer a-token-of-ours");
    assert!(webhook.sent()[0]["summary"].as_str().unwrap().contains("nothing is wrong"));
    let (code, printed, _) = try_receiver(&named[..2], &[]);
    assert!(code == Some(1) && printed.contains("has not taken it: 410 Gone"), "{printed}");
    let (code, _, said) = try_receiver(&[], &[]);
    assert!(code == Some(2) && said.contains("nobody is told of alerts"), "{said}");
    let secret = "https://hooks.slack.com/services/secret";
    let (code, _, said) = try_receiver(&["--alert-slack", secret], &[]);
    assert!(code == Some(2) && said.contains("HEDGEROW_ALERT_SLACK") && !said.contains("/secret"), "{said}");
    // Nobody listens there: what is said names the host alone.
    let nobody = ("HEDGEROW_ALERT_WEBHOOK", "http://user:secret@127.0.0.1:1/secret");
    let (code, printed, said) = try_receiver(&[], &[nobody]);
    assert!(code == Some(1) && printed.contains("webhook at 127.0.0.1:1 has not taken it"), "{printed}");
    assert!(!printed.contains("secret") && !said.contains("secret"), "{printed}{said}");
}

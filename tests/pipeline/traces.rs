//! Traces: one tree a request at an OpenTelemetry collector, whoever ran the stations; and what one costs that is away.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, http::HeaderMap, routing::post};
use bus::{Clock, EmbeddedBus};
use bytes::Bytes;
use collector::Traces;
use hedgerow::otlp::{Otlp, OtlpArgs, Wanted};
use prometheus_client::{encoding::text::encode, metrics::counter::Counter, registry::Registry};
use serde_json::json;
use starter::RawInput;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use traces::{Sampling, Share};

use crate::{
    processes::Deployment,
    rendezvous::{PATIENCE, Rendezvous, UNARCHIVED},
    telemetry::{SeenSpan, Telemetry, hex, one_tree},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// What is at least five is chosen; everything else is a default, long before its time is over.
const PICKY: &str = "
rendezvous: NAME
budget: 30s
input: { features: [x] }
answer: { value: x }
executors:
  one: { echo: }
  two: { echo: }
decide:
  - best: { score: answer.x, at_least: 5 }
    until: 30s
  - default: { x: 0 }
";

fn wanted(url: &str, share: &str) -> Wanted {
    let arguments = OtlpArgs { otlp: Some(url.to_owned()), trace_share: share.parse().unwrap() };
    arguments.wanted().unwrap().expect("it is asked for")
}

async fn start(policy: &str, traces: Traces) -> Rendezvous {
    let clock = Clock::system();
    Rendezvous::start_traced(EmbeddedBus::new(clock.clone()), clock, policy, &UNARCHIVED, Some(traces)).await
}

fn text(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text
}

fn metric(registry: &Registry, name: &str) -> u64 {
    let text = text(registry);
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_tree_under_its_caller_s_span_and_a_model_s_server_is_told_its_place_in_it() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hearing = Arc::clone(&told);
    let infer = move |headers: HeaderMap| {
        let parent = headers.get("traceparent").map(|value| value.to_str().unwrap().to_owned());
        hearing.lock().unwrap().extend(parent);
        let outputs = json!([{ "name": "class", "datatype": "INT64", "shape": [1], "data": [2] }]);
        std::future::ready(Json(json!({ "model_version": "3", "outputs": outputs })))
    };
    let routes = Router::new().route("/v2/models/m/infer", post(infer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let policy = format!(
        "
rendezvous: NAME
budget: 20s
input: {{ features: [x] }}
answer: {{ value: class }}
executors:
  near: {{ constant: {{ answer: {{ class: 1 }}, delay: 2ms }} }}
  far: {{ http: \"http://{address}/v2/models/m/infer\" }}
  next: {{ constant: {{ answer: {{ class: 1 }} }}, canary: {{ of: near }} }}
decide:
  - prefer: [far, near]
    until: 20s
  - default: {{ class: 0 }}
"
    );
    let telemetry = Telemetry::start().await;
    let otlp = Otlp::start(&wanted(&telemetry.url, "0"), &mut Registry::default()).unwrap();
    let rendezvous = start(&policy, otlp.traces()).await;
    let input = RawInput {
        body: Bytes::from_static(b"{\"x\":7}"),
        traceparent: Some(format!("00-{TRACE}-{SPAN}-01").into()),
        ..RawInput::default()
    };
    let answered = timeout(PATIENCE, rendezvous.starter().ask(input)).await.unwrap().unwrap();
    let name = rendezvous.app.definition().name().to_string();

    // Whoever is late is told of afterwards.
    let heard = |spans: &[SeenSpan]| spans.iter().filter(|seen| seen.name().starts_with("process ")).count() == 4;
    let spans = telemetry.trace(TRACE, heard).await;
    let tree = one_tree(&spans, Some(SPAN));
    let (root, sent) = (format!("infer {name}"), format!("send {name}.requests"));
    let process = |executor: &str| format!("process {name}.requests {executor}");
    assert_eq!(tree["caller"], [root.as_str()]);
    assert_eq!(tree[&root], [format!("process {name}.responses"), sent.clone()]);
    assert_eq!(tree[&sent], [process("far"), process("near"), process("next")]);
    assert!(tree[&process("far")].contains(&"compute far".to_owned()), "{tree:?}");
    assert_eq!(tree[&format!("process {name}.responses")], [format!("send {name}.results")]);

    let find = |name: &str| spans.iter().find(|seen| seen.name() == name).unwrap();
    let far = &find(&process("far")).span.span_id;
    assert_eq!(*told.lock().unwrap(), [format!("00-{TRACE}-{}-01", hex(far))]);
    let root = find(&root);
    assert_eq!((root.service.as_str(), root.scope.as_str()), ("hedgerow", "hedgerow/starter"));
    assert_eq!(root.attribute("messaging.message.conversation_id"), Some(answered.id.to_string()));
    assert_eq!(root.attribute("hedgerow.kept_for").as_deref(), Some("caller"));
    assert_eq!(find(&process("next")).attribute("hedgerow.role").as_deref(), Some("canary"));
    let decided = find(&format!("process {name}.responses"));
    assert_eq!(decided.attribute("hedgerow.decided_by").as_deref(), Some("prefer"));
    assert!(decided.span.links.iter().any(|link| link.span_id == *far), "it heard the one whom it chose");
    rendezvous.stop().await;
    otlp.flush().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_share_of_nought_every_miss_is_traced_and_nothing_else_and_stopping_loses_none() {
    let telemetry = Telemetry::start().await;
    let mut registry = Registry::default();
    let otlp = Otlp::start(&wanted(&telemetry.url, "0"), &mut registry).unwrap();
    let rendezvous = start(PICKY, otlp.traces()).await;
    let bodies: Vec<String> = (0..60).map(|x| format!("{{\"x\": {}}}", if x % 6 == 0 { 1 } else { 9 })).collect();
    let answered = rendezvous.ask_all(&bodies).await;
    rendezvous.stop().await;
    otlp.flush().await;
    let mut missed: Vec<String> =
        answered.iter().step_by(6).map(|answered| answered.id.as_uuid().simple().to_string()).collect();
    let spans = telemetry.spans();
    let roots = spans.iter().filter(|seen| seen.span.name.starts_with("infer "));
    let mut traced: Vec<String> = roots.clone().map(|seen| hex(&seen.span.trace_id)).collect();
    missed.sort();
    traced.sort();
    assert_eq!(traced, missed, "a request without a caller's trace names its own");
    assert!(roots.clone().all(|root| root.attribute("hedgerow.miss").as_deref() == Some("default")));
    for trace in missed {
        one_tree(&spans.iter().filter(|seen| hex(&seen.span.trace_id) == trace).cloned().collect::<Vec<_>>(), None);
    }
    assert_eq!(metric(&registry, "hedgerow_spans_exported_total"), spans.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_which_are_counted_and_no_answers() {
    // Nobody listens there any more.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut registry = Registry::default();
    let otlp = Otlp::start(&wanted(&format!("http://{address}"), "100%"), &mut registry).unwrap();
    let rendezvous = start(PICKY, otlp.traces()).await;
    let bodies: Vec<String> = (0..40).map(|x| format!("{{\"x\": {x}}}")).collect();
    assert_eq!(rendezvous.ask_all(&bodies).await.len(), 40);
    rendezvous.stop().await;
    otlp.flush().await;
    assert_eq!(metric(&registry, "hedgerow_spans_exported_total"), 0);
    assert!(metric(&registry, "hedgerow_spans_dropped_total{reason=\"not_taken\"}") >= 40 * 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_nobody_up_neither_callers_nor_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hang = || std::future::pending::<()>();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(hang))).await });
    let otlp = Otlp::start(&wanted(&format!("http://{address}"), "100%"), &mut Registry::default()).unwrap();
    let rendezvous = start(PICKY, otlp.traces()).await;
    let bodies: Vec<String> = (0..40).map(|x| format!("{{\"x\": {x}}}")).collect();
    assert_eq!(rendezvous.ask_all(&bodies).await.len(), 40);
    rendezvous.stop().await;
    timeout(PATIENCE, otlp.flush()).await.expect("it gives up");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_is_dropped_and_counted_and_everybody_is_answered() {
    // Room for one, and nobody takes it out.
    let (told, full) = mpsc::channel(1);
    let traces = Traces {
        sampling: Sampling { share: Share::ALL },
        told,
        dropped: Counter::default(),
        unwatched: Counter::default(),
    };
    let rendezvous = start(PICKY, traces.clone()).await;
    let bodies: Vec<String> = (0..40).map(|x| format!("{{\"x\": {x}}}")).collect();
    assert_eq!(rendezvous.ask_all(&bodies).await.len(), 40);
    rendezvous.stop().await;
    assert_eq!(full.len(), 1);
    assert!(traces.dropped.get() >= 39 * 4, "{}", traces.dropped.get());
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_in_processes_of_their_own_on_kafka_make_one_tree() {
    let telemetry = Telemetry::start().await;
    let deployment = Deployment::new(PICKY).await;
    let options = ["--otlp", telemetry.url.as_str(), "--trace-share", "0"];
    let (collector, _) = deployment.run_with("collector", &options);
    let (executors, _) = deployment.run_with("executors", &options);
    let (starter, door) = deployment.run_with("starter", &[]);
    let name = deployment.name();
    let ask = reqwest::Client::new().post(format!("http://{door}/v2/models/{name}/infer")).body("{\"x\": 9}");
    let ask = ask.header("content-type", "application/json").header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
    let answered = timeout(PATIENCE, ask.send()).await.unwrap().unwrap();
    assert!(answered.status().is_success(), "{answered:?}");
    let whole = |spans: &[SeenSpan]| spans.iter().filter(|seen| seen.name().starts_with("process ")).count() == 3;
    let spans = telemetry.trace(TRACE, whole).await;
    let tree = one_tree(&spans, Some(SPAN));
    let process = |executor: &str| format!("process {name}.requests {executor}");
    assert_eq!(tree[&format!("send {name}.requests")], [process("one"), process("two")]);
    assert!(spans.iter().filter_map(|seen| seen.attribute("messaging.system")).all(|system| system == "kafka"));
    for process in [collector, executors, starter] {
        process.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_was_not_kept_is_sent_from_the_log_afterwards() {
    let telemetry = Telemetry::start().await;
    let deployment = Deployment::new(PICKY).await;
    let (collector, _) = deployment.run_with("collector", &[]);
    let (executors, _) = deployment.run_with("executors", &[]);
    let (starter, door) = deployment.run_with("starter", &[]);
    let name = deployment.name();
    let ask = reqwest::Client::new().post(format!("http://{door}/v2/models/{name}/infer")).body("{\"x\": 9}");
    let ask = ask.header("content-type", "application/json").header("idempotency-key", "order-17");
    assert!(timeout(PATIENCE, ask.send()).await.unwrap().unwrap().status().is_success());
    let (brokers, url) = (deployment.brokers().to_owned(), telemetry.url.clone());
    let explained = tokio::task::spawn_blocking(move || {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("hedgerow");
        command.args(["explain", "order-17", "--rendezvous", &name, "--json", "--brokers", &brokers, "--otlp", &url]);
        let output = command.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    });
    let explained = timeout(PATIENCE, explained).await.unwrap().unwrap();
    let trace = explained["trace_id"].as_str().unwrap().to_owned();
    assert_eq!(trace, explained["id"].as_str().unwrap().replace('-', ""));
    let spans = telemetry.trace(&trace, |spans| !spans.is_empty()).await;
    one_tree(&spans, None);
    assert!(spans.iter().all(|seen| seen.authorization.as_deref() == Some("Bearer t")), "{spans:#?}");
    for process in [collector, executors, starter] {
        process.kill();
    }
}

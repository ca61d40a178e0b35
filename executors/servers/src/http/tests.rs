//! A small Open Inference Protocol server, and what the executor makes of its good and bad days.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use executor::{Executor, Now};
use policies::{Credentials, Protocol, SecretRef, ServerSpec};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wire::Timestamp;

use crate::{
    ServerError, connect as connect_to,
    dialect::LONGEST,
    rig::{self, LONG, ask, ask_until, standing},
    server::AGAIN,
};

/// How the server's `infer` behaves.
#[derive(Clone, Copy)]
enum Day {
    Good,
    Error,
    Hanging,
    Garbage,
    Endless,
    /// Answers each row of a batch.
    Batches,
    /// Refuses batches, and takes rows alone.
    Alone,
    /// Answers a batch as if it were one row.
    Confused,
    /// Refuses whatever has a 13 in it.
    Superstitious,
}

struct Server {
    address: String,
    asked: Arc<AtomicUsize>,
}

async fn server(day: Day, metadata: Option<Value>) -> Server {
    server_at("127.0.0.1:0", day, metadata).await
}

async fn server_at(host: &str, day: Day, metadata: Option<Value>) -> Server {
    let listener = TcpListener::bind(host).await.unwrap();
    let address = format!("http://{}/v2/models/wine/infer", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let infer = move |body: axum::Json<Value>| {
        counted.fetch_add(1, Ordering::Relaxed);
        answer(day, body.0)
    };
    let describe = move || async move { metadata.map(axum::Json).ok_or(StatusCode::NOT_FOUND) };
    let routes = Router::new().route("/v2/models/wine", get(describe)).route("/v2/models/wine/infer", post(infer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Server { address, asked }
}

async fn answer(day: Day, body: Value) -> (StatusCode, String) {
    match day {
        Day::Good => {
            // The first feature comes back as the class, so that a wrong row shows.
            let outputs = json!([
                {"name": "label", "shape": [1], "datatype": "INT64", "data": [body["inputs"][0]["data"][0]]},
                {"name": "probabilities", "shape": [1, 2], "datatype": "FP64", "data": [0.25, 0.75]},
            ]);
            (StatusCode::OK, json!({"model_name": "wine", "model_version": "7", "outputs": outputs}).to_string())
        }
        Day::Alone if rows(&body).len() > 1 => (StatusCode::BAD_REQUEST, "one row, please".to_owned()),
        Day::Superstitious if rows(&body).contains(&json!(13.0)) => (StatusCode::BAD_REQUEST, "not that".to_owned()),
        Day::Batches | Day::Alone | Day::Superstitious => (StatusCode::OK, labels(&body)),
        Day::Confused => {
            let outputs = json!([{"name": "label", "shape": [1], "datatype": "INT64", "data": [rows(&body)[0]]}]);
            (StatusCode::OK, json!({ "outputs": outputs }).to_string())
        }
        Day::Error => (StatusCode::INTERNAL_SERVER_ERROR, json!({"error": "out of grapes"}).to_string()),
        Day::Hanging => std::future::pending().await,
        Day::Garbage => (StatusCode::OK, "<html>".to_owned()),
        Day::Endless => (StatusCode::OK, " ".repeat(LONGEST + 1)),
    }
}

/// The first feature of each row.
fn rows(body: &Value) -> Vec<Value> {
    body["inputs"][0]["data"].as_array().unwrap().iter().step_by(2).cloned().collect()
}

/// The first feature of each row comes back as its label.
fn labels(body: &Value) -> String {
    let rows = rows(body);
    let outputs = json!([{"name": "label", "shape": [rows.len()], "datatype": "FP64", "data": rows}]);
    json!({"model_name": "wine", "model_version": "7", "outputs": outputs}).to_string()
}

/// Asks about rows with these first features in one batch; `None` is a row that cannot be read.
async fn ask_batch(executor: &Arc<dyn Executor>, hues: &[Option<u32>]) -> Vec<Result<Value, String>> {
    let input =
        |hue: &Option<u32>| rig::input(&hue.map_or("{}".to_owned(), |hue| format!("{{\"hue\": {hue}, \"ash\": 2}}")));
    let inputs: Vec<_> = hues.iter().map(input).collect();
    let answers = executor.score_batch(&inputs.iter().collect::<Vec<_>>()).await;
    let answer = |answer| rig::read(answer).map(|answer| answer["label"].clone());
    answers.into_iter().map(answer).collect()
}

fn spec(address: &str) -> ServerSpec {
    ServerSpec { protocol: Protocol::Http, url: address.to_owned(), credentials: None, retries: 0 }
}

async fn connect_in_batches(address: &str) -> Arc<dyn Executor> {
    let errand = rig::errand(standing());
    connect_to(&spec(address), crate::Errand { max_batch: NonZeroUsize::new(8), ..errand }).await.unwrap()
}

async fn connect(address: &str) -> Result<Arc<dyn Executor>, ServerError> {
    connect_to(&spec(address), rig::errand(standing())).await
}

async fn check_failure(day: Day, budget: Duration, expected: &str) {
    let server = server(day, None).await;
    let executor = connect(&server.address).await.unwrap();
    let problem = ask(&executor, budget).await.unwrap_err();
    assert!(problem.contains(expected) && problem.contains(&server.address), "{problem}");
}

#[tokio::test]
async fn a_good_answer_becomes_a_classifiers_with_the_servers_version() {
    let server = server(Day::Good, None).await;
    let executor = connect(&server.address).await.unwrap();
    assert_eq!(executor.model().as_str(), "vendor@unversioned");
    let answer = ask(&executor, LONG).await.unwrap();
    assert_eq!(answer, json!({"class": 1.0, "probability": 0.75, "probabilities": [0.25, 0.75]}));
    assert_eq!(executor.model().as_str(), "vendor@7");
}

#[tokio::test]
async fn the_servers_metadata_decides_how_the_row_is_sent() {
    let metadata = json!({"name": "wine", "inputs": [
        {"name": "ash", "datatype": "INT64", "shape": [-1, 1]}, {"name": "hue", "datatype": "FP32", "shape": [-1, 1]},
    ]});
    let server = server(Day::Good, Some(metadata)).await;
    let answer = ask(&connect(&server.address).await.unwrap(), LONG).await.unwrap();
    assert_eq!(answer["class"], json!(2), "the first column is ash, as a whole number");
}

#[tokio::test]
async fn metadata_that_does_not_fit_is_refused_at_once() {
    let metadata = json!({"inputs": [{"name": "a", "datatype": "FP32"}, {"name": "b", "datatype": "FP32"}]});
    let server = server(Day::Good, Some(metadata)).await;
    let error = connect(&server.address).await.err().expect("refused").to_string();
    assert!(
        error.contains("an input `a`, the policy has no such feature") && error.contains(&server.address),
        "{error}"
    );
}

#[tokio::test]
async fn an_error_of_the_server_is_a_failure_with_its_words() {
    check_failure(Day::Error, LONG, "out of grapes").await;
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_with_its_beginning() {
    check_failure(Day::Garbage, LONG, "<html>").await;
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    check_failure(Day::Endless, LONG, "more than").await;
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_at_the_deadline() {
    let began = std::time::Instant::now();
    check_failure(Day::Hanging, Duration::from_millis(50), "did not answer in time").await;
    assert!(began.elapsed() < LONG);
}

#[tokio::test]
async fn a_server_that_is_away_is_a_failure_until_it_is_back_and_then_asked_about_its_model() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let address = format!("http://{host}/v2/models/wine/infer");
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&seconds);
    let now: Now = Arc::new(move || Timestamp::EPOCH.after(Duration::from_secs(clock.load(Ordering::Relaxed))));
    let executor = connect_to(&spec(&address), rig::errand(now)).await.expect("a server may come later");
    let problem = ask_until(&executor, Timestamp::EPOCH.after(LONG)).await.unwrap_err();
    assert!(problem.contains("refused") && problem.contains(&address), "{problem}");

    let ash_first = json!([{"name": "ash", "datatype": "INT64"}, {"name": "hue", "datatype": "FP32"}]);
    let _server = server_at(&host, Day::Good, Some(json!({"inputs": ash_first}))).await;
    let class = async || ask_until(&executor, Timestamp::EPOCH.after(LONG)).await.unwrap()["class"].clone();
    assert_eq!(class().await, json!(1.0), "the row as it is sent to a server that says nothing of itself");
    seconds.fetch_add(AGAIN.as_secs(), Ordering::Relaxed);
    let described = async { while class().await != json!(2) {} };
    tokio::time::timeout(LONG, described).await.expect("the server is asked again");
}

#[tokio::test]
async fn an_input_that_cannot_be_read_is_not_sent() {
    let server = server(Day::Good, None).await;
    let executor = connect(&server.address).await.unwrap();
    let input = rig::input("{}");
    let failure = executor.score(&input).await.unwrap_err();
    assert!(failure.message.contains("feature `hue` is missing"), "{}", failure.message);
    assert_eq!(server.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_with_the_reason() {
    for (address, expected) in [
        ("scorer/infer", "relative URL"),
        ("ftp://scorer/infer", "starts neither with"),
        ("http://scorer/v2/models/wine", "does not end in `/infer`"),
    ] {
        let error = connect(address).await.err().expect("refused").to_string();
        assert!(error.contains(expected) && error.contains(address), "{error}");
    }
}

#[tokio::test]
async fn a_batch_is_one_call_and_what_is_wrong_with_one_row_costs_the_others_nothing() {
    let server = server(Day::Batches, None).await;
    let executor = connect_in_batches(&server.address).await;
    assert_eq!(executor.batch_max().get(), 8);
    let answers = ask_batch(&executor, &[Some(3), None, Some(5)]).await;
    assert_eq!((&answers[0], &answers[2]), (&Ok(json!(3.0)), &Ok(json!(5.0))));
    assert!(answers[1].as_ref().unwrap_err().contains("feature `hue` is missing"));
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
    assert_eq!(ask_batch(&executor, &[None, None]).await.len(), 2);
    assert_eq!(server.asked.load(Ordering::Relaxed), 1, "nothing is left to be asked");
}

#[tokio::test]
async fn a_server_that_takes_rows_alone_gets_no_batch_any_more() {
    for day in [Day::Alone, Day::Confused] {
        let server = server(day, None).await;
        let executor = connect_in_batches(&server.address).await;
        let answers = ask_batch(&executor, &[Some(3), Some(5)]).await;
        assert_eq!(answers, [Ok(json!(3.0)), Ok(json!(5.0))]);
        assert_eq!(server.asked.load(Ordering::Relaxed), 3, "a batch, and each alone");
        assert_eq!(executor.batch_max().get(), 1);
    }
}

#[tokio::test]
async fn a_row_that_a_server_refuses_fails_alone_and_batches_go_on() {
    let server = server(Day::Superstitious, None).await;
    let executor = connect_in_batches(&server.address).await;
    let answers = ask_batch(&executor, &[Some(3), Some(13), Some(5)]).await;
    assert_eq!((&answers[0], &answers[2]), (&Ok(json!(3.0)), &Ok(json!(5.0))));
    assert!(answers[1].as_ref().unwrap_err().contains("not that"));
    assert_eq!(executor.batch_max().get(), 8);
}

#[tokio::test]
async fn a_server_that_is_broken_is_asked_once_about_a_batch() {
    let server = server(Day::Error, None).await;
    let answers = ask_batch(&connect_in_batches(&server.address).await, &[Some(3), Some(5)]).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap_err().contains("out of grapes")));
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
}

/// A server that answers its first calls with these statuses, and then well; what each call was told is kept.
async fn moody(moods: &[(u16, &'static str)], secret: &'static str) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v2/models/wine/infer", listener.local_addr().unwrap());
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (moods, kept) = (moods.to_vec(), Arc::clone(&told));
    let infer = move |headers: axum::http::HeaderMap, body: axum::Json<Value>| async move {
        let given = headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
        let calls = {
            let mut kept = kept.lock().unwrap();
            kept.push(given.clone());
            kept.len()
        };
        let mut answer = axum::http::HeaderMap::new();
        if let Some((status, after)) = moods.get(calls - 1) {
            if !after.is_empty() {
                answer.insert("retry-after", after.parse().unwrap());
            }
            return (StatusCode::from_u16(*status).unwrap(), answer, "not now".to_owned());
        }
        if !secret.is_empty() && given != secret {
            return (StatusCode::UNAUTHORIZED, answer, format!("who is `{given}`?"));
        }
        (StatusCode::OK, answer, labels(&body.0))
    };
    let routes = Router::new().route("/v2/models/wine/infer", post(infer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, told)
}

async fn retrying(address: &str, retries: u8) -> Arc<dyn Executor> {
    connect_to(&ServerSpec { retries, ..spec(address) }, rig::errand(standing())).await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_as_often_as_the_policy_says() {
    let moods = [(503, ""), (429, "0"), (502, ""), (504, "")];
    let (address, told) = moody(&moods, "").await;
    assert_eq!(ask(&retrying(&address, 4).await, LONG).await.unwrap()["label"], json!(1.0));
    assert_eq!(told.lock().unwrap().len(), 5);
    let (address, told) = moody(&moods, "").await;
    let problem = ask(&retrying(&address, 3).await, LONG).await.unwrap_err();
    assert!(problem.contains("504") && problem.contains("not now"), "{problem}");
    assert_eq!(told.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn what_would_fail_again_is_not_asked_again() {
    for status in [400, 404, 500, 501] {
        let (address, told) = moody(&[(status, "")], "").await;
        assert!(ask(&retrying(&address, 3).await, LONG).await.is_err());
        assert_eq!(told.lock().unwrap().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_wants_more_time_than_is_left_is_not_asked_again() {
    let (address, told) = moody(&[(503, "30")], "").await;
    assert!(ask(&retrying(&address, 3).await, LONG).await.unwrap_err().contains("503"));
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_comes_back_while_the_budget_lasts_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let executor = retrying(&format!("http://{host}/v2/models/wine/infer"), 10).await;
    let (answer, _server) = tokio::join!(ask(&executor, LONG), server_at(&host, Day::Good, None));
    assert_eq!(answer.unwrap()["class"], json!(1.0));
}

#[tokio::test]
async fn a_secret_goes_along_and_a_new_one_is_read_when_the_old_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |secret: &str| std::fs::write(folder.path().join("token"), secret).unwrap();
    write("yesterday");
    let (address, told) = moody(&[], "Bearer today").await;
    let credentials = Some(Credentials { secret: SecretRef::File("token".into()), header: None });
    let errand = crate::Errand { base: folder.path().to_owned(), ..rig::errand(standing()) };
    let executor = connect_to(&ServerSpec { credentials, ..spec(&address) }, errand).await.unwrap();

    let problem = ask(&executor, LONG).await.unwrap_err();
    assert!(problem.contains("401") && problem.contains("who is `Bearer …`?"), "{problem}");
    assert!(!problem.contains("yesterday"), "{problem}");
    write("today");
    assert_eq!(ask(&executor, LONG).await.unwrap()["label"], json!(1.0));
    assert_eq!(ask(&executor, LONG).await.unwrap()["label"], json!(1.0));
    assert_eq!(*told.lock().unwrap(), ["Bearer yesterday", "Bearer yesterday", "Bearer today", "Bearer today"]);
}

#[tokio::test]
async fn a_secret_is_not_told_to_whomever_a_server_sends_us_to() {
    let (elsewhere, told) = moody(&[], "").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v2/models/wine/infer", listener.local_addr().unwrap());
    let infer = || async move { axum::response::Redirect::temporary(&elsewhere) };
    let routes = Router::new().route("/v2/models/wine/infer", post(infer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    assert!(ask(&connect(&address).await.unwrap(), LONG).await.unwrap_err().contains("307"));
    assert_eq!(told.lock().unwrap().len(), 0);
}

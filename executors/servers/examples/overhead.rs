//! What an executor on a server costs beyond the call: each asked one input after the other through `Executor::score`, beside
//! a bare client with the request's body made beforehand, turn by turn in one run.
//!
//!     cargo run --release -p hedgerow-servers --example overhead [http://host:8080/v2/models/wine/infer]
//!
//! Without an address it asks a server of its own, in this process, which answers at once: so what is told is the client's
//! part alone, and the ratio is the worst there can be.

use std::{
    env,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::post};
use executor::Input;
use hedgerow_servers::{Errand, Takes, connect};
use policies::{InputSchema, Protocol, ServerSpec};
use serde_json::{Value, json};
use wire::{RequestId, Timestamp};

const FEATURES: [&str; 2] = ["proline", "flavanoids"];
const ROUNDS: usize = 40;
const CALLS: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = match env::args().nth(1) {
        Some(url) => url,
        None => serve().await?,
    };
    let schema = Arc::new(InputSchema::of(&FEATURES, &[]));
    let spec = ServerSpec { protocol: Protocol::Http, url: url.clone(), credentials: None, retries: 0 };
    let errand = Errand {
        name: "vendor".to_owned(),
        takes: Takes::Features(Arc::clone(&schema)),
        connections: 1,
        max_batch: None,
        base: env::current_dir()?,
        now: Arc::new(|| Timestamp::EPOCH),
        sampling: None,
    };
    let executor = connect(&spec, errand).await?;
    let client = reqwest::Client::new();
    let body =
        json!({"id": "a", "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1000.0, 2.1]}]});
    let body = serde_json::to_vec(&body)?;

    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..CALLS {
            let began = Instant::now();
            let request = client.post(&url).header("content-type", "application/json").body(body.clone());
            request.send().await?.error_for_status()?.bytes().await?;
            bare.push(began.elapsed());

            let due = Timestamp::EPOCH.after(Duration::from_secs(10));
            let text = bytes::Bytes::from_static(br#"{"proline": 1000.0, "flavanoids": 2.1}"#);
            let id = RequestId::from_uuid(uuid::Uuid::nil());
            let began = Instant::now();
            let input = Input::new(id, due, text, Arc::clone(&schema));
            executor.score(&input).await.map_err(|failure| failure.message)?;
            ours.push(began.elapsed());
        }
    }
    let (ours, bare) = (median(ours), median(bare));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    writeln!(io::stdout(), "http: {ours:?} through the executor, {bare:?} by a bare client: {ratio:.2} times as long")?;
    Ok(())
}

async fn serve() -> io::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v2/models/wine/infer", listener.local_addr()?);
    let answer = |_: Json<Value>| async {
        Json(
            json!({"model_version": "1", "outputs": [{"name": "label", "shape": [1], "datatype": "INT64", "data": [0]}]}),
        )
    };
    tokio::spawn(
        async move { axum::serve(listener, Router::new().route("/v2/models/wine/infer", post(answer))).await },
    );
    Ok(url)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

//! A server that does as Openscoring does, where it matters how often it was asked. What the real one says, `tests/peers.rs`
//! tells.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use axum::{Json, Router, http::StatusCode, routing::get};
use executor::{Executor, Now};
use policies::{Protocol, ServerSpec};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};
use wire::Timestamp;

use crate::{
    connect,
    rig::{self, LONG, ask_until},
    server::AGAIN,
};

#[derive(Clone, Default)]
struct Served {
    is_away: Arc<AtomicBool>,
    arguments: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Notify>,
}

// === impl Served ===

impl Served {
    /// Returns the address of a model with the fields `ash` and `hue`.
    async fn serve(&self) -> String {
        let (described, evaluated) = (self.clone(), self.clone());
        let describe = || async move {
            let fields = json!({"inputFields": [{"id": "ash"}, {"id": "hue"}], "targetFields": [{"id": "grower"}]});
            // A door in front of a server that is away says so.
            let status = if described.is_away.load(Ordering::Relaxed) {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::OK
            };
            (status, Json(json!({"id": "wine", "schema": fields})))
        };
        let evaluate = |Json(body): Json<Value>| async move {
            evaluated.arguments.lock().unwrap().push(body["arguments"].clone());
            evaluated.asked.notify_one();
            Json(json!({"id": body["id"], "results": {"grower": "barolo"}}))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/openscoring/model/wine", listener.local_addr().unwrap());
        let routes = Router::new().route("/openscoring/model/wine", get(describe).post(evaluate));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }

    fn asked(&self) -> Vec<Value> {
        self.arguments.lock().unwrap().clone()
    }
}

/// A clock that is set.
#[derive(Clone, Default)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    fn clock(&self) -> Now {
        let hand = self.clone();
        Arc::new(move || *hand.0.lock().unwrap())
    }

    fn goes_on(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now = now.after(AGAIN);
        now.after(LONG)
    }
}

async fn connected(url: &str, hand: &Hand) -> Arc<dyn Executor> {
    let spec = ServerSpec { protocol: Protocol::Pmml, url: url.to_owned(), credentials: None, retries: 0 };
    connect(&spec, rig::errand(hand.clock())).await.unwrap()
}

#[tokio::test]
async fn a_jvm_is_asked_about_zeros_before_anybody_waits_for_it_and_not_again() {
    let (served, hand) = (Served::default(), Hand::default());
    let executor = connected(&served.serve().await, &hand).await;
    assert_eq!(served.asked(), [json!({"ash": 0.0, "hue": 0.0})]);
    let answer = ask_until(&executor, hand.goes_on()).await.unwrap();
    assert_eq!(answer, json!({"grower": "barolo"}));
    assert_eq!(served.asked()[1..], [json!({"ash": 2.0, "hue": 1.0})]);
}

#[tokio::test]
async fn one_that_was_away_is_cold_again() {
    let (served, hand) = (Served::default(), Hand::default());
    served.is_away.store(true, Ordering::Relaxed);
    let executor = connected(&served.serve().await, &hand).await;
    assert!(executor.trouble().is_some() && served.asked().is_empty());
    served.is_away.store(false, Ordering::Relaxed);
    // Whoever asks next lets it be asked about its model, and that lets it be warmed up.
    ask_until(&executor, hand.goes_on()).await.unwrap();
    while served.asked().len() < 2 {
        served.asked.notified().await;
    }
    let zeros = json!({"ash": 0.0, "hue": 0.0});
    assert_eq!(served.asked().iter().filter(|asked| **asked == zeros).count(), 1);
}

//! A receiver of alerts: takes what it is sent, and answers as it is told to.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::IntoResponse,
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify, time::timeout};

use crate::rendezvous::PATIENCE;

/// A server that is told of alerts.
pub(crate) struct Receiver {
    pub(crate) url: String,
    seen: Arc<Seen>,
}

/// How it answers. Without a word it takes what it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// When `let_go` is called.
    Waits,
    Never,
}

#[derive(Default)]
struct Seen {
    sent: Mutex<Vec<(HeaderMap, Value)>>,
    more: Notify,
    script: Mutex<VecDeque<Reply>>,
    /// Whether it hangs from now on.
    gate: Notify,
}

// === impl Receiver ===

impl Receiver {
    /// Answers as `script` says, then takes everything.
    pub(crate) async fn start(script: &[Reply]) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}/hedgerow", listener.local_addr().unwrap());
        let seen = Arc::new(Seen { script: Mutex::new(script.iter().copied().collect()), ..Seen::default() });
        let routes = Router::new().route("/hedgerow", post(take)).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, seen }
    }

    /// Returns everything that was sent so far.
    pub(crate) fn sent(&self) -> Vec<Value> {
        self.seen.sent.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        self.seen.sent.lock().unwrap().first().unwrap().0.clone()
    }

    /// Waits for `enough` of what was sent, and returns all of it.
    pub(crate) async fn until(&self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let wait = async {
            loop {
                let more = self.seen.more.notified();
                let sent = self.sent();
                if enough(&sent) {
                    return sent;
                }
                more.await;
            }
        };
        // What an executor did in the last minute is what its breaker is known by.
        let waited = timeout(PATIENCE * 2, wait).await;
        waited.unwrap_or_else(|_| panic!("there is {:#?}", self.sent()))
    }

    pub(crate) async fn has(&self, count: usize) -> Vec<Value> {
        self.until(|sent| sent.len() >= count).await
    }

    /// Answers what waits.
    pub(crate) fn let_go(&self) {
        self.seen.gate.notify_one();
    }
}

async fn take(State(seen): State<Arc<Seen>>, headers: HeaderMap, Json(body): Json<Value>) -> impl IntoResponse {
    let reply = seen.script.lock().unwrap().pop_front().unwrap_or(Reply::Status(200));
    seen.sent.lock().unwrap().push((headers, body));
    seen.more.notify_waiters();
    let status = match reply {
        Reply::Status(status) => status,
        Reply::Waits => {
            seen.gate.notified().await;
            200
        }
        Reply::Never => std::future::pending().await,
    };
    // Whoever says so is asked again at once, as far as the sender's own waits allow.
    (StatusCode::from_u16(status).unwrap(), [("retry-after", HeaderValue::from_static("0"))])
}

//! Ray Serve: an ingress over HTTP that asks three deployments, and answers when its budget is over at the latest.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bus::BoxFuture;
use reqwest::Client;
use serde_json::json;
use uuid::Uuid;

use super::{
    Answer, System, Tally,
    peer::{self, Peer},
};
use crate::work::{CANDIDATES, PATIENCE, Work};

/// An application that runs.
pub(crate) struct Ray {
    work: Work,
    client: Client,
    url: String,
    peer: Mutex<Option<Peer>>,
}

/// How much earlier than its deadline it gives up waiting: the way back over HTTP.
const LEAD: Duration = Duration::from_millis(3);

// === impl Ray ===

impl Ray {
    pub(crate) async fn start(work: Work, budget: Duration) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut python = Command::new(peer::folder()?.join("ray/bin/python"));
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/fan_out.py")).arg(port.to_string());
        python.arg(budget.saturating_sub(LEAD).as_millis().to_string());
        python.env("RAY_USAGE_STATS_ENABLED", "0").env("RAY_AUTH_MODE", "disabled");
        let peer = Mutex::new(Some(Peer::start(python).await?));
        let client = Client::builder().timeout(PATIENCE).pool_max_idle_per_host(1_000).build()?;
        Ok(Self { work, client, url: format!("http://127.0.0.1:{port}/"), peer })
    }
}

impl System for Ray {
    fn name(&self) -> &'static str {
        "Ray Serve"
    }

    fn ask(&self) -> BoxFuture<'static, Answer> {
        let (work, asked) = (self.work, self.client.post(&self.url));
        Box::pin(async move {
            let id = Uuid::new_v4();
            let takes: Vec<f64> =
                (0..CANDIDATES.len()).map(|place| work.takes(id, place).as_secs_f64() * 1_000.0).collect();
            let asked = asked.json(&json!({ "id": id.to_string(), "takes_ms": takes }));
            let Ok(answered) = asked.send().await.and_then(reqwest::Response::error_for_status) else {
                return Answer::Nothing;
            };
            match answered.text().await.as_deref() {
                Ok("p") => Answer::Prediction,
                Ok("d") => Answer::Default,
                _ => Answer::Nothing,
            }
        })
    }

    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>> {
        Box::pin(async {
            let peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner).take();
            tokio::task::spawn_blocking(move || drop(peer)).await?;
            Ok(None)
        })
    }
}

//! Results over a WebSocket, by a client that is not ours.

use std::{collections::BTreeSet, future::IntoFuture as _, sync::Arc};

use bus::{Bus, Clock, EmbeddedBus, EmbeddedLimits, Producer, TopicPartition, TopicSpec};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use hedgerow::{door::Shelf, results::results_routes};
use policies::{Definition, Versions};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest as _, handshake::client::Request, http::HeaderValue,
        protocol::CloseFrame,
    },
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{Fence, Fencing, RequestId, ResultKind, ResultRecord, Topics};

use crate::{
    rendezvous::{PATIENCE, Rendezvous, UNARCHIVED},
    results::{Events, QUICK, door, ids},
};

/// Somebody who is told.
struct Subscriber(WebSocketStream<MaybeTlsStream<TcpStream>>);

// === impl Subscriber ===

impl Subscriber {
    async fn of(url: &str) -> Self {
        let (socket, _) = timeout(PATIENCE, connect_async(socket(url))).await.unwrap().unwrap();
        Self(socket)
    }

    /// Returns the next event.
    async fn next(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Returns the requests of the next `count` results, and where they end.
    async fn results(&mut self, count: usize) -> (BTreeSet<String>, String) {
        let (mut requests, mut place) = (BTreeSet::new(), None);
        while requests.len() < count || place.is_none() {
            let event = self.next().await;
            place = event["id"].as_str().map(str::to_owned);
            if event["event"] == "result" {
                requests.insert(event["data"]["request"].as_str().unwrap().to_owned());
            }
        }
        (requests, place.unwrap())
    }

    /// Returns how it ends.
    async fn end(mut self) -> CloseFrame {
        loop {
            if let Message::Close(frame) = timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap() {
                return frame.unwrap();
            }
        }
    }
}

fn socket(url: &str) -> Request {
    url.replace("http://", "ws://").into_client_request().unwrap()
}

/// Returns the status and the body of what is no socket.
async fn refused(request: Request) -> (u16, String) {
    match timeout(PATIENCE, connect_async(request)).await.unwrap() {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_socket_the_same_events_come_and_who_comes_back_loses_nothing() {
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, QUICK, &UNARCHIVED).await;
    let stop = CancellationToken::new();
    let (at, name) = (door(&rendezvous, &stop).await, rendezvous.app.definition().name().to_string());
    let url = format!("{at}/api/v1/rendezvous/{name}/results");
    rendezvous.ask_all(&["{\"x\": 0}".to_owned()]).await;
    let (mut subscriber, mut events) = (Subscriber::of(&url).await, Events::of(&url, None).await);
    let asked = rendezvous.ask_all(&["{\"x\": 1}".to_owned()]).await;
    let (told, id) = subscriber.results(1).await;
    assert_eq!(told, ids(&asked), "those of before are not told");
    let (name, data, _) = loop {
        let event = events.next().await;
        if !event.0.is_empty() {
            break event;
        }
    };
    let mut again = Subscriber::of(&format!("{url}?since_s=600")).await;
    let mut told = again.next().await;
    while told["data"]["request"] != data["request"] {
        told = again.next().await;
    }
    assert_eq!(told, json!({ "event": name, "data": data }), "as by server-sent events");

    subscriber.0.close(None).await.unwrap();
    let missed = rendezvous.ask_all(&["{\"x\": 2}".to_owned(), "{\"x\": 3}".to_owned()]).await;
    let mut subscriber = Subscriber::of(&format!("{url}?after={id}")).await;
    let (told, id) = subscriber.results(2).await;
    assert_eq!(told, ids(&missed), "what came meanwhile is told, and nothing again");
    let mut defaults = Subscriber::of(&format!("{url}?kind=default&since_s=600")).await;
    assert!(defaults.next().await["id"].is_string(), "nobody was answered by default");

    assert_eq!(refused(socket(&format!("{url}?after=seven"))).await.0, 400);
    assert_eq!(refused(socket(&url.replace(&name, "nobody"))).await.0, 404);
    let mut page = socket(&format!("{url}?after={id}"));
    page.headers_mut().insert("origin", HeaderValue::from_static("https://elsewhere.example"));
    let (status, said) = refused(page).await;
    assert!(status == 403 && said.contains("`Origin`"), "{said}");
    let mut page = socket(&url);
    page.headers_mut().insert("origin", HeaderValue::from_str(&at).unwrap());
    assert!(timeout(PATIENCE, connect_async(page)).await.unwrap().is_ok(), "a page of our own");

    defaults.0.send(Message::text("hello")).await.unwrap();
    let frame = defaults.end().await;
    assert_eq!((u16::from(frame.code), frame.reason.contains("address")), (1003, true), "{frame}");
    stop.cancel();
    let frame = subscriber.end().await;
    assert_eq!((u16::from(frame.code), frame.reason.contains("stops")), (1001, true), "{frame}");
    rendezvous.stop().await;
}

const OURS: Fencing = Fencing { epoch: 1, instance: Uuid::nil() };
/// How many records the log keeps, and how many results are written: their bodies are far more than sockets hold.
const KEPT: usize = 64;
const WRITTEN: u64 = 400;
const BODY_BYTES: usize = 64 << 10;

fn result(number: u64) -> ResultRecord {
    let note = "x".repeat(BODY_BYTES);
    let body = format!(r#"{{"answer":{{"note":"{note}"}},"decision":{{"decided_by":"first","reason":"early"}}}}"#);
    ResultRecord {
        request: RequestId::from_uuid(Uuid::from_u128(number.into())),
        policy: "wine@1".parse().unwrap(),
        kind: ResultKind::Prediction,
        key: None,
        reply: None,
        fencing: OURS,
        body: Bytes::from(body),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_slow_reader_nothing_is_kept_but_in_the_log_and_he_is_told_what_he_missed() {
    let limits = EmbeddedLimits { records_per_partition: KEPT, ..EmbeddedLimits::default() };
    let bus: Arc<dyn Bus> = EmbeddedBus::with_limits(Clock::system(), limits);
    let policy = QUICK.replace("NAME", "wine");
    let versions = Arc::new(Versions::only(Arc::new(Definition::parse("wine.yaml", &policy).unwrap())));
    let topic = Topics::of(versions.live().name()).results;
    let spec = TopicSpec { name: topic.clone(), partitions: 1, retention: None, compacted: false };
    bus.create_topics(&[spec]).await.unwrap();
    let producer: Arc<dyn Producer> = bus.producer(&[&topic]).await.unwrap();
    let partition = TopicPartition::new(&topic, 0);
    let put = |record| producer.send(&partition, record, Box::new(|_| ())).unwrap();
    let (shelf, stop): (Shelf, _) = (Arc::new(move |_| Some(Arc::clone(&versions))), CancellationToken::new());
    let routes = results_routes(Arc::clone(&bus), Clock::system(), shelf, stop);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v1/rendezvous/wine/results", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());

    let (mut slow, mut quick) = (Subscriber::of(&url).await, Subscriber::of(&url).await);
    for number in 1..=WRITTEN {
        // The owner repeats its fence, because a reader that begins behind one knows no owner. Here it does so each time.
        put(Fence(OURS).encode());
        put(result(number).encode());
        // Whoever reads is never behind, and is told each: so the other one's socket could have been, too.
        assert_eq!(quick.results(1).await.0, BTreeSet::from([Uuid::from_u128(number.into()).to_string()]));
    }
    // Now the other reads on: first what was under way, then what he missed, then what the log still holds.
    let (mut told, mut missed, mut last) = (0, 0, Value::Null);
    let newest = Uuid::from_u128(WRITTEN.into()).to_string();
    while last != newest {
        let event = slow.next().await;
        let data = &event["data"];
        match event["event"].as_str() {
            Some("result") => (told, last) = (told + 1, data["request"].clone()),
            Some("lagged") => missed += data["to"].as_u64().unwrap() - data["from"].as_u64().unwrap(),
            _ => {}
        }
    }
    assert!(missed > 0, "the log was cut off while he did not read: what would have been kept for him is not");
    // A fence and a result each time, and what is missing begins and ends behind a result.
    assert_eq!(told + missed / 2, WRITTEN, "{told} were told, {missed} records are known to be missing");
}

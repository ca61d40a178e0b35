//! The door: the same changes over HTTP, from this machine alone unless it is said otherwise.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

mod policy;

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::Request,
};
use bus::{Clock, EmbeddedBus};
use hedgerow_control::{Access, Follower, door};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use policy::{definition, follow, text};

const HERE: &str = "127.0.0.1:40000";

async fn opened() -> Follower {
    let bus = EmbeddedBus::new(Clock::system());
    let follower = follow(&bus).await;
    follower.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    follower
}

async fn ask(router: &Router, request: Request<Body>) -> (u16, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn look(router: &Router, path: &str) -> (u16, String) {
    ask(router, Request::get(path).body(Body::empty()).unwrap()).await
}

fn post(from: &str, host: &str, body: &Value) -> Request<Body> {
    let request = Request::post("/control/wine").header("content-type", "application/json").header("host", host);
    let mut request = request.body(Body::from(body.to_string())).unwrap();
    let peer: SocketAddr = from.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn apply(expected: u64, budget_ms: u64) -> Value {
    let apply = json!({ "text": text(budget_ms), "mode": "live", "expected": expected });
    json!({ "author": "bob", "message": "faster", "action": { "apply": apply } })
}

/// Instants are what they are.
fn timeless(body: &str) -> Value {
    fn still(value: &mut Value) {
        match value {
            Value::String(text) if text.len() == 20 && text.ends_with('Z') => "an instant".clone_into(text),
            Value::Array(all) => all.iter_mut().for_each(still),
            Value::Object(all) => all.values_mut().for_each(still),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(body).unwrap();
    still(&mut value);
    value
}

#[tokio::test]
async fn a_policy_is_read_and_changed_through_the_door() {
    let router = door::router(opened().await, Access::Loopback);
    assert_eq!(look(&router, "/control").await, (200, r#"{"rendezvous":["wine"]}"#.to_owned()));
    assert_eq!(look(&router, "/control/wine/1").await, (200, text(50)));
    let (status, outcome) = ask(&router, post(HERE, "localhost:8080", &apply(1, 40))).await;
    assert_eq!((status, outcome.as_str()), (200, r#"{"outcome":"live","version":2}"#));
    let (status, refused) = ask(&router, post(HERE, "localhost:8080", &apply(1, 30))).await;
    assert_eq!(status, 409);
    insta::assert_json_snapshot!("conflict", timeless(&refused));
    let (status, policy) = look(&router, "/control/wine").await;
    assert_eq!(status, 200);
    insta::assert_json_snapshot!("policy", timeless(&policy));
}

#[tokio::test]
async fn what_cannot_be_is_said_so() {
    let router = door::router(opened().await, Access::Loopback);
    let promote = json!({ "author": "bob", "action": { "promote": { "version": 9 } } });
    let (status, body) = ask(&router, post(HERE, "localhost", &promote)).await;
    assert!(status == 422 && body.contains("version 9 is not on trial"), "{status} {body}");
    let nobody = json!({ "author": " ", "action": { "promote": { "version": 9 } } });
    let (status, body) = ask(&router, post(HERE, "localhost", &nobody)).await;
    assert!(status == 422 && body.contains("names no author"), "{status} {body}");
    let (status, body) = ask(&router, post(HERE, "localhost", &json!({ "author": "bob" }))).await;
    assert!(status == 422 && body.contains("action"), "{status} {body}");
    let (status, body) = look(&router, "/control/beer").await;
    assert!(status == 404 && body.contains("there is `wine`"), "{status} {body}");
    assert_eq!(look(&router, "/control/wine/9").await.0, 404);
}

#[tokio::test]
async fn changes_are_taken_from_this_machine_alone_unless_it_is_said_otherwise() {
    let follower = opened().await;
    let door = |access| door::router(follower.clone(), access);
    let away = "192.0.2.7:40000";
    for (access, from, host, expected) in [
        (Access::Loopback, away, "192.0.2.1:8080", 403),
        (Access::Loopback, HERE, "evil.example:8080", 403),
        (Access::Nobody, HERE, "localhost", 403),
        (Access::Loopback, "[::ffff:127.0.0.1]:40000", "[::1]:8080", 200),
        (Access::Anyone, away, "hedgerow.example", 200),
    ] {
        let newest = follower.history(&policy::name()).unwrap().borrow().newest();
        let (status, body) = ask(&door(access), post(from, host, &apply(newest, 20 + newest))).await;
        assert_eq!(status, expected, "{access:?} {from} {host} {body}");
    }
    let unknown = Request::post("/control/wine").header("content-type", "application/json");
    let unknown = unknown.body(Body::from(apply(1, 40).to_string())).unwrap();
    assert_eq!(ask(&door(Access::Loopback), unknown).await.0, 403, "who comes from nowhere changes nothing");
    let mut plain = post(HERE, "localhost", &apply(1, 40));
    plain.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(ask(&door(Access::Loopback), plain).await.0, 415, "what a page elsewhere may send without leave");
}

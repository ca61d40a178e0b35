//! Inputs that are framed for a schema registry.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, http::StatusCode, routing::get};
use hedgerow_starter::Limits;
use schemas::{Registry, RegistryAt};
use tokio::net::TcpListener;
use wire::DeadLetter;

use crate::support::{BODY, World, soon};

/// Asked for schema 7, a registry that is away three times and then knows it; it knows no other.
async fn registry() -> String {
    let asked = Arc::new(AtomicUsize::new(0));
    let seven = async move || match asked.fetch_add(1, Ordering::Relaxed) {
        0..3 => (StatusCode::SERVICE_UNAVAILABLE, ""),
        _ => (StatusCode::OK, r#"{"schema": "{}", "schemaType": "JSON"}"#),
    };
    let other = async || (StatusCode::NOT_FOUND, r#"{"error_code": 40403, "message": "Schema not found"}"#);
    let router = Router::new().route("/schemas/ids/7", get(seven)).fallback(other);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn an_input_whose_schema_cannot_be_asked_for_waits_and_nothing_behind_it_is_lost() {
    let world = Arc::new(World::new().await);
    let framed = format!("\0\0\0\0\x07{BODY}");
    world.input(&framed, &[("idempotency-key", "first")]);
    world.input("\0\0\0\0\x08{}", &[]);
    world.input("\0\0\0", &[]);
    world.input(BODY, &[("idempotency-key", "second")]);
    let schemas = Registry::start(RegistryAt::new(&registry().await, None).unwrap(), || {}).unwrap();
    let station = world.start_asking(Limits::default(), Some(Arc::new(schemas))).await;
    let mut requests = world.requests();
    for _ in 0..2 {
        assert_eq!(&*soon(requests.recv()).await.unwrap().body, BODY.as_bytes());
    }
    let mut letters = world.records(&world.topics.dead_letters);
    for expected in [
        "the body is framed for a schema registry: the registry has no schema 8",
        "the body is framed for a schema registry: it ends after 3 of the 5 bytes in front of the value",
    ] {
        let letter = soon(letters.recv()).await.unwrap();
        assert_eq!(DeadLetter::describe(&letter.record).unwrap().1, expected);
        assert_eq!(letter.record.payload.unwrap()[0], 0, "it is as it was");
    }
    assert_eq!(station.metric(r#"hedgerow_invalid_inputs_total{reason="framed"}"#).as_deref(), Some("2"));
    station.stop().await;
    assert_eq!(crate::inputs::committed(&world).await, Some(4));
}

#[tokio::test]
async fn an_input_whose_schema_is_named_in_a_header_is_json_or_put_aside_with_what_to_set() {
    let world = Arc::new(World::new().await);
    let header = ("__value_schema_id", "\u{1}0123456789abcdef");
    world.input("\0\0\0\0\x07{}", &[header]);
    world.input(BODY, &[header]);
    let schemas = Registry::start(RegistryAt::new(&registry().await, None).unwrap(), || {}).unwrap();
    let _station = world.start_asking(Limits::default(), Some(Arc::new(schemas))).await;
    assert_eq!(&*soon(world.requests().recv()).await.unwrap().body, BODY.as_bytes());
    let letter = soon(world.records(&world.topics.dead_letters).recv()).await.unwrap();
    let told = DeadLetter::describe(&letter.record).unwrap().1;
    assert!(told.contains("the header `__value_schema_id`") && told.contains("PrefixSchemaIdSerializer"), "{told}");
}

#[tokio::test]
async fn without_a_registry_a_framed_input_is_put_aside_with_what_to_do() {
    let world = Arc::new(World::new().await);
    world.input("\0\0\0\0\x07{}", &[]);
    let _station = world.start().await;
    let letter = soon(world.records(&world.topics.dead_letters).recv()).await.unwrap();
    let told = "the body is framed for a schema registry: schema 7 is in none, because the starter was given no --schema-registry";
    assert_eq!(DeadLetter::describe(&letter.record).unwrap().1, told);
}

//! What executors are asked and what they say, beside its test vectors: `vectors/requests.json` and `vectors/responses.json`.
//! The Python package is tested by the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, path::Path};

use bytes::Bytes;
use hedgerow_wire::{Envelope, Headers, Record, Reply, Request, Response, Role};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Vector {
    name: String,
    key: String,
    headers: Vec<(String, String)>,
    payload: String,
    /// What it says; nothing, if it is none.
    #[serde(default)]
    means: Option<Value>,
    /// Holds what we would not write.
    #[serde(default)]
    foreign: bool,
}

fn vectors(file: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn record(vector: &Vector) -> Record {
    let mut headers = Headers::default();
    for (name, value) in &vector.headers {
        headers.push(name, Some(value.as_bytes()));
    }
    let key = (0..vector.key.len()).step_by(2).map(|at| u8::from_str_radix(&vector.key[at..at + 2], 16).unwrap());
    Record { key: Some(key.collect()), headers, payload: Some(Bytes::from(vector.payload.clone())) }
}

fn request_means(request: &Request) -> Value {
    let asked = |asked: &hedgerow_wire::Asked| {
        let start_after = u64::try_from(asked.start_after.as_micros()).unwrap();
        json!({ "executor": asked.executor.as_str(), "is_canary": asked.role == Role::Canary, "start_after_us": start_after })
    };
    let attributes: serde_json::Map<_, Value> =
        request.attributes.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "id": request.id.to_string(),
        "born_us": request.born.as_micros(),
        "budget_us": request.budget.as_micros(),
        "deadline_us": request.deadline().as_micros(),
        "policy": request.policy.to_string(),
        "case": request.case,
        "plan": request.plan.asked().iter().map(asked).collect::<Vec<_>>(),
        "key": request.key,
        "attributes": attributes,
        "traceparent": request.traceparent.as_deref().map(String::from_utf8_lossy),
    })
}

fn response_means(response: &Response) -> Value {
    let (answer, failure, message) = match &response.reply {
        Reply::Answer(answer) => (Some(String::from_utf8_lossy(answer)), None, ""),
        Reply::Failure(failure) => (None, Some(failure.kind.as_str()), &*failure.message),
    };
    let micros = |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap();
    json!({
        "request": response.request.to_string(),
        "executor": response.executor.as_str(),
        "model": response.model.as_str(),
        "fetched_us": micros(response.fetched),
        "queued_us": micros(response.queued),
        "scored_us": micros(response.scored),
        "answer": answer,
        "failure": failure,
        "message": message,
    })
}

/// Reads each vector as what it means, and writes what it means as the vector.
fn check(file: &str, means: impl Fn(&Envelope) -> Value) {
    let vectors = vectors(file);
    assert!(vectors.len() > 5, "{file} holds {} vectors", vectors.len());
    for vector in vectors {
        let record = record(&vector);
        let read = Envelope::decode(&record);
        let Some(expected) = &vector.means else {
            assert!(read.is_err(), "{}: {read:?}", vector.name);
            continue;
        };
        let read = read.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(means(&read), *expected, "{}", vector.name);
        if !vector.foreign {
            assert_eq!(read.encode(), record, "{}", vector.name);
        }
    }
}

#[test]
fn requests_are_read_and_written_as_the_vectors_say() {
    check("requests.json", |read| match read {
        Envelope::Request(request) => request_means(request),
        other => panic!("{other:?}"),
    });
}

#[test]
fn responses_are_read_and_written_as_the_vectors_say() {
    check("responses.json", |read| match read {
        Envelope::Response(response) => response_means(response),
        other => panic!("{other:?}"),
    });
}

//! What is fetched from where: from a real object store, and from servers that say what the real ones say; the real `MLflow`
//! is asked in `tests/`.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::IntoResponse as _,
    routing::get,
};
use broker::Store;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use serde_json::json;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

/// What was asked, and by whom.
type Asked = Arc<std::sync::Mutex<Vec<String>>>;

async fn served(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn knowing(said: &[(&str, &str)]) -> Artifacts {
    let said: HashMap<String, String> =
        said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Artifacts::new(move |name| said.get(name).cloned())
}

async fn refused(artifacts: &Artifacts, uri: &str) -> String {
    artifacts.fetch(uri).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_is_read_and_one_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.onnx");
    std::fs::write(&file, "model").unwrap();
    let fetched = knowing(&[]).fetch(&format!("file://{}", file.display())).await;
    assert_eq!(fetched.unwrap(), "model");
    let told = refused(&knowing(&[]), "file:///nowhere/a.onnx").await;
    assert!(told.starts_with("cannot read `/nowhere/a.onnx`") && told.contains("every process"), "{told}");
}

#[tokio::test]
async fn a_server_that_is_away_for_a_moment_is_asked_again_and_one_that_says_no_is_not() {
    let asked = Asked::default();
    let router = Router::new()
        .route(
            "/flaky",
            get(async |State(asked): State<Asked>| {
                let mut asked = asked.lock().unwrap();
                asked.push("flaky".to_owned());
                if asked.len() == 1 { StatusCode::BAD_GATEWAY.into_response() } else { "model".into_response() }
            }),
        )
        .with_state(Arc::clone(&asked));
    let base = served(router).await;
    assert_eq!(knowing(&[]).fetch(&format!("{base}/flaky")).await.unwrap(), "model");
    assert_eq!(asked.lock().unwrap().len(), 2);
    let told = refused(&knowing(&[]), &format!("{base}/none")).await;
    assert!(told.ends_with("the server says 404 Not Found"), "{told}");
}

#[test]
fn other_bytes_than_were_published_are_refused_with_both_hashes() {
    let bytes = Bytes::from_static(b"model");
    assert_eq!(checked(bytes.clone(), &hash(b"model"), String::new).unwrap(), bytes);
    let told = checked(bytes, &"0".repeat(64), || "https://shelf/a".to_owned()).unwrap_err().to_string();
    assert!(told.starts_with("https://shelf/a has other bytes than were published") && told.contains(&hash(b"model")));
}

/// Puts `model` into a bucket of a store, as `a/b.onnx`.
async fn shelved(bucket: &'static str) -> &'static Store {
    let store = tokio::task::spawn_blocking(Store::shared).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    let bucket = Bucket::new(store.url().parse().unwrap(), UrlStyle::Path, bucket, "eu-north-1").unwrap();
    let who = Credentials::new(Store::KEY, Store::SECRET);
    let (made, put) = (bucket.create_bucket(&who).sign(MINUTE), bucket.put_object(Some(&who), "a/b.onnx").sign(MINUTE));
    let client = reqwest::Client::new();
    for (url, body) in [(made, ""), (put, "model")] {
        let answer = client.put(url).body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
    store
}

#[tokio::test]
async fn an_object_is_fetched_from_a_store_by_its_key_and_what_the_store_refuses_is_told_without_the_address() {
    let store = shelved("shelf").await;
    let url = store.url();
    let at = [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_REGION", "eu-north-1")];
    let keyed =
        |key, secret| knowing(&[&at[..], &[("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)]].concat());
    let right = keyed(Store::KEY, Store::SECRET);
    assert_eq!(right.fetch("s3://shelf/a/b.onnx").await.unwrap(), "model");
    let none = refused(&right, "s3://shelf/other").await;
    assert!(none.starts_with("cannot fetch s3://shelf/other: the server says 404 Not Found: NoSuchKey"), "{none}");
    for (artifacts, code) in [
        (keyed(Store::KEY, "another"), "SignatureDoesNotMatch"),
        (keyed("AKIANOBODY", Store::SECRET), "InvalidAccessKeyId"),
        (knowing(&at), "AccessDenied"),
    ] {
        let told = refused(&artifacts, "s3://shelf/a/b.onnx").await;
        let wanted = format!("cannot fetch s3://shelf/a/b.onnx: the server says 403 Forbidden: {code}");
        assert!(told.starts_with(&wanted) && !told.contains("X-Amz"), "{told}");
    }
}

#[tokio::test]
async fn a_key_in_a_file_is_read_again_whenever_something_is_fetched() {
    let store = shelved("library").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let (url, path) = (store.url(), file.display().to_string());
    let at = [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_SHARED_CREDENTIALS_FILE", path.as_str())];
    let artifacts = knowing(&[&at[..], &[("AWS_PROFILE", "models")]].concat());
    let told = refused(&artifacts, "s3://library/a/b.onnx").await;
    assert!(told.contains("which AWS_SHARED_CREDENTIALS_FILE names, cannot be read"), "{told}");
    let written = |secret: &str| {
        let key = Store::KEY;
        let text = format!(
            "[default]\naws_access_key_id = x\naws_secret_access_key = y\n\n[models]\naws_access_key_id={key}\n"
        );
        std::fs::write(&file, format!("{text}aws_secret_access_key = {secret}\n")).unwrap();
    };
    written("");
    let told = refused(&artifacts, "s3://library/a/b.onnx").await;
    assert!(told.ends_with("has no profile `models` with aws_access_key_id and aws_secret_access_key"), "{told}");
    written("last-week-s");
    let told = refused(&artifacts, "s3://library/a/b.onnx").await;
    assert!(told.contains("SignatureDoesNotMatch") && !told.contains("last-week-s"), "{told}");
    written(Store::SECRET);
    assert_eq!(artifacts.fetch("s3://library/a/b.onnx").await.unwrap(), "model");
}

#[tokio::test]
async fn half_a_key_is_refused_with_what_to_set() {
    let told = refused(&knowing(&[("AWS_ACCESS_KEY_ID", "AKIA")]), "s3://shelf/a").await;
    assert!(told.contains("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{told}");
}

#[tokio::test]
async fn an_alias_of_mlflow_is_followed_to_a_version_and_its_file() {
    let alias = async |Query(query): Query<HashMap<String, String>>| {
        if query["name"] == "wine" && query["alias"] == "champion" {
            Json(json!({ "model_version": { "version": "7", "run_id": "abc" } })).into_response()
        } else {
            let message = json!({ "message": "Registered model alias none not found." });
            (StatusCode::BAD_REQUEST, Json(message)).into_response()
        }
    };
    let version = async |Query(query): Query<HashMap<String, String>>| {
        Json(json!({ "model_version": { "version": query["version"], "run_id": "" } }))
    };
    let download = async || Json(json!({ "artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts" }));
    let router = Router::new()
        .route("/base/api/2.0/mlflow/registered-models/alias", get(alias))
        .route("/base/api/2.0/mlflow/model-versions/get", get(version))
        .route("/base/api/2.0/mlflow/model-versions/get-download-uri", get(download))
        .route("/base/api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts/model.onnx", get(async || "model"));
    let base = served(router).await;
    let artifacts = knowing(&[("MLFLOW_TRACKING_URI", &format!("{base}/base/"))]);
    let settled = artifacts.settle("models:/wine@champion").await.unwrap();
    assert_eq!(settled.uri, "models:/wine/7");
    assert_eq!(settled.trained_on.as_deref(), Some("mlflow run abc"));
    assert_eq!(artifacts.fetch(&settled.uri).await.unwrap(), "model");
    let told = refused(&artifacts, "models:/wine@none").await;
    assert!(told.ends_with("the server says 400 Bad Request: Registered model alias none not found."), "{told}");
    let told = refused(&knowing(&[]), "models:/wine/7").await;
    assert!(told.ends_with("set MLFLOW_TRACKING_URI to the address of the MLflow server"), "{told}");
}

//! What is fetched from where, against servers that say what the real ones say; the real `MLflow` is asked in `tests/`.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::json;

use super::*;

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

#[tokio::test]
async fn an_object_is_asked_for_by_an_address_that_is_signed_and_never_told() {
    let asked = Asked::default();
    let answer = async |State(asked): State<Asked>, request: Request| -> Response {
        asked.lock().unwrap().push(request.uri().to_string());
        if request.uri().path() == "/shelf/a/b.onnx" {
            "model".into_response()
        } else {
            StatusCode::FORBIDDEN.into_response()
        }
    };
    let base = served(Router::new().fallback(answer).with_state(Arc::clone(&asked))).await;
    let endpoint = [("AWS_ENDPOINT_URL", base.as_str()), ("AWS_REGION", "eu-north-1")];
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let artifacts = knowing(&[endpoint, keys].concat());
    assert_eq!(artifacts.fetch("s3://shelf/a/b.onnx").await.unwrap(), "model");
    let uri = asked.lock().unwrap()[0].clone();
    assert!(uri.contains("X-Amz-Signature=") && uri.contains("AKIA%2F") && uri.contains("eu-north-1"), "{uri}");
    let told = refused(&artifacts, "s3://shelf/other").await;
    assert_eq!(told, "cannot fetch s3://shelf/other: the server says 403 Forbidden");
    assert!(!told.contains("Signature"));
    let told = refused(&knowing(&[keys[0]]), "s3://shelf/a").await;
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

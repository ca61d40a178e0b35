//! Models in a real object store: published by their address, served, and refused to whoever has the wrong key.

use std::{fs, path::Path, time::Duration};

use broker::Store;
use reqwest::Client;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use tempfile::TempDir;

use crate::{
    process::{Process, hedgerow},
    published::{FIRST, POLICY, SECOND, hash, publish, until_it_serves, version},
};

const MINUTE: Duration = Duration::from_mins(1);

/// Puts files into the bucket `shelf`, each under its own name.
async fn shelve(store: &Store, files: &[&str]) {
    let bucket = Bucket::new(store.url().parse().unwrap(), UrlStyle::Path, "shelf", "us-east-1").unwrap();
    let (who, client) = (Credentials::new(Store::KEY, Store::SECRET), Client::new());
    let put = async |url, body: Vec<u8>| {
        let answer = client.put(url).body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    };
    put(bucket.create_bucket(&who).sign(MINUTE), Vec::new()).await;
    for file in files {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let name = path.file_name().unwrap().to_str().unwrap();
        put(bucket.put_object(Some(&who), name).sign(MINUTE), fs::read(&path).unwrap()).await;
    }
}

/// Writes a file as AWS' own tools read it.
fn keep(file: &Path, secret: &str) {
    let text = format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {secret}\n", Store::KEY);
    fs::write(file, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_in_an_object_store_is_published_and_served_and_a_new_key_in_its_file_is_read_without_a_restart() {
    let store = tokio::task::spawn_blocking(Store::shared).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    shelve(store, &[FIRST, SECOND]).await;
    let (url, folder) = (store.url(), TempDir::new().unwrap());
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let file = folder.path().join("credentials");
    keep(&file, Store::SECRET);
    let keys = file.display().to_string();
    let at = [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_SHARED_CREDENTIALS_FILE", keys.as_str())];
    let mut command = hedgerow(&folder);
    command.args(["up", "policy.yaml", "--listen", "127.0.0.1:0"]).envs(at);
    let process = Process::start(folder, command);
    let visitor = process.visitor(None);

    let (code, told) = publish(&process, &at, "a", "s3://shelf/forest.onnx");
    assert_eq!(code, Some(0), "{told}");
    let first = version(&visitor, "a").await;
    let source = &first["source"]["reference"]["uri"];
    assert_eq!((source, &first["sha256"]), (&"s3://shelf/forest.onnx".into(), &hash(FIRST).into()));
    until_it_serves(&process, &visitor, "forest@a").await;

    // The key that the process has is no good any more, and whoever publishes has a good one.
    keep(&file, "last-week-s");
    let (code, told) = publish(&process, &at, "b", "s3://shelf/better.onnx");
    assert!(code == Some(1) && told.contains("403 Forbidden: SignatureDoesNotMatch"), "{told}");
    let own = [at[0], ("AWS_ACCESS_KEY_ID", Store::KEY), ("AWS_SECRET_ACCESS_KEY", Store::SECRET)];
    let (code, told) = publish(&process, &own, "b", "s3://shelf/better.onnx");
    assert_eq!(code, Some(0), "{told}");
    until_it_serves(&process, &visitor, "forest@a").await;
    keep(&file, Store::SECRET);
    // What could not be had is tried again after the next change of the model.
    let (code, told) = publish(&process, &own, "c", "s3://shelf/better.onnx");
    assert_eq!(code, Some(0), "{told}");
    until_it_serves(&process, &visitor, "forest@c").await;
}

//! A registry that answers as told.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
struct Script(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    /// What is answered, in its order.
    answers: VecDeque<(u16, &'static str)>,
    asked: Vec<String>,
}

async fn answer(State(script): State<Script>, uri: Uri, headers: HeaderMap) -> (StatusCode, &'static str) {
    let mut script = script.0.lock().unwrap();
    let let_in = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    script.asked.push(format!("{} {let_in}", uri.path()).trim().to_owned());
    let (status, body) = script.answers.pop_front().expect("more was asked than the test knows of");
    (StatusCode::from_u16(status).unwrap(), body)
}

/// Serves `answers` one after another; returns the address and what is asked.
async fn serve(answers: &[(u16, &'static str)]) -> (String, Script) {
    let script = Script::default();
    script.0.lock().unwrap().answers.extend(answers);
    let router = Router::new().fallback(answer).with_state(script.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/base/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, script)
}

/// Looks until something is known.
async fn known(registry: &Registry, id: u32) -> Look {
    let looking = async {
        loop {
            match registry.look(id) {
                Look::Waiting => tokio::time::sleep(Duration::from_millis(1)).await,
                known => return known,
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it is known in time")
}

fn asked(script: &Script) -> Vec<String> {
    script.0.lock().unwrap().asked.clone()
}

#[tokio::test]
async fn a_schema_is_asked_for_once_with_all_that_it_refers_to() {
    let root = r#"{"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"u\",\"type\":\"U\"}]}",
        "references": [{"name": "U", "subject": "a b/u", "version": 3}]}"#;
    let unit = r#"{"schema": "{\"type\":\"enum\",\"name\":\"U\",\"symbols\":[\"A\"]}", "subject": "a b/u"}"#;
    let (address, script) = serve(&[(200, root), (200, unit)]).await;
    let registry = Registry::start(RegistryAt::new(&address, None).unwrap(), || {}).unwrap();
    for _ in 0..3 {
        let Look::Schema(schema) = known(&registry, 7).await else { panic!("it is one") };
        assert_eq!(schema.decode(&[0]).unwrap(), r#"{"u":"A"}"#);
    }
    assert_eq!(asked(&script), ["/base/schemas/ids/7", "/base/subjects/a%20b%2Fu/versions/3"]);
}

#[tokio::test]
async fn a_registry_that_is_away_is_asked_until_it_answers() {
    let unknown = r#"{"error_code": 40403, "message": "Schema not found"}"#;
    let away =
        [(500, ""), (404, "<html>"), (404, r#"{"error_code": 404}"#), (401, r#"{"error_code": 401}"#), (200, "[]")];
    let answers: Vec<_> =
        away.into_iter().chain([(404, unknown), (200, r#"{"schema": "", "schemaType": "JSON"}"#)]).collect();
    let (address, script) = serve(&answers).await;
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let on_failure = move || _ = counted.fetch_add(1, Ordering::Relaxed);
    let registry = Registry::start(RegistryAt::new(&address, None).unwrap(), on_failure).unwrap();
    let Look::Unusable(why) = known(&registry, 7).await else { panic!("there is none") };
    assert_eq!(&*why, "the registry has no schema 7");
    assert_eq!(failures.load(Ordering::Relaxed), 5);
    assert!(matches!(known(&registry, 7).await, Look::Unusable(_)), "for a while it is not asked again");
    assert!(matches!(known(&registry, 8).await, Look::Schema(_)));
    assert_eq!(asked(&script).len(), 7);
}

#[tokio::test]
async fn what_cannot_be_used_says_why() {
    let answers = [
        (200, r#"{"schema": "{"}"#),
        (200, r#"{"schema": "x", "schemaType": "XML"}"#),
        (200, r#"{"schema": "{}", "references": [{"name": "U", "subject": "u", "version": 1}]}"#),
        (404, r#"{"error_code": 40402}"#),
    ];
    let (address, _) = serve(&answers).await;
    let registry = Registry::start(RegistryAt::new(&address, None).unwrap(), || {}).unwrap();
    for (id, expected) in [
        (1, "schema 1 cannot be used: it cannot be read: "),
        (2, "schema 2 is of the unknown type `XML`"),
        (3, "schema 3 refers to `u` version 1, which the registry does not have"),
    ] {
        let Look::Unusable(why) = known(&registry, id).await else { panic!("{id} is none") };
        assert!(why.starts_with(expected), "{why}");
    }
}

#[tokio::test]
async fn the_secret_is_read_when_it_is_needed_and_told_to_the_registry_alone() {
    let file = std::env::temp_dir().join(format!("hedgerow-schemas-{}", std::process::id()));
    fs::write(&file, "ann:s3cret\n").unwrap();
    let json = (200, r#"{"schema": "", "schemaType": "JSON"}"#);
    let (address, script) = serve(&[json, json]).await;
    let credentials: Credentials = format!("file:{}", file.display()).parse().unwrap();
    let registry = Registry::start(RegistryAt::new(&address, Some(credentials.clone())).unwrap(), || {}).unwrap();
    assert!(matches!(known(&registry, 1).await, Look::Schema(_)));
    fs::write(&file, "a-token").unwrap();
    assert!(matches!(known(&registry, 2).await, Look::Schema(_)));
    let basic = "/base/schemas/ids/1 Basic YW5uOnMzY3JldA==";
    assert_eq!(asked(&script), [basic, "/base/schemas/ids/2 Bearer a-token"]);
    assert!(!format!("{registry:?} {credentials:?}").contains("s3cret"));
    fs::remove_file(&file).unwrap();
    let gone = RegistryAt::new(&address, Some(credentials)).unwrap_err().to_string();
    assert!(gone.starts_with("the schema registry's credentials are in the file "), "{gone}");
    for plain in ["ann:s3cret", "token", "env:", ""] {
        assert_eq!(plain.parse::<Credentials>(), Err(InvalidCredentials), "{plain}");
    }
}

#[test]
fn an_address_is_that_of_a_registry_and_holds_no_password() {
    for (address, told) in [
        ("registry:8081", "is no address"),
        ("ftp://registry", "is no address"),
        ("http://registry?x=1", "is no address"),
        ("http://ann:s3cret@registry", "--schema-registry-credentials"),
    ] {
        let refused = RegistryAt::new(address, None).unwrap_err().to_string();
        assert!(refused.contains(told) && !refused.contains("s3cret"), "{refused}");
    }
}

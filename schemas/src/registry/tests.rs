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

type Said = (StatusCode, [(&'static str, &'static str); 1], &'static str);

async fn answer(State(script): State<Script>, uri: Uri, headers: HeaderMap) -> Said {
    let mut script = script.0.lock().unwrap();
    let let_in = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    script.asked.push(format!("{} {let_in}", uri.path()).trim().to_owned());
    let (status, body) = script.answers.pop_front().expect("more was asked than the test knows of");
    (StatusCode::from_u16(status).unwrap(), [("location", "/elsewhere")], body)
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

fn at(address: &str) -> RegistryAt {
    RegistryAt::new(address, None).unwrap()
}

#[tokio::test]
async fn a_schema_is_asked_for_once_with_all_that_it_refers_to() {
    let record = |name: &str, of: &str, references: &str| -> &'static str {
        let fields = format!(r#"[{{\"name\":\"{}\",\"type\":\"{of}\"}}]"#, of.to_lowercase());
        let schema = format!(r#"{{\"type\":\"record\",\"name\":\"{name}\",\"fields\":{fields}}}"#);
        format!(r#"{{"schema": "{schema}", "references": [{references}]}}"#).leak()
    };
    let (middle, unit) =
        (r#"{"name": "M", "subject": "a b/m", "version": 3}"#, r#"{"name": "U", "subject": "u", "version": 1}"#);
    let (root, middle) = (record("R", "M", &format!("{middle}, {unit}")), record("M", "U", unit));
    let unit = r#"{"schema": "{\"type\":\"enum\",\"name\":\"U\",\"symbols\":[\"A\"]}", "subject": "u"}"#;
    let (address, script) = serve(&[(200, root), (200, middle), (200, unit)]).await;
    let registry = Registry::start(at(&address), || {}).unwrap();
    for _ in 0..3 {
        let Look::Schema(schema) = known(&registry, 7).await else { panic!("it is one") };
        assert_eq!(schema.decode(&[0]).unwrap(), r#"{"m":{"u":"A"}}"#);
    }
    let others = ["/base/subjects/a%20b%2Fm/versions/3", "/base/subjects/u/versions/1"];
    assert_eq!(asked(&script), [&["/base/schemas/ids/7"], &others[..]].concat());
}

#[tokio::test]
async fn a_registry_that_is_away_is_asked_until_it_answers() {
    let known_to_it = r#"{"schema": "", "schemaType": "JSON"}"#;
    let endless: &str = format!(r#"{{"schema": "", "schemaType": "JSON", "more": "{}"}}"#, "x".repeat(5 << 20)).leak();
    for away in [
        (500, ""),
        (404, "<html>"),
        (404, r#"{"error_code": 404}"#),
        (401, r#"{"error_code": 401}"#),
        (200, "[]"),
        (200, endless),
        (302, ""),
    ] {
        let (address, script) = serve(&[away, (200, known_to_it)]).await;
        let failures = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&failures);
        let on_failure = move || _ = counted.fetch_add(1, Ordering::Relaxed);
        let registry = Registry::start(at(&address), on_failure).unwrap();
        assert!(matches!(known(&registry, 7).await, Look::Schema(_)), "{}", away.0);
        assert_eq!(failures.load(Ordering::Relaxed), 1, "{}", away.0);
        assert_eq!(asked(&script), ["/base/schemas/ids/7"; 2], "it is sent nowhere else");
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_says_nothing_is_away_too() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let asking = Asking::new(at(&format!("http://{}", silent.local_addr().unwrap()))).unwrap();
    let told = tokio::time::timeout(PATIENCE, asking.ask(7)).await.expect("it is given up");
    assert!(matches!(told, Told::Away(_)));
}

#[tokio::test]
async fn what_a_registry_does_not_know_is_not_asked_for_again_at_once() {
    let answers = [(404, r#"{"error_code": 40403}"#), (200, r#"{"schema": "", "schemaType": "JSON"}"#)];
    let (address, script) = serve(&answers).await;
    let registry = Registry::start(at(&address), || {}).unwrap();
    for _ in 0..2 {
        let Look::Unusable(why) = known(&registry, 7).await else { panic!("there is none") };
        assert_eq!(&*why, "the registry has no schema 7");
    }
    assert!(matches!(known(&registry, 8).await, Look::Schema(_)));
    assert_eq!(asked(&script).len(), 2);
}

#[tokio::test]
async fn what_refers_to_others_without_end_is_given_up() {
    let next =
        |at| format!(r#"{{"schema": "{{}}", "references": [{{"name": "N{at}", "subject": "s", "version": {at}}}]}}"#);
    let answers: Vec<(u16, &str)> = (0..=100).map(|at| (200, &*next(at).leak())).collect();
    let (address, _) = serve(&answers).await;
    let registry = Registry::start(at(&address), || {}).unwrap();
    let Look::Unusable(why) = known(&registry, 7).await else { panic!("it has no end") };
    assert_eq!(&*why, "schema 7 refers to more than 100 others");
}

#[tokio::test(start_paused = true)]
async fn what_a_registry_did_not_know_is_asked_for_again_after_a_while() {
    let known = Arc::new(Known::default());
    known.put(7, Look::Unusable("there is none".into()));
    known.put(8, Look::Schema(Arc::new(Schema::Json)));
    // The task that forgets has to come to where it waits.
    tokio::task::yield_now().await;
    assert_eq!(known.looks().len(), 2);
    tokio::time::sleep(UNKNOWN_STANDS + Duration::from_millis(1)).await;
    assert!(known.looks().keys().eq(&[8]));
}

#[test]
fn of_schemas_that_somebody_makes_for_each_record_no_more_are_kept_than_others_have() {
    let registry = Registry::start(at("http://localhost:1"), || {}).unwrap();
    let some = (0..).take(KEPT_MAX).map(|id| (id, Look::Schema(Arc::new(Schema::Json))));
    registry.known.looks().extend(some);
    assert!(matches!(registry.look(0), Look::Schema(_)));
    assert!(matches!(registry.look(u32::MAX), Look::Waiting));
    assert!(registry.known.looks().keys().eq(&[u32::MAX]));
}

#[tokio::test]
async fn a_registry_that_is_away_is_asked_no_more_once_nobody_wants_to_know() {
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    // Nobody listens there.
    let registry = Registry::start(at("http://127.0.0.1:1"), move || _ = counted.fetch_add(1, Ordering::Relaxed));
    let registry = registry.unwrap();
    assert!(matches!(registry.look(7), Look::Waiting));
    let until = async |enough: &dyn Fn() -> bool| {
        let looking = async {
            while !enough() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("it comes to that");
    };
    until(&|| failures.load(Ordering::Relaxed) > 0).await;
    drop(registry);
    until(&|| Arc::strong_count(&failures) == 1).await;
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
    let registry = Registry::start(at(&address), || {}).unwrap();
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

//! Every page of a process that runs, the JSON that it is drawn from, and how it is sent again.

use std::time::Duration;

use measures::Overview;
use models::{ModelStats, Numbers};
use reqwest::{Response, header};
use serde_json::Value;
use tokio::time::timeout;

use crate::process::{PATIENCE, Process, Visitor};

const PAGES: [&str; 9] = [
    "/",
    "/health",
    "/rendezvous/wine",
    "/rendezvous/wine/policy",
    "/rendezvous/wine/canaries",
    "/rendezvous/wine/canaries/next",
    "/rendezvous/wine/requests",
    "/rendezvous/wine/playground",
    "/models",
];

/// Waits until `count` results are counted.
async fn counted(visitor: &Visitor, count: u64) -> Value {
    let enough = async {
        loop {
            let one = visitor.json("/api/v1/rendezvous/wine").await;
            if one["results"] == count {
                return one;
            }
        }
    };
    timeout(PATIENCE, enough).await.expect("every result is counted")
}

/// Returns the next `<main>` of a stream, without the comments that keep it alive.
async fn next_main(stream: &mut Response) -> Option<String> {
    let mut text = String::new();
    while !text.ends_with("\n\n") || !text.contains("data:") {
        let chunk = timeout(PATIENCE, stream.chunk()).await.expect("something is sent").ok()??;
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    Some(lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n"))
}

async fn stream(visitor: &Visitor, path: &str) -> Response {
    let response = visitor.get(path).header(header::ACCEPT, "text/event-stream").send().await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream", "{path}");
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_there_with_its_policy_and_its_files_are_kept_for_ever() {
    let process = Process::up(&[], &[]);
    let visitor = process.visitor(None);
    let id = process.ask(1).await;
    let request = format!("/rendezvous/wine/requests/{id}");
    for path in PAGES.into_iter().chain([request.as_str(), "/sign-in"]) {
        let page = visitor.page(path).await;
        assert_eq!(page.status(), 200, "{path}");
        let said = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
        let policy = said("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'"));
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!((said("x-content-type-options"), said("cache-control")), ("nosniff".into(), "no-store".into()));
        assert_eq!(said("content-type"), "text/html; charset=utf-8");
        let text = page.text().await.unwrap();
        assert!(!text.contains(" style=") && !text.contains("<style") && !text.contains("onclick"), "{path}");
        assert_eq!(text.matches("<script").count(), 1, "{path}: one script, and it is a file");
    }
    let text = visitor.page("/").await.text().await.unwrap();
    let linked = |before: &str| {
        let (_, rest) = text.split_once(before).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    for (path, media) in [
        (linked("<link rel=\"stylesheet\" href=\""), "text/css; charset=utf-8"),
        (linked("<script src=\""), "text/javascript; charset=utf-8"),
    ] {
        let file = visitor.get(&path).send().await.unwrap();
        assert_eq!((file.status().as_u16(), &file.headers()[header::CONTENT_TYPE]), (200, &media.parse().unwrap()));
        assert_eq!(file.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    }
    let well = visitor.get("/health").send().await.unwrap();
    assert_eq!(
        (well.status().as_u16(), &well.headers()[header::CONTENT_TYPE]),
        (200, &"application/json".parse().unwrap())
    );
    for nothing in ["/rendezvous/beer", "/rendezvous/beer/policy", "/rendezvous/wine/policy?version=99"] {
        assert_eq!(visitor.page(nothing).await.status(), 404, "{nothing}");
    }
    let unknown = visitor.main("/rendezvous/wine/requests/nobody").await;
    assert!(unknown.contains("There is no such request"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_s_page_links_to_its_trace_where_traces_are_looked_at() {
    let process = Process::up(&["--trace-url", "http://jaeger.example/trace/{trace_id}"], &[]);
    let visitor = process.visitor(None);
    let id = process.ask(1).await;
    let told = visitor.json(&format!("/api/v1/rendezvous/wine/requests/{id}")).await;
    let trace = told["trace_id"].as_str().unwrap();
    let page = visitor.main(&format!("/rendezvous/wine/requests/{id}")).await;
    assert!(page.contains(&format!("<a href=\"http://jaeger.example/trace/{trace}\"")), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_drawn_from_its_json_twin() {
    let process = Process::up(&[], &[]);
    let visitor = process.visitor(None);
    for x in 0..20 {
        process.ask(x).await;
    }
    counted(&visitor, 20).await;
    // Time goes on between one question and the next; it stands still long enough for two.
    let agree = async {
        loop {
            let twin = visitor.json("/api/v1/rendezvous").await;
            let all: Vec<Overview> = serde_json::from_value(twin["rendezvous"].clone()).unwrap();
            if visitor.main("/").await == ::pages::console::overview(&all).main {
                return all;
            }
        }
    };
    let all = timeout(PATIENCE, agree).await.expect("the page shows what its twin says");
    assert_eq!((all.len(), all[0].results), (1, 20));
    let twin = visitor.json("/api/v1/rendezvous/wine/policy?version=1").await;
    assert_eq!((&twin["live"], &twin["shown"]["version"]), (&Value::from(1), &Value::from(1)));
    let text = twin["shown"]["text"].as_str().unwrap();
    assert!(text.contains("rendezvous: wine") && visitor.main("/rendezvous/wine/policy").await.contains("forest"));
    let value = visitor.json("/api/v1/rendezvous/wine/value-of-time?since_s=600").await;
    assert_eq!((value["replayed"].as_u64(), value["points"].as_array().map(Vec::len)), (Some(20), Some(7)), "{value}");
    let canaries = visitor.json("/api/v1/rendezvous/wine/canaries").await;
    assert_eq!((&canaries[0]["canary"], &canaries[0]["report"]["canary"]), (&"next".into(), &"next".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_models_did_is_told_alike_by_the_api_the_command_and_the_page() {
    let process = Process::up(&[], &[]);
    let visitor = process.visitor(None);
    for x in 0..20 {
        process.ask(x).await;
    }
    let told = async {
        loop {
            let told = visitor.json("/api/v1/models").await;
            let stats: Vec<ModelStats> = serde_json::from_value(told["stats"].clone()).unwrap();
            if stats.iter().all(|model| model.all.requests == 20) {
                return stats;
            }
        }
    };
    let stats = timeout(PATIENCE, told).await.expect("every use is counted");
    let names: Vec<&str> = stats.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["wine/boost", "wine/forest", "wine/next"]);
    let canaries: Vec<bool> = stats.iter().map(|model| model.run_by[0].canary).collect();
    assert_eq!(canaries, [false, false, true]);
    for model in &stats {
        let Numbers { calls, answered, failed, .. } = model.all;
        assert_eq!((calls, answered, failed), (Some(20), 20, 0), "{model:?}");
        assert_eq!((model.versions.len(), model.versions[0].numbers == model.all), (1, true), "{model:?}");
        assert!(model.current.is_some() && model.since.is_some() && model.all.duration.max_us.is_some(), "{model:?}");
    }
    assert_eq!(visitor.main("/models").await, ::pages::console::models(&stats, 3_600_000_000).main);
    let one = visitor.json("/api/v1/models/wine/forest?window_s=600").await;
    assert_eq!((&one["stats"]["answered"], &one["name"]), (&Value::from(20), &Value::from("wine/forest")));

    let stats_of = |arguments: &[&str]| process.run(&[&["models", "stats"], arguments].concat(), &[]);
    let printed = |output: &std::process::Output| String::from_utf8(output.stdout.clone()).unwrap();
    let json: Value = serde_json::from_str(&printed(&stats_of(&["--json"]))).unwrap();
    assert_eq!(serde_json::from_value::<Vec<ModelStats>>(json["stats"].clone()).unwrap(), stats);
    let table = printed(&stats_of(&[]));
    assert!(table.trim_start().starts_with("MODEL") && table.contains("wine/next"), "{table}");
    let table = printed(&stats_of(&["wine/forest", "--over", "10m"]));
    assert!(table.starts_with("wine/forest: version ") && table.contains("over the last 10m"), "{table}");
    let nobody = stats_of(&["nobody"]);
    let said = String::from_utf8(nobody.stderr).unwrap();
    assert!(
        nobody.status.code() == Some(1) && said.contains("there is no model `nobody`; there is `wine/boost`"),
        "{said}"
    );
    assert_eq!(["soon", "40d"].map(|over| stats_of(&["--over", over]).status.code()), [Some(2); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_sees_what_changed_without_asking_again() {
    let process = Process::up(&[], &[]);
    let visitor = process.visitor(None);
    let (mut one, mut two) = (stream(&visitor, "/rendezvous/wine").await, stream(&visitor, "/rendezvous/wine").await);
    let before = next_main(&mut one).await.unwrap();
    assert!(before.starts_with("<main") && before.ends_with("</main>"), "{before}");
    process.ask(1).await;
    for stream in [&mut one, &mut two] {
        let mut last = before.clone();
        while last == before {
            last = next_main(stream).await.expect("it goes on");
        }
        assert_ne!(last, before);
    }
    let asked = visitor.get("/rendezvous/wine/requests").header(header::ACCEPT, "text/event-stream").send().await;
    assert_eq!(asked.unwrap().status(), 404, "what is typed into is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stops_in_time_however_many_look() {
    let process = Process::up(&["--console", "127.0.0.1:0"], &[]);
    let visitor = process.visitor(None);
    let mut streams = Vec::new();
    for index in 0..100 {
        let mut stream = stream(&visitor, PAGES[index % 4]).await;
        assert!(next_main(&mut stream).await.is_some());
        streams.push(stream);
    }
    // Its own time for those who do not go by themselves is four seconds.
    let code = tokio::task::block_in_place(|| process.terminate_within(Duration::from_millis(3_500)));
    assert_eq!(code, Some(0));
    for mut stream in streams {
        while next_main(&mut stream).await.is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_from_a_page_is_a_request_like_any_other() {
    let process = Process::up(&["--console", "127.0.0.1:0"], &[]);
    let (visitor, at) = (process.visitor(None), process.console.clone());
    let playground = "/rendezvous/wine/playground";
    let asked = visitor.form(playground, &at, &[("input", "{\"x\": 7}"), ("budget_ms", "15000")]).await;
    assert_eq!(asked.status(), 303);
    let page = asked.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let told = visitor.json(&format!("/api/v1{page}")).await;
    assert_eq!((&told["verdict"]["kind"], told["budget_us"].as_u64()), (&"prediction".into(), Some(15_000_000)));
    assert!(visitor.main(&page).await.contains("<svg"), "the race as a picture");
    for (fields, blamed, status) in [
        (&[("input", "{\"y\": 7}")][..], "input-wrong", 400),
        (&[("input", "{\"x\": 7}"), ("budget_ms", "soon")], "budget_ms-wrong", 400),
        (&[("input", "{\"x\": 7}"), ("key", "a\nb")], "key-wrong", 400),
    ] {
        let refused = visitor.form(playground, &at, fields).await;
        assert_eq!(refused.status(), status, "{fields:?}");
        let text = refused.text().await.unwrap();
        assert!(text.contains(&format!("id=\"{blamed}\"")), "{fields:?}: {text}");
    }
    let nonsense = [("input", "{\"x\": 7}"), ("attributes", "nonsense")];
    let refused = visitor.form(playground, &at, &nonsense).await.text().await.unwrap();
    assert!(
        refused.contains("nonsense") && refused.contains("role=\"alert\""),
        "there is no field for it, so it is said above: {refused}"
    );
    assert_eq!(visitor.form(playground, "http://evil.example", &[("input", "{\"x\": 7}")]).await.status(), 403);
}

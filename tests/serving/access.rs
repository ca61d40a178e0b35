//! Who is let in, who changes what, and where that is written down.

use reqwest::header;

use crate::process::{OPERATOR, Process, READER, Visitor, hedgerow, policy};

const BOTH: [(&str, &str); 2] = [("HEDGEROW_CONSOLE_TOKEN", READER), ("HEDGEROW_OPERATOR_TOKEN", OPERATOR)];

#[test]
fn a_console_that_everybody_could_read_does_not_start() {
    let folder = policy("wine");
    let up = ["up", "policy.yaml", "--listen", "127.0.0.1:0", "--console", "0.0.0.0:0"];
    let refused = hedgerow(&folder).args(up).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    for told in ["0.0.0.0", "HEDGEROW_CONSOLE_TOKEN", "--console-token-file", "127.0.0.1"] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let operator_alone = hedgerow(&folder).args(up).env("HEDGEROW_OPERATOR_TOKEN", OPERATOR).output().unwrap();
    assert_eq!(operator_alone.status.code(), Some(2));
    for (token, told) in [("short", "5 characters"), ("with a blank in it", "other characters")] {
        let refused = hedgerow(&folder).args(up).env("HEDGEROW_CONSOLE_TOKEN", token).output().unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && said.contains(told), "{token}: {said}");
        assert!(!said.contains(token) || token == "short", "a token stands in no log");
    }
    let same = [("HEDGEROW_CONSOLE_TOKEN", READER), ("HEDGEROW_OPERATOR_TOKEN", READER)];
    let refused = hedgerow(&folder).args(up).envs(same).output().unwrap();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("are the same"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_set_nobody_reads_anything_without_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{READER}\n")).unwrap();
    let process = Process::up(&["--console", "0.0.0.0:0", "--console-token-file", file.path().to_str().unwrap()], &[]);
    let at = process.console.replace("0.0.0.0", "127.0.0.1");
    let (nobody, wrong) = (Visitor::at(&at, None), Visitor::at(&at, Some("wrong-0123456789")));
    let reader = Visitor::at(&at, Some(READER));
    for path in ["/", "/rendezvous/wine", "/rendezvous/wine/policy", "/api/v1/rendezvous", "/metrics"] {
        assert_eq!(nobody.get(path).send().await.unwrap().status(), 401, "{path}");
        assert_eq!(wrong.get(path).send().await.unwrap().status(), 401, "{path}");
        assert_eq!(reader.get(path).send().await.unwrap().status(), 200, "{path}");
    }
    let told = nobody.json("/health").await;
    assert_eq!(told, serde_json::json!({ "is_healthy": true }), "who restarts processes learns no more");
    assert!(reader.json("/health").await["dependencies"].is_array());
    let sent_away = nobody.page("/rendezvous/wine?x=1").await;
    assert_eq!(sent_away.status(), 303);
    assert_eq!(sent_away.headers()[header::LOCATION], "/sign-in?to=/rendezvous/wine%3Fx%3D1");
    let form = nobody.page("/sign-in").await.text().await.unwrap();
    assert!(form.contains("type=\"password\"") && !form.contains("wine"), "{form}");
    let failed = nobody.form("/sign-in", &at, &[("token", "wrong-0123456789")]).await;
    assert_eq!((failed.status().as_u16(), failed.headers().contains_key(header::SET_COOKIE)), (401, false));
    let cookie = nobody.sign_in(READER).await;
    assert!(!cookie.contains(READER));
    let page = nobody.get("/rendezvous/wine").header(header::COOKIE, &cookie).send().await.unwrap();
    assert_eq!(page.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_changes_something_and_it_stands_in_the_control_topic_under_his_name() {
    let process = Process::up(&["--console", "127.0.0.1:0"], &BOTH);
    let (at, page) = (process.console.clone(), "/rendezvous/wine/policy");
    let back = [("version", "1"), ("expected", "1"), ("message", "boost is ill"), ("author", "ada")];
    let visitor = process.visitor(None);
    let cookie = |token| {
        let visitor = visitor.clone();
        async move { visitor.sign_in(token).await }
    };
    let (reader, operator) = (cookie(READER).await, cookie(OPERATOR).await);
    let post = async |cookie: &str, origin: Option<&str>, path: &str, fields: &[(&str, &str)]| {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
        let request = visitor.post(path).header(header::COOKIE, cookie).body(body.join("&"));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = if let Some(origin) = origin { request.header(header::ORIGIN, origin) } else { request };
        request.send().await.unwrap()
    };
    let shown = visitor.get(page).header(header::COOKIE, &reader).send().await.unwrap().text().await.unwrap();
    assert!(!shown.contains("name=\"expected\""), "a reader is shown nothing that he may not do");
    assert_eq!(post(&reader, Some(&at), page, &back).await.status(), 403);
    assert_eq!(post("", Some(&at), page, &back).await.status(), 401);
    for foreign in [Some("http://evil.example"), Some("null"), None] {
        assert_eq!(post(&operator, foreign, page, &back).await.status(), 403, "{foreign:?}");
    }
    assert_eq!(process.visitor(Some(READER)).json("/api/v1/rendezvous/wine/policy").await["newest"], 1);

    let changed = post(&operator, Some(&at), page, &back).await;
    assert_eq!((changed.status().as_u16(), &changed.headers()[header::LOCATION]), (303, &page.parse().unwrap()));
    let held = [("act", "hold"), ("expected", "2"), ("message", "")];
    assert_eq!(post(&operator, Some(&at), "/rendezvous/wine/canaries/next", &held).await.status(), 303);
    let late = post(&operator, Some(&at), page, &back).await;
    assert_eq!(late.status(), 409, "somebody was faster");
    let promoted = [("act", "promote"), ("expected", "3")];
    let refused = post(&operator, Some(&at), "/rendezvous/wine/canaries/next", &promoted).await;
    assert_eq!(refused.status(), 422, "its verdict does not allow it");

    let told = process.run(&["policies", "wine", "--json"], &[]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let version = |index: usize| {
        let version = &told["versions"][index];
        (version["author"].as_str().unwrap(), version["message"].as_str().unwrap(), version["state"].as_str().unwrap())
    };
    assert_eq!(version(1), ("ada", "boost is ill (from the console)", "superseded"));
    assert_eq!(version(2), ("console", "from the console", "live"));
    assert_eq!(
        (&told["versions"][1]["rolls_back"], &told["versions"][2]["canary"]["act"]),
        (&1.into(), &"hold".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_operator_s_token_the_front_door_takes_no_change_without_it() {
    let process = Process::up(&[], &[("HEDGEROW_OPERATOR_TOKEN", OPERATOR)]);
    let edited = crate::process::POLICY.replace("NAME", "wine") + "# edited\n";
    std::fs::write(process.folder().join("policy.yaml"), edited).unwrap();
    for (tokens, told) in [
        (&[][..], "operator's token"),
        (&[("HEDGEROW_OPERATOR_TOKEN", "another-0123456789")], "none of those"),
        (&[("HEDGEROW_CONSOLE_TOKEN", OPERATOR), ("HEDGEROW_OPERATOR_TOKEN", READER)], "none of those"),
    ] {
        let refused = process.run(&["apply", "policy.yaml"], tokens);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && said.contains(told), "{tokens:?}: {said}");
    }
    let applied = process.run(&["apply", "policy.yaml"], &[("HEDGEROW_OPERATOR_TOKEN", OPERATOR)]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_pointed_here_is_not_ours() {
    let process = Process::up(&[], &[]);
    let visitor = process.visitor(None);
    let rebound = visitor.get("/").header(header::HOST, "rebound.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
    assert_eq!(visitor.get("/").header(header::HOST, "localhost:1").send().await.unwrap().status(), 200);
}

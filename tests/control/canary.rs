//! Canaries are promoted, held and rejected from the command line, and the log says by which report.

use axum::{Json, Router, extract::Path, routing::get};
use canary::{Ledger, Matchup, Report, Verdict};
use wire::{Deed, ExecutorId};

use super::*;

/// A process that runs a policy with a canary, and serves what a test wants to be found of it.
struct Comparing {
    process: Process,
    report: Report,
}

const POLICY: &str = "\
rendezvous: wine
budget: 50ms
input: { features: [alcohol] }
answer: { value: class }
executors:
  echo: { echo: {} } # the one we trust
  next: { constant: { answer: { class: white } }, canary: { of: echo } } # trained on Friday
decide:
  - prefer: [echo]
    until: 50ms
  - default: { class: unknown }
";

const EXAMPLES: &str = "\
examples:
  - name: all dead, so the default at once
    heard: { 1ms: { echo: { fails: no model } } }
    expect: { at: 1ms, decided_by: default, reason: all_failed }
";

impl Comparing {
    async fn start(text: &str, verdict: Verdict) -> Self {
        let name = |name| ExecutorId::new(name).unwrap();
        let wine = RendezvousName::new("wine").unwrap();
        let mut report = Report::of(&wine, &Matchup::new(name("next"), name("echo")), &Ledger::default());
        (report.verdict, report.requests.compared) = (verdict, 12_000);
        "it failed 0.4 % less of 12,000 requests".clone_into(&mut report.because);
        let (told, first) = (report.clone(), Definition::parse("wine.yaml", text).unwrap());
        let reports = get(|Path((_, canary)): Path<(String, String)>| async move {
            if canary == told.canary {
                Ok(Json(told))
            } else {
                Err((axum::http::StatusCode::NOT_FOUND, "no such canary"))
            }
        });
        let routes = Router::new().route("/api/v1/rendezvous/{rendezvous}/canaries/{canary}", reports);
        Self { process: Process::serving(&first, routes).await, report }
    }

    fn says(&self, code: i32, arguments: &[&str]) -> (String, String) {
        self.process.desk.says(code, &[&["canary"], arguments].concat())
    }

    fn live(&self) -> Definition {
        (**self.process.history().borrow().live().unwrap()).clone()
    }
}

#[test]
fn help_shows_how_canaries_are_acted_on() {
    let desk = Desk::new("wine", ["--at".to_owned(), "http://127.0.0.1:1".to_owned()]);
    let commands = ["list", "report", "watch", "promote", "hold", "release", "reject"];
    insta::assert_snapshot!("help_canary", desk.says(0, &["canary", "--help"]).0.replace("[OPTIONS] ", ""));
    for command in commands {
        insta::assert_snapshot!(format!("help_canary_{command}"), desk.says(0, &["canary", command, "--help"]).0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_promoted_and_the_versions_say_by_which_report() {
    let comparing = Comparing::start(POLICY, Verdict::Better).await;
    let (dry, _) = comparing.says(0, &["promote", "wine", "next", "--dry-run"]);
    let (printed, _) = comparing.says(0, &["promote", "wine", "next", "--print"]);
    assert_eq!(comparing.live().policy_ref.version, 1, "{dry}");
    let (said, _) = comparing.says(0, &["promote", "wine", "-m", "Friday's model"]);
    insta::assert_snapshot!("canary_promote", timeless(&said));
    let live = comparing.live();
    assert_eq!(*live.text, *printed);
    assert_eq!(live.executors.iter().filter(|spec| spec.canary.is_some()).count(), 0);
    assert!(live.text.contains("# trained on Friday") && live.text.contains("# the one we trust"));
    let entry = comparing.process.history().borrow().entry(2).unwrap().clone();
    let act = entry.canary.unwrap();
    assert_eq!((act.canary.as_str(), act.act), ("next", Deed::Promote));
    assert_eq!(act.report.unwrap().digest, comparing.report.digest());
    let desk = &comparing.process.desk;
    let (table, _) = desk.says(0, &["policies", "wine"]);
    assert!(table.contains("next promoted (better after 12000 pairs, report "), "{table}");
    let json = desk.json(&["policies", "wine", "--json"]);
    assert_eq!(json["versions"][1]["canary"]["report"]["digest"], comparing.report.digest());
    let (_, erred) = comparing.says(2, &["promote", "wine", "next"]);
    assert!(erred.contains("`next` is no canary of this policy"), "{erred}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_not_found_fit_is_promoted_by_force_only() {
    let comparing = Comparing::start(POLICY, Verdict::NotEnoughEvidence).await;
    let (_, erred) = comparing.says(2, &["promote", "wine", "next"]);
    insta::assert_snapshot!("canary_promote_refused", erred);
    let (said, _) = comparing.says(0, &["promote", "wine", "next", "--first", "--force", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["outcome"], &said["act"]), (&"live".into(), &"promote_first".into()));
    assert_eq!(said["report"]["verdict"], "not_enough_evidence");
    assert!(comparing.live().text.contains("prefer: [next, echo]"), "{}", comparing.live().text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_held_and_released_and_rejected_whatever_its_verdict() {
    let comparing = Comparing::start(POLICY, Verdict::NotComparable).await;
    comparing.says(0, &["hold", "wine", "next", "-m", "until the audit is over"]);
    assert!(comparing.live().text.contains("hold: true"), "{}", comparing.live().text);
    let (_, erred) = comparing.says(2, &["hold", "wine", "next"]);
    assert!(erred.contains("`next` is held already"), "{erred}");
    comparing.says(0, &["release", "wine", "next"]);
    let first = Definition::parse("wine.yaml", POLICY).unwrap();
    assert!(policies::diff(&first, &comparing.live()).is_empty());
    let (said, _) = comparing.says(0, &["reject", "wine", "next"]);
    assert!(said.contains("- executor `next` is no longer asked"), "{said}");
    let json = comparing.process.desk.json(&["policies", "wine", "--json"]);
    let acts: Vec<&Value> =
        json["versions"].as_array().unwrap().iter().map(|version| &version["canary"]["act"]).collect();
    assert_eq!(acts, [&Value::Null, &"hold".into(), &"release".into(), &"reject".into()]);
    let (_, erred) = comparing.says(2, &["reject", "wine"]);
    assert!(erred.contains("has no canary"), "{erred}");
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_that_one_candidate_more_breaks_are_shown_and_nothing_is_done() {
    let comparing = Comparing::start(&format!("{POLICY}{EXAMPLES}"), Verdict::Better).await;
    let (_, erred) = comparing.says(2, &["promote", "wine", "next"]);
    insta::assert_snapshot!("canary_promote_examples", erred);
    assert_eq!(comparing.live().policy_ref.version, 1);
    let (printed, _) = comparing.says(0, &["promote", "wine", "next", "--print"]);
    let desk = &comparing.process.desk;
    desk.save(&printed.replace(", reason: all_failed", ""));
    desk.says(0, &["apply", "wine.yaml"]);
    assert_eq!(comparing.live().executors.iter().filter(|spec| spec.canary.is_some()).count(), 0);
}

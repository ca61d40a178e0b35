//! What is exported, read as those read it for whom it is made: `promtool`, and Grafana's import.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use hedgerow_exports::{alerts, dashboard};
use policies::Definition;
use serde_json::Value;
use tempfile::TempDir;

const WINE: &str = include_str!("../../policies/wine.yaml");
const METRICS: &str = include_str!("../../docs/metrics.md");

/// Every kind of objective: a second share of the same results, degraded ones that are good, no budget, too short.
const FRAUD: &str = "\
rendezvous: fraud
budget: 20ms
input: { features: [amount] }
answer: { value: class }
executors:
  quick: { echo: {} }
  spare: { echo: {}, start: { after: 5ms } }
decide:
  - first: any
  - default: { class: unknown }
objectives:
  - { within: 20ms, share: 90%, window: 7d }
  - { within: 20ms, share: 99.95%, window: 30d }
  - { within: 20ms, share: 99.95%, window: 30d, degraded: good }
  - { within: 1.5s, share: 100%, window: 30d }
  - { within: 10ms, share: 50%, window: 30m }
";

fn parsed(text: &str) -> Definition {
    Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// As `tools/setup.sh promtool` brings it; else what is installed.
fn promtool(arguments: &[&str], folder: &Path) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let set_up = std::env::var_os("HEDGEROW_PROMTOOL").map(PathBuf::from);
    let set_up = set_up.unwrap_or_else(|| root.join("target/setup/promtool/promtool"));
    let program = if set_up.exists() { set_up } else { "promtool".into() };
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    output.expect("promtool is there: `tools/setup.sh promtool` fetches it")
}

fn checked(arguments: &[&str], files: &[(&str, &str)]) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let Output { status, stdout, stderr } = promtool(arguments, folder.path());
    let said = [stdout, stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(status.success(), "promtool {arguments:?}:\n{said}");
}

#[test]
fn rules_are_those_of_the_objectives() {
    insta::assert_snapshot!("alerts_wine", alerts(&[&parsed(WINE)]));
    insta::assert_snapshot!("alerts_fraud", alerts(&[&parsed(FRAUD)]));
}

#[test]
fn the_dashboard_is_the_same_for_the_same_policies() {
    let [wine, fraud] = [WINE, FRAUD].map(parsed);
    insta::assert_snapshot!("dashboard_wine", serde_json::to_string_pretty(&dashboard(&[&wine])).unwrap());
    assert_eq!(dashboard(&[&wine, &fraud]), dashboard(&[&wine, &fraud]));
    let uid = |definitions: &[&Definition]| dashboard(definitions)["uid"].as_str().unwrap().to_owned();
    assert_eq!(uid(&[&wine, &fraud]), "hedgerow-wine-fraud");
    let long = parsed(&FRAUD.replace("rendezvous: fraud", "rendezvous: as-long-a-name-as-one-may-well-give-it"));
    assert_eq!(uid(&[&long, &wine]).len(), 25);
    assert_ne!(uid(&[&long, &wine]), uid(&[&long]));
}

#[test]
fn promtool_takes_the_rules() {
    let [wine, fraud] = [WINE, FRAUD].map(parsed);
    let without = FRAUD.split("objectives:").next().unwrap();
    let bare = parsed(&without.replace("fraud", "bare"));
    let vain = parsed(&(without.replace("fraud", "vain") + "objectives: [{ within: 1s, share: 100%, window: 1d }]\n"));
    checked(&["check", "rules", "rules.yml"], &[("rules.yml", &alerts(&[&wine, &fraud, &bare, &vain]))]);
}

/// An hour in which one result in twenty is bad, and then one in which none is.
#[test]
fn an_alert_fires_while_the_budget_burns_and_ends_when_it_does_not() {
    let tests = r#"
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'hedgerow_objective_results_total{rendezvous="wine", objective="50ms", degraded="bad", good="true"}'
        values: '0+5700x60 348000+6000x60'
      - series: 'hedgerow_objective_results_total{rendezvous="wine", objective="50ms", degraded="bad", good="false"}'
        values: '0+300x60 18000+0x60'
      - series: 'hedgerow_open_requests{rendezvous="wine"}'
        values: '1+0x120'
    promql_expr_test:
      - expr: rendezvous:hedgerow_objective_bad:ratio_rate5m
        eval_time: 30m
        exp_samples:
          - labels: 'rendezvous:hedgerow_objective_bad:ratio_rate5m{rendezvous="wine", objective="50ms", degraded="bad"}'
            value: 0.05
    alert_rule_test:
      - eval_time: 30m
        alertname: HedgerowCollectorAbsent
        exp_alerts: []
      - eval_time: 30m
        alertname: HedgerowBudgetBurns
        exp_alerts:
          - exp_labels: { severity: page, rendezvous: wine, objective: 50ms, degraded: bad, share: 99.9%, window: 30d, long: 1h, short: 5m }
            exp_annotations:
              summary: wine spends its error budget too fast
              description: "Promised: 99.9% of the answers are predictions within 50ms, over 30d. 5% of the last 1h were not; at such a rate 2% of the budget or more goes within 1h"
          - exp_labels: { severity: page, rendezvous: wine, objective: 50ms, degraded: bad, share: 99.9%, window: 30d, long: 6h, short: 30m }
            exp_annotations:
              summary: wine spends its error budget too fast
              description: "Promised: 99.9% of the answers are predictions within 50ms, over 30d. 5% of the last 6h were not; at such a rate 5% of the budget or more goes within 6h"
          - exp_labels: { severity: ticket, rendezvous: wine, objective: 50ms, degraded: bad, share: 99.9%, window: 30d, long: 3d, short: 6h }
            exp_annotations:
              summary: wine spends its error budget too fast
              description: "Promised: 99.9% of the answers are predictions within 50ms, over 30d. 5% of the last 3d were not; at such a rate 10% of the budget or more goes within 3d"
      - eval_time: 95m
        alertname: HedgerowBudgetBurns
        exp_alerts:
          - exp_labels: { severity: ticket, rendezvous: wine, objective: 50ms, degraded: bad, share: 99.9%, window: 30d, long: 3d, short: 6h }
            exp_annotations:
              summary: wine spends its error budget too fast
              description: "Promised: 99.9% of the answers are predictions within 50ms, over 30d. 3.158% of the last 3d were not; at such a rate 10% of the budget or more goes within 3d"
  - interval: 1m
    input_series: []
    alert_rule_test:
      - eval_time: 10m
        alertname: HedgerowCollectorAbsent
        exp_alerts:
          - exp_labels: { severity: page, rendezvous: wine }
            exp_annotations:
              summary: No collector of wine is seen
              description: "None is scraped, or none runs: without one nobody is answered"
"#;
    checked(&["test", "rules", "tests.yml"], &[("rules.yml", &alerts(&[&parsed(WINE)])), ("tests.yml", tests)]);
}

#[test]
fn promtool_takes_every_query_of_the_dashboard() {
    let [wine, fraud] = [WINE, FRAUD].map(parsed);
    let mut rules = "groups:\n- name: all\n  rules:\n".to_owned();
    for expr in queries(&dashboard(&[&wine, &fraud])) {
        let expr = expr.replace("$__rate_interval", "5m").replace("$rendezvous", "wine|fraud");
        let (number, expr) = (rules.len().to_string(), Value::from(expr).to_string());
        rules.extend(["  - record: a:b\n    labels: { n: \"", &number, "\" }\n    expr: ", &expr, "\n"]);
    }
    checked(&["check", "rules", "rules.yml"], &[("rules.yml", &rules)]);
}

#[test]
fn whatever_is_asked_for_is_a_metric_with_such_labels() {
    let [wine, fraud] = [WINE, FRAUD].map(parsed);
    let (rules, mut known) = (alerts(&[&wine, &fraud]), documented());
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")) {
        known.insert(name.to_owned(), ["rendezvous", "objective", "degraded"].map(str::to_owned).into());
    }
    let exprs =
        rules.lines().filter(|line| !line.contains("record: ") && !line.contains("summary: ")).map(str::to_owned);
    let mut asked = BTreeSet::new();
    for expr in
        exprs.filter(|line| !line.trim_start().starts_with(['#', '-'])).chain(queries(&dashboard(&[&wine, &fraud])))
    {
        for (name, labels) in selectors(&expr) {
            let has = known.get(&name).unwrap_or_else(|| panic!("docs/metrics.md knows no {name}: {expr}"));
            let strangers: Vec<&String> = labels.iter().filter(|label| !has.contains(*label)).collect();
            assert!(strangers.is_empty(), "{name} has no {strangers:?}: {expr}");
            asked.insert(name);
        }
    }
    assert!(asked.len() > 30, "only {asked:?}");
}

#[test]
fn the_dashboard_has_what_an_import_wants() {
    let [wine, fraud] = [WINE, FRAUD].map(parsed);
    let board = dashboard(&[&wine, &fraud]);
    assert_eq!((&board["id"], board["schemaVersion"].as_u64() >= Some(30)), (&Value::Null, true));
    assert_eq!(board["__inputs"][0]["name"], board["templating"]["list"][0]["name"]);
    let panels = board["panels"].as_array().unwrap();
    let rows: Vec<&str> =
        panels.iter().filter(|panel| panel["type"] == "row").filter_map(|row| row["title"].as_str()).collect();
    assert_eq!(rows, ["Overview", "Latency", "Executors", "Clauses", "Canaries", "Overload", "Health"]);
    let required: Vec<&Value> = board["__requires"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels of one id");
        let place = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
        let [x, y, width, height] = place;
        assert!(x + width <= 24, "{place:?}");
        let mut squares = (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y)));
        assert!(squares.all(|square| taken.insert(square)), "{} lies on another", panel["title"]);
        if panel["type"] != "row" {
            assert!(required.contains(&&panel["type"]), "{}", panel["type"]);
            assert_eq!(panel["datasource"]["uid"], "${DS_PROMETHEUS}");
            assert!(!panel["targets"].as_array().unwrap().is_empty());
        }
    }
}

fn queries(board: &Value) -> Vec<String> {
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// Each metric of `docs/metrics.md` by the names of its samples, with its labels.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    let mut common = Vec::new();
    for line in METRICS.lines() {
        if line.starts_with("## ") {
            common = vec!["instance".to_owned(), "job".to_owned()];
            common.extend((!line.contains("process")).then(|| "rendezvous".to_owned()));
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, kind, labels, ..] = cells[..] else { continue };
        let Some(name) = name.strip_prefix("`hedgerow_") else { continue };
        let name = format!("hedgerow_{}", name.trim_end_matches('`'));
        let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).chain(common.clone());
        let labels: BTreeSet<String> = labels.collect();
        if kind == "histogram" {
            let with_le = labels.iter().cloned().chain(["le".to_owned()]).collect();
            all.insert(format!("{name}_bucket"), with_le);
            all.insert(format!("{name}_sum"), labels.clone());
            all.insert(format!("{name}_count"), labels);
        } else {
            all.insert(name, labels);
        }
    }
    assert!(all.len() > 50, "docs/metrics.md has a table");
    all
}

/// Metrics in a query, each with the labels that it is asked for by, before and behind it.
fn selectors(expr: &str) -> Vec<(String, Vec<String>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let by: Vec<String> = expr
        .match_indices("by (")
        .flat_map(|(at, found)| {
            let inside = expr[at + found.len()..].split(')').next().unwrap_or_default();
            inside.split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let mut found = Vec::new();
    for (at, _) in expr.match_indices("hedgerow_") {
        let begin = expr[..at].rfind(|c| !is_name(c)).map_or(0, |before| before + 1);
        let name: String = expr[begin..].chars().take_while(|c| is_name(*c)).collect();
        let rest = &expr[begin + name.len()..];
        let matchers = rest.strip_prefix('{').map_or("", |rest| &rest[..rest.find('}').unwrap()]);
        let labels =
            matchers.split(',').filter_map(|matcher| matcher.split_once('=')).map(|(label, _)| label.trim().to_owned());
        found.push((name, labels.chain(by.clone()).collect()));
    }
    found
}

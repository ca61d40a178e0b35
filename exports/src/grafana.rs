//! A dashboard for Grafana, in the classic JSON that every version imports.

mod panels;

use policies::{Definition, duration::written};
use serde_json::{Value, json};

use crate::query::{Promise, has_canaries, percent};
use panels::{Board, Panel, RATE};

/// Grafana takes no longer uid.
const UID_MAX: usize = 40;

/// Returns a dashboard for `definitions`.
#[must_use]
pub fn dashboard(definitions: &[&Definition]) -> Value {
    let mut board = Board::default();
    overview(&mut board, definitions);
    latency(&mut board, definitions);
    executors(&mut board, definitions);
    clauses(&mut board);
    if definitions.iter().any(|definition| has_canaries(definition)) {
        canaries(&mut board);
    }
    overload(&mut board);
    health(&mut board, definitions);
    let names: Vec<&str> = definitions.iter().map(|definition| definition.name().as_str()).collect();
    json!({
        "__inputs": [{
            "name": "DS_PROMETHEUS", "label": "Prometheus", "description": "Where hedgerow's metrics are kept",
            "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus",
        }],
        "__requires": [
            { "type": "grafana", "id": "grafana", "name": "Grafana", "version": "9.0.0" },
            { "type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0" },
            { "type": "panel", "id": "stat", "name": "Stat", "version": "" },
            { "type": "panel", "id": "timeseries", "name": "Time series", "version": "" },
        ],
        "annotations": { "list": [] },
        "description": "Made by `hedgerow export grafana`: make it anew when objectives change.",
        "editable": true,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": null,
        "links": [],
        "panels": board.panels(),
        "refresh": "10s",
        "schemaVersion": 37,
        "tags": ["hedgerow"],
        "templating": { "list": [datasource(), chosen(&names)] },
        "time": { "from": "now-1h", "to": "now" },
        "timepicker": {},
        "timezone": "",
        "title": format!("hedgerow: {}", names.join(", ")),
        "uid": uid(&names),
        "version": 1,
        "weekStart": "",
    })
}

fn overview(board: &mut Board, definitions: &[&Definition]) {
    board.row("Overview");
    for definition in definitions {
        let rendezvous = definition.name().as_str();
        for objective in &definition.objectives {
            let promise = Promise { rendezvous, objective };
            let (share, within) = (percent(objective.share), written(objective.within));
            let title = format!("{rendezvous}: {share} within {within} over {}", written(objective.window));
            if let Some(left) = promise.budget_left() {
                let panel = Panel::stat(&format!("{title}: error budget left"), "percentunit").ask(&left, "");
                board.put(
                    panel.about(&promise.sentence()).steps(&[
                        (None, "red"),
                        (Some(0.0), "orange"),
                        (Some(0.25), "green"),
                    ]),
                    (6, 5),
                );
            }
            let attained = format!("1 - (\n{}\n)", promise.bad(RATE));
            let panel = Panel::graph(&format!("{title}: share attained"), "percentunit").ask(&attained, "attained");
            board.put(panel.about(&promise.sentence()).line_at(objective.share), (6, 5));
        }
    }
    let rate = |by: &str| format!("sum by ({by}) (rate(hedgerow_results_total{{{CHOSEN}}}[{RATE}]))");
    board.put(Panel::graph("Results", "reqps").ask(&rate("rendezvous"), "{{rendezvous}}"), (8, 7));
    let degraded = format!(
        "sum by (rendezvous) (rate(hedgerow_results_total{{{CHOSEN}, decided_by=\"default\"}}[{RATE}]))\n  /\n{}",
        rate("rendezvous")
    );
    let panel = Panel::graph("Degraded results: defaults, last known answers, errors", "percentunit");
    board.put(panel.ask(&degraded, "{{rendezvous}}"), (8, 7));
    let version = format!("max by (rendezvous) (hedgerow_policy_version{{{CHOSEN}}})");
    board.put(Panel::stat("Live version of the policy", "none").ask(&version, "{{rendezvous}}"), (8, 7));
}

fn latency(board: &mut Board, definitions: &[&Definition]) {
    board.row("Latency");
    let about =
        "Worked out of a histogram's buckets: exact to a bucket. Whether objectives are kept is counted exactly.";
    for (title, metric) in [
        ("From a request's birth to its verdict", "hedgerow_decision_seconds"),
        ("From a caller's input to its result", "hedgerow_answer_seconds"),
    ] {
        let mut panel = Panel::graph(title, "s").about(about);
        for (name, share) in [("p50", "0.5"), ("p99", "0.99"), ("p99.9", "0.999")] {
            panel = panel.ask(&quantile(share, metric, "rendezvous"), &format!("{{{{rendezvous}}}} {name}"));
        }
        if let [one] = definitions {
            panel = panel.line_at(one.budget.as_duration().as_secs_f64());
        }
        board.put(panel, (8, 8));
    }
    let way_back = format!("max by (rendezvous) (hedgerow_way_back_seconds{{{CHOSEN}}})");
    let panel = Panel::graph("From a verdict to the result's readers, 99th percentile", "s");
    board.put(panel.ask(&way_back, "{{rendezvous}}"), (8, 8));
}

fn executors(board: &mut Board, definitions: &[&Definition]) {
    board.row("Executors");
    let rate = |metric: &str, by: &str| format!("sum by ({by}) (rate({metric}{{{CHOSEN}}}[{RATE}]))");
    for (title, metric) in [
        ("Work on a call, 99th percentile", "hedgerow_executor_scored_seconds"),
        ("Wait before the work, 99th percentile", "hedgerow_executor_queued_seconds"),
    ] {
        let ask = quantile("0.99", metric, "executor");
        board.put(Panel::graph(title, "s").ask(&ask, "{{executor}}"), (8, 8));
    }
    let breakers = format!("max by (executor) (hedgerow_breaker_state{{{CHOSEN}}})");
    let panel = Panel::graph("Breakers: 0 closed, 1 half-open, 2 open and not waited for", "none");
    board.put(panel.ask(&breakers, "{{executor}}"), (8, 8));
    let responses = rate("hedgerow_executor_responses_total", "executor, outcome");
    board.put(Panel::graph("Responses", "reqps").ask(&responses, "{{executor}} {{outcome}}"), (8, 8));
    let panel = Panel::graph("Work, in seconds a second", "none")
        .ask(&rate("hedgerow_useful_executor_seconds_total", "executor"), "{{executor}} useful")
        .ask(&rate("hedgerow_wasted_executor_seconds_total", "executor"), "{{executor}} wasted");
    board.put(panel, (8, 8));
    let sizes = ["sum", "count"].map(|part| rate(&format!("hedgerow_executor_batch_size_{part}"), "executor"));
    board.put(Panel::graph("Requests in a call", "none").ask(&sizes.join("\n  /\n"), "{{executor}}"), (8, 8));
    if definitions.iter().any(|definition| definition.executors.iter().any(|executor| executor.start.is_later())) {
        let hedges = rate("hedgerow_hedges_total", "executor, outcome");
        board.put(Panel::graph("Hedges", "reqps").ask(&hedges, "{{executor}} {{outcome}}"), (12, 8));
        let saved = quantile("0.5", "hedgerow_hedge_saved_seconds", "rendezvous");
        board.put(Panel::graph("What a hedge saves, median", "s").ask(&saved, "{{rendezvous}}"), (12, 8));
    }
}

fn clauses(board: &mut Board) {
    board.row("Clauses");
    for (title, label) in
        [("What decides", "decided_by"), ("Why then", "reason"), ("How many had been heard", "completeness")]
    {
        let ask = format!("sum by ({label}) (rate(hedgerow_results_total{{{CHOSEN}}}[{RATE}]))");
        board.put(Panel::graph(title, "reqps").ask(&ask, &format!("{{{{{label}}}}}")).stacked(), (8, 8));
    }
}

fn canaries(board: &mut Board) {
    board.row("Canaries");
    let verdicts = format!("max by (canary, verdict) (hedgerow_comparison_verdict{{{CHOSEN}}})");
    board.put(Panel::graph("Verdicts", "none").ask(&verdicts, "{{canary}} {{verdict}}"), (6, 8));
    let pairs = format!("sum by (canary) (hedgerow_comparison_pairs{{{CHOSEN}}})");
    board.put(Panel::graph("Pairs compared", "none").ask(&pairs, "{{canary}}"), (6, 8));
    let excluded = format!("sum by (canary, reason) (hedgerow_comparison_excluded{{{CHOSEN}}})");
    board.put(Panel::graph("Not compared", "none").ask(&excluded, "{{canary}} {{reason}}"), (6, 8));
    let lag = format!("max by (rendezvous) (hedgerow_comparison_lag_seconds{{{CHOSEN}}})");
    board.put(Panel::graph("How far the comparison is behind", "s").ask(&lag, "{{rendezvous}}"), (6, 8));
    let work = format!("sum by (executor) (rate(hedgerow_compared_executor_seconds_total{{{CHOSEN}}}[{RATE}]))");
    board.put(Panel::graph("Work of canaries, in seconds a second", "none").ask(&work, "{{executor}}"), (6, 8));
}

fn overload(board: &mut Board) {
    board.row("Overload");
    let sum = |metric: &str| format!("sum by (rendezvous) ({metric}{{{CHOSEN}}})");
    let rate = |metric: &str, by: &str| format!("sum by ({by}) (rate({metric}{{{CHOSEN}}}[{RATE}]))");
    let panel = Panel::graph("Callers who wait, and how many may", "none")
        .ask(&sum("hedgerow_requests_in_flight"), "{{rendezvous}} in flight")
        .ask(&sum("hedgerow_in_flight_limit"), "{{rendezvous}} limit");
    board.put(panel, (6, 8));
    board.put(Panel::graph("Callers shed", "reqps").ask(&rate("hedgerow_shed_total", "reason"), "{{reason}}"), (6, 8));
    let outcomes = rate("hedgerow_requests_total", "outcome");
    board.put(Panel::graph("Inputs, by how they ended", "reqps").ask(&outcomes, "{{outcome}}").stacked(), (6, 8));
    let depth = format!("sum by (executor) (hedgerow_executor_queue_depth{{{CHOSEN}}})");
    board.put(Panel::graph("Requests that wait for an executor", "none").ask(&depth, "{{executor}}"), (6, 8));
}

fn health(board: &mut Board, definitions: &[&Definition]) {
    board.row("Health");
    let sum = |metric: &str| format!("sum by (rendezvous) ({metric}{{{CHOSEN}}})");
    let rises = |metric: &str| format!("sum by (rendezvous) (increase({metric}{{{CHOSEN}}}[{RATE}]))");
    let panel = Panel::graph("Partitions that change hands", "none")
        .ask(&rises("hedgerow_takeovers_total"), "{{rendezvous}} taken over")
        .ask(&rises("hedgerow_fenced_off_total"), "{{rendezvous}} fenced off");
    board.put(panel, (6, 8));
    let panel = Panel::graph("Records that should not be", "none")
        .ask(&rises("hedgerow_collector_dead_letters_total"), "{{rendezvous}} dead letters")
        .ask(&rises("hedgerow_results_unreadable_total"), "{{rendezvous}} unreadable results")
        .ask(&rises("hedgerow_results_void_total"), "{{rendezvous}} void results")
        .ask(&rises("hedgerow_records_gone_total"), "{{rendezvous}} records gone");
    board.put(panel, (6, 8));
    let panel = Panel::graph("Open requests", "none")
        .ask(&sum("hedgerow_open_requests"), "{{rendezvous}} open")
        .ask(&sum("hedgerow_unconfirmed_results"), "{{rendezvous}} unconfirmed");
    board.put(panel, (6, 8));
    if definitions.iter().any(|definition| definition.decoy.is_some()) {
        let panel = Panel::graph("The archive", "none")
            .ask(&sum("hedgerow_decoy_lag_records"), "{{rendezvous}} records behind")
            .ask(&sum("hedgerow_decoy_troubled_partitions"), "{{rendezvous}} troubled partitions");
        board.put(panel, (6, 8));
    }
    let clock = "max by (instance, bound) (hedgerow_clock_offset_seconds)";
    board.put(Panel::graph("How far clocks are ahead of the log's", "s").ask(clock, "{{instance}} {{bound}}"), (6, 8));
    let versions = "count by (version) (hedgerow_build_info)";
    board.put(Panel::stat("Processes, by version of hedgerow", "none").ask(versions, "{{version}}"), (6, 8));
}

/// Those that are chosen at the top of the page.
const CHOSEN: &str = r#"rendezvous=~"$rendezvous""#;

fn quantile(share: &str, metric: &str, by: &str) -> String {
    format!("histogram_quantile({share}, sum by ({by}, le) (rate({metric}_bucket{{{CHOSEN}}}[{RATE}])))")
}

/// Who imports the file is asked for `__inputs`; who provisions it is not, and chooses here.
fn datasource() -> Value {
    json!({
        "name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "query": "prometheus",
        "current": {}, "hide": 0, "includeAll": false, "multi": false, "options": [], "refresh": 1, "regex": "",
        "skipUrlSync": false,
    })
}

fn chosen(names: &[&str]) -> Value {
    let option = |text: &str, value: &str| json!({ "selected": value == "$__all", "text": text, "value": value });
    let options: Vec<Value> =
        [option("All", "$__all")].into_iter().chain(names.iter().map(|name| option(name, name))).collect();
    json!({
        "name": "rendezvous", "label": "Rendezvous", "type": "custom", "query": names.join(","),
        "current": { "selected": true, "text": ["All"], "value": ["$__all"] }, "hide": 0, "includeAll": true,
        "multi": true, "options": options, "skipUrlSync": false,
    })
}

/// The same for the same names, so that an import replaces the one before.
fn uid(names: &[&str]) -> String {
    let whole = format!("hedgerow-{}", names.join("-"));
    if whole.len() <= UID_MAX {
        return whole;
    }
    // FNV-1a: it need only differ.
    let hash = whole
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("hedgerow-{hash:016x}")
}

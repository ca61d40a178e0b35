//! Prometheus' rules: how fast error budgets burn, alerts when that is too fast, and a few on what else needs a person.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use measures::{Alert, Rule};
use policies::{Definition, duration::written};

use crate::query::{Promise, has_canaries, number, percent, range};

const HEAD: &str = "\
# Prometheus rules for hedgerow, made by `hedgerow export alerts`: make them anew when objectives change.
# When a budget burns too fast: The Site Reliability Workbook, chapter 5, table 5-8, by each objective's own window.
groups:
";

/// An alert on something else than a budget.
struct Health {
    name: &'static str,
    /// `RENDEZVOUS` is replaced by the name.
    expr: &'static str,
    lasts: &'static str,
    severity: Alert,
    summary: &'static str,
    description: &'static str,
    /// Whether what it is about can befall such a policy.
    concerns: fn(&Definition) -> bool,
}

const HEALTH: [Health; 6] = [
    Health {
        name: "HedgerowCollectorAbsent",
        expr: r#"absent(hedgerow_open_requests{rendezvous="RENDEZVOUS"})"#,
        lasts: "5m",
        severity: Alert::Page,
        summary: "No collector of RENDEZVOUS is seen",
        description: "None is scraped, or none runs: without one nobody is answered",
        concerns: |_| true,
    },
    Health {
        name: "HedgerowCallersWithoutResult",
        expr: r#"sum by (rendezvous) (increase(hedgerow_requests_total{rendezvous="RENDEZVOUS", outcome="no_result"}[5m])) > 0"#,
        lasts: "0s",
        severity: Alert::Page,
        summary: "Callers of RENDEZVOUS waited in vain",
        description: "Their requests were accepted and no result came: look whether the collectors serve, and at the log's health",
        concerns: |_| true,
    },
    Health {
        name: "HedgerowBreakerOpen",
        expr: r#"max by (rendezvous, executor) (hedgerow_breaker_state{rendezvous="RENDEZVOUS"}) == 2"#,
        lasts: "1m",
        severity: Alert::Ticket,
        summary: "{{ $labels.executor }} of RENDEZVOUS is not waited for",
        description: "It did not answer, and its breaker is open: answers come without it",
        concerns: |_| true,
    },
    Health {
        name: "HedgerowSheds",
        expr: r#"sum by (rendezvous) (rate(hedgerow_shed_total{rendezvous="RENDEZVOUS"}[5m])) > 0"#,
        lasts: "10m",
        severity: Alert::Ticket,
        summary: "Callers of RENDEZVOUS are shed",
        description: "More come than can be answered within their budgets: add executors, or processes",
        concerns: |_| true,
    },
    Health {
        name: "HedgerowCanaryWorse",
        expr: r#"max by (rendezvous, canary) (hedgerow_comparison_verdict{rendezvous="RENDEZVOUS", verdict="worse"}) == 1"#,
        lasts: "0s",
        severity: Alert::Ticket,
        summary: "{{ $labels.canary }} of RENDEZVOUS is worse than its reference",
        description: "The evidence is enough to say so, and callers are answered without it: `hedgerow canary report` says why",
        concerns: has_canaries,
    },
    Health {
        name: "HedgerowArchiveStalled",
        expr: r#"sum by (rendezvous) (hedgerow_decoy_troubled_partitions{rendezvous="RENDEZVOUS"}) > 0"#,
        lasts: "5m",
        severity: Alert::Ticket,
        summary: "The archive of RENDEZVOUS cannot be written",
        description: "Inputs wait in the log, which forgets them when its retention is over",
        concerns: |definition| definition.decoy.is_some(),
    },
];

/// Of the process, whoever it serves.
const CLOCK: Health = Health {
    name: "HedgerowClockWrong",
    expr: "hedgerow_clock_trusted == 0",
    lasts: "5m",
    severity: Alert::Ticket,
    summary: "The clock of {{ $labels.instance }} is wrong by more than is corrected",
    description: "It differs from the log's by more than a minute, or contradicts itself: synchronise it",
    concerns: |_| true,
};

/// Returns a rule file for the objectives of `definitions`.
#[must_use]
pub fn alerts(definitions: &[&Definition]) -> String {
    let mut file = HEAD.to_owned();
    for definition in definitions {
        budgets(definition, &mut file);
        let name = definition.name().as_str();
        group(&mut file, &format!("hedgerow-{name}-health"));
        for health in HEALTH.iter().filter(|health| (health.concerns)(definition)) {
            health.write(name, &mut file);
        }
    }
    group(&mut file, "hedgerow-processes");
    CLOCK.write("", &mut file);
    file
}

fn budgets(definition: &Definition, file: &mut String) {
    if definition.objectives.is_empty() {
        let _ = writeln!(file, "  # {} has no objectives, so no budget that could burn.", definition.name());
        return;
    }
    group(file, &format!("hedgerow-{}-budgets", definition.name()));
    let mut recorded = BTreeSet::new();
    for objective in &definition.objectives {
        let promise = Promise { rendezvous: definition.name().as_str(), objective };
        let _ = writeln!(file, "      # {}.", promise.sentence());
        let Some(allowed) = promise.allowed() else {
            file.push_str("      # That leaves no budget, so nothing that could burn.\n");
            continue;
        };
        let rules: Vec<(Rule, f64)> = Rule::of(objective).map(|rule| (rule, rule.threshold(objective))).collect();
        let (rules, never): (Vec<_>, Vec<_>) =
            rules.into_iter().partition(|(_, threshold)| threshold * (1.0 - objective.share) <= 1.0);
        for (rule, _) in never {
            let (spent, long) = (percent(rule.spent), written(rule.long));
            let _ = writeln!(
                file,
                "      # Not even if all were bad would {spent} of it be spent within {long}: no such alert."
            );
        }
        for window in rules.iter().flat_map(|(rule, _)| [rule.short, rule.long]) {
            if recorded.insert((promise.labels(), window)) {
                record(file, &ratio(window), &promise.bad(&range(window)), "");
            }
        }
        if let Some(left) = promise.budget_left() {
            let labels = format!("share: \"{}\", window: \"{}\"", percent(objective.share), written(objective.window));
            record(file, "rendezvous:hedgerow_objective_budget_left:ratio", &left, &labels);
        }
        for (rule, threshold) in rules {
            burn(file, promise, &rule, &format!("{} * {allowed}", number(threshold)));
        }
    }
}

fn burn(file: &mut String, promise: Promise<'_>, rule: &Rule, limit: &str) {
    let Rule { alert, long, short, spent } = rule;
    let Promise { rendezvous, objective } = promise;
    let over = |window: &Duration| format!("{}{{{}}} >= {limit}", ratio(*window), promise.labels());
    let expr = format!("{}\n  and\n{}", over(long), over(short));
    let (share, long, short) = (percent(objective.share), written(*long), written(*short));
    let labels = format!(
        "severity: {}, share: \"{share}\", window: \"{}\", long: \"{long}\", short: \"{short}\"",
        alert.as_str(),
        written(objective.window)
    );
    let summary = format!("{rendezvous} spends its error budget too fast");
    let description = format!(
        "Promised: {}. {{{{ $value | humanizePercentage }}}} of the last {long} were not; at such a rate {} of the budget or \
         more goes within {long}",
        promise.sentence(),
        percent(*spent)
    );
    write_alert(file, "HedgerowBudgetBurns", &expr, "0s", &labels, [&summary, &description]);
}

fn ratio(window: Duration) -> String {
    format!("rendezvous:hedgerow_objective_bad:ratio_rate{}", range(window))
}

// === impl Health ===

impl Health {
    fn write(&self, rendezvous: &str, file: &mut String) {
        let Self { name, expr, lasts, severity: alert, summary, description, .. } = self;
        let [expr, summary] = [expr, summary].map(|text| text.replace("RENDEZVOUS", rendezvous));
        let labels = format!("severity: {}", alert.as_str());
        write_alert(file, name, &expr, lasts, &labels, [&summary, description]);
    }
}

// --- YAML ---

fn group(file: &mut String, name: &str) {
    let _ = writeln!(file, "  - name: {name}\n    rules:");
}

fn record(file: &mut String, name: &str, expr: &str, labels: &str) {
    let _ = writeln!(file, "      - record: {name}");
    block(file, expr);
    if !labels.is_empty() {
        let _ = writeln!(file, "        labels: {{ {labels} }}");
    }
}

fn write_alert(file: &mut String, name: &str, expr: &str, lasts: &str, labels: &str, told: [&str; 2]) {
    let _ = writeln!(file, "      - alert: {name}");
    block(file, expr);
    if lasts != "0s" {
        let _ = writeln!(file, "        for: {lasts}");
    }
    let _ = writeln!(file, "        labels: {{ {labels} }}\n        annotations:");
    let [summary, description] = told;
    // Neither holds a quotation mark or a backslash: names cannot.
    let _ = writeln!(file, "          summary: \"{summary}\"\n          description: \"{description}\"");
}

fn block(file: &mut String, expr: &str) {
    file.push_str("        expr: |-\n");
    for line in expr.lines() {
        let _ = writeln!(file, "          {line}");
    }
}

//! What is kept of a run: its lines, and what is drawn from them: plots, and the table of the page that shows both.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;
use serde_json::{Map, Value};

use crate::{
    line::{COST, Line, figure, grouped},
    plot,
};

/// The lines of all scenarios, each as it was measured last.
const LINES: &str = "results.jsonl";

/// Told in a table of its own: nothing is offered, and nothing can be missing.
const KINDS: &str = "kinds";

/// Where the processor time goes: drawn by `profile`, and shown with the rest.
pub(crate) const FLAMES: &str = "flamegraph.svg";

/// What surrounds table and plots on the page.
const BEGIN: &str = "<!-- measured -->\n";
const END: &str = "<!-- /measured -->";

/// Puts `lines` in place of those of the same scenarios.
pub(crate) fn store(folder: &Path, lines: Vec<Line>) -> anyhow::Result<()> {
    let mut kept = load(folder)?;
    kept.retain(|old| lines.iter().all(|new| new.scenario != old.scenario));
    kept.extend(lines);
    let text: Vec<String> = kept.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join(LINES), text.join("\n") + "\n")?;
    Ok(())
}

/// Draws the plots, and writes table and plots into the page beside `folder`, if there is one.
pub(crate) fn publish(folder: &Path) -> anyhow::Result<()> {
    let lines = load(folder)?;
    let pictures = plot::all(&lines)?;
    for (name, svg) in &pictures {
        fs::write(folder.join(name), svg)?;
    }
    let inside = folder.file_name().unwrap_or_default().display();
    let shown = pictures.iter().map(|(name, _)| format!("\n![{}]({inside}/{name})\n", name.trim_end_matches(".svg")));
    let mut shown: Vec<String> = shown.collect();
    if folder.join(FLAMES).exists() {
        shown.push(format!("\n[![Where the processor time goes]({inside}/{FLAMES})]({inside}/{FLAMES})\n"));
    }
    let page = folder.parent().unwrap_or(folder).join("benchmarks.md");
    let Ok(text) = fs::read_to_string(&page) else { return Ok(()) };
    let renewed =
        between_marks(&text, &(table(&lines) + &cost(&lines) + &spares(&lines) + &kinds(&lines) + &shown.concat()));
    fs::write(&page, renewed.with_context(|| format!("{} lacks `{END}`", page.display()))?)?;
    Ok(())
}

fn load(folder: &Path) -> anyhow::Result<Vec<Line>> {
    let file = folder.join(LINES);
    let Ok(text) = fs::read_to_string(&file) else { return Ok(Vec::new()) };
    let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    lines.with_context(|| format!("{} cannot be read", file.display()))
}

fn between_marks(page: &str, text: &str) -> Option<String> {
    let (head, rest) = page.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}{text}{END}{tail}"))
}

fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    if lines.iter().any(|line| line.more.contains_key("debug")) {
        text += "**Of a debug build: these figures say nothing.**\n\n";
    }
    text += "| scenario | system | offered /s | answered /s | p50 ms | p99 ms | p99.9 ms | in budget | missing | second | CPU s per 1,000 |\n";
    text += "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    let rows: Vec<String> = lines.iter().filter(|line| line.scenario != KINDS).map(row).collect();
    text + &rows.concat()
}

fn row(line: &Line) -> String {
    let offered = if line.rate == 0 { "as fast as it can".to_owned() } else { grouped(f64::from(line.rate)) };
    format!(
        "| {} | {} | {offered} | {} | {} | {} | {} | {:.2} % | {} | {} | {} |\n",
        line.scenario,
        line.system,
        grouped(line.achieved_rate),
        figure(line.p50_ms),
        figure(line.p99_ms),
        figure(line.p999_ms),
        line.within_budget_share * 100.0,
        line.missing,
        line.second,
        figure(line.cpu_s_per_1000),
    )
}

/// Returns whose processor time a request takes how much of, dearest first; nothing if no line tells.
fn cost(lines: &[Line]) -> String {
    let told: Vec<_> = lines.iter().filter_map(|line| Some((line, line.more.get(COST)?.as_object()?))).collect();
    let mut parts: BTreeMap<&str, f64> = BTreeMap::new();
    for (part, micros) in told.iter().flat_map(|(_, cost)| cost.iter()) {
        *parts.entry(part).or_default() += micros.as_f64().unwrap_or_default();
    }
    if parts.is_empty() {
        return String::new();
    }
    let mut parts: Vec<(&str, f64)> = parts.into_iter().collect();
    parts.sort_by(|one, other| other.1.total_cmp(&one.1));
    let systems = told.iter().map(|(line, _)| format!("{}, {}/s", line.system, grouped(f64::from(line.rate))));
    let row = |name: &str, of: &dyn Fn(&Map<String, Value>) -> f64| {
        let figures = told.iter().map(|(_, cost)| format!("{:.0}", of(cost)));
        [name.to_owned()].into_iter().chain(figures).collect()
    };
    let mut rows: Vec<Vec<String>> = vec![["part".to_owned()].into_iter().chain(systems).collect()];
    rows.extend(
        parts.iter().map(|(part, _)| row(part, &|cost| cost.get(*part).and_then(Value::as_f64).unwrap_or_default())),
    );
    rows.push(row("all of it", &|cost| cost.values().filter_map(Value::as_f64).sum()));
    format!("\nProcessor time of a request, in µs, by what took it:\n\n{}", grid(&rows))
}

/// Returns what later starts cost and bought; nothing if no line tells.
fn spares(lines: &[Line]) -> String {
    const TOLD: [(&str, &str); 5] = [
        ("useful_ms_per_1000", "useful executor ms per 1,000"),
        ("wasted_ms_per_1000", "wasted executor ms per 1,000"),
        ("spares_started_per_1000", "spares started per 1,000"),
        ("spares_won_per_1000", "of them first"),
        ("saved_ms_each", "ms saved by each of those"),
    ];
    let told: Vec<&Line> = lines.iter().filter(|line| line.more.contains_key(TOLD[0].0)).collect();
    if told.is_empty() {
        return String::new();
    }
    let heads = ["system", "p50 ms", "p99 ms", "p99.9 ms"].into_iter().chain(TOLD.map(|(_, head)| head));
    let mut rows: Vec<Vec<String>> = vec![heads.map(str::to_owned).collect()];
    rows.extend(told.iter().map(|line| {
        let figures = TOLD.map(|(name, _)| line.more.get(name).and_then(Value::as_f64).unwrap_or_default());
        let figures = [line.p50_ms, line.p99_ms, line.p999_ms].into_iter().chain(figures).map(figure);
        [line.system.clone()].into_iter().chain(figures).collect()
    }));
    format!("\nWhat a spare executor costs and buys:\n\n{}", grid(&rows))
}

/// Returns what a call costs through each kind of executor; nothing if no line tells.
fn kinds(lines: &[Line]) -> String {
    let (direct, through): (Vec<&Line>, Vec<&Line>) =
        lines.iter().filter(|line| line.scenario == KINDS).partition(|line| !line.more.contains_key("kind"));
    if through.is_empty() {
        return String::new();
    }
    let heads = [
        "kind",
        "called directly, µs",
        "through hedgerow, µs",
        "that is more by, µs",
        "times as long",
        "p99 of both, µs",
    ];
    let mut rows: Vec<Vec<String>> = vec![heads.map(str::to_owned).into()];
    rows.extend(through.iter().filter_map(|ours| {
        let told = |name: &str| ours.more.get(name);
        let beside = direct.iter().find(|line| told("beside").and_then(Value::as_str) == Some(&line.system))?;
        let micros = |ms: f64| figure(ms * 1_000.0);
        Some(vec![
            told("kind")?.as_str()?.to_owned(),
            micros(beside.p50_ms),
            micros(ours.p50_ms),
            figure(told("more_us")?.as_f64()?),
            figure(told("p50_ratio")?.as_f64()?),
            format!("{}, {}", micros(beside.p99_ms), micros(ours.p99_ms)),
        ])
    }));
    format!("\nWhat a call costs, median of calls one after the other:\n\n{}", grid(&rows))
}

/// Returns a table of these rows: the first is its head, and all but the first column are figures.
fn grid(rows: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = rows.iter().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    let columns = rows.first().map_or(0, Vec::len);
    lines.insert(1, format!("|---|{}\n", "---:|".repeat(columns.saturating_sub(1))));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(scenario: &str, system: &str) -> Line {
        Line {
            system: system.to_owned(),
            scenario: scenario.to_owned(),
            rate: 1_000,
            achieved_rate: 999.6,
            p50_ms: 0.87,
            p99_ms: 4.2,
            p999_ms: 12.34,
            within_budget_share: 0.9987,
            missing: 0,
            second: 0,
            cpu_s_per_1000: 0.42,
            more: Map::new(),
        }
    }

    #[test]
    fn a_kind_stands_beside_its_model_called_directly_and_in_no_other_table() {
        let direct = Line { p50_ms: 0.002, p99_ms: 0.004, ..line("kinds", "echo, called directly") };
        let ours = line("kinds", "echo, through hedgerow").beside(&direct).with("kind", "echo").with("more_us", 868.0);
        let lines = [direct, ours];
        assert!(kinds(&lines).ends_with("| echo | 2.00 | 870 | 868 | 435 | 4.00, 4200 |\n"), "{}", kinds(&lines));
        assert!(!table(&lines).contains("echo"));
        assert_eq!(kinds(&[line("overhead", "hedgerow")]), "");
    }

    #[test]
    fn a_line_has_exactly_the_fields_that_are_promised_and_reads_back() {
        let text = serde_json::to_string(&line("overhead", "hedgerow").with("budget_ms", 20)).unwrap();
        assert_eq!(
            text,
            r#"{"system":"hedgerow","scenario":"overhead","rate":1000,"achieved_rate":999.6,"p50_ms":0.87,"p99_ms":4.2,"p999_ms":12.34,"within_budget_share":0.9987,"missing":0,"second":0,"cpu_s_per_1000":0.42,"budget_ms":20}"#
        );
        let back: Line = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }

    #[test]
    fn what_a_request_costs_is_a_table_of_parts_the_dearest_first() {
        let of = |system, cost| line("overhead", system).with(COST, cost);
        let bare = of("bare fan-out", serde_json::json!({ "broker: requests": 600.4, "executors": 90.0 }));
        let ours = of("hedgerow", serde_json::json!({ "broker: requests": 610.0, "collector": 100.0 }));
        assert_eq!(
            cost(&[bare, line("core", "core"), ours]),
            "\nProcessor time of a request, in µs, by what took it:\n\n\
             | part | bare fan-out, 1,000/s | hedgerow, 1,000/s |\n|---|---:|---:|\n\
             | broker: requests | 600 | 610 |\n| collector | 0 | 100 |\n| executors | 90 | 0 |\n| all of it | 690 | 710 |\n"
        );
        assert_eq!(cost(&[line("core", "core")]) + &spares(&[line("core", "core")]), "");
    }

    #[test]
    fn what_spares_waste_stands_beside_the_latency_that_they_bought() {
        let spare = line("hedge", "a spare").with("useful_ms_per_1000", 2_100.0).with("wasted_ms_per_1000", 1_200.0);
        let spare = spare.with("spares_started_per_1000", 50.0).with("spares_won_per_1000", 20.0);
        let table = spares(&[line("core", "core"), spare.with("saved_ms_each", 52.5)]);
        assert!(table.ends_with("| a spare | 0.870 | 4.20 | 12.3 | 2100 | 1200 | 50.0 | 20.0 | 52.5 |\n"), "{table}");
    }

    #[test]
    fn a_run_of_one_scenario_leaves_the_others_lines_alone_and_renews_plots_and_page() {
        let docs = tempfile::tempdir().unwrap();
        let folder = docs.path().join("bench");
        let page = docs.path().join("benchmarks.md");
        fs::write(&page, format!("before\n{BEGIN}old\n{END}\nafter\n")).unwrap();
        store(&folder, vec![line("overhead", "old"), line("stragglers", "kept")]).unwrap();
        store(&folder, vec![line("overhead", "new")]).unwrap();
        fs::write(folder.join(FLAMES), "<svg/>").unwrap();
        publish(&folder).unwrap();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.starts_with("before\n") && text.ends_with("after\n"), "{text}");
        assert!(
            text.contains("| kept |") && text.contains("| new | 1,000 | 1,000 | 0.870 | 4.20 | 12.3 | 99.87 % |"),
            "{text}"
        );
        assert!(!text.contains("| old |") && text.contains("](bench/latency-overhead.svg)"), "{text}");
        assert!(text.contains("](bench/flamegraph.svg)"), "{text}");
        let svg = fs::read_to_string(folder.join("latency-overhead.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("prefers-color-scheme: dark"), "{svg}");
    }
}

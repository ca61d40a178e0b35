//! What is kept of a run: its lines, and what is drawn from them: plots, and the table of the page that shows both.

use std::{fs, path::Path};

use anyhow::Context as _;

use crate::{
    line::{Line, figure, grouped},
    plot,
};

/// The lines of all scenarios, each as it was measured last.
const LINES: &str = "results.jsonl";

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
    let shown: Vec<String> = shown.collect();
    let page = folder.parent().unwrap_or(folder).join("benchmarks.md");
    let Ok(text) = fs::read_to_string(&page) else { return Ok(()) };
    let renewed = between_marks(&text, &(table(&lines) + &shown.concat()));
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
    let rows: Vec<String> = lines.iter().map(row).collect();
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

#[cfg(test)]
mod tests {
    use serde_json::Map;

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
    fn a_run_of_one_scenario_leaves_the_others_lines_alone_and_renews_plots_and_page() {
        let docs = tempfile::tempdir().unwrap();
        let folder = docs.path().join("bench");
        let page = docs.path().join("benchmarks.md");
        fs::write(&page, format!("before\n{BEGIN}old\n{END}\nafter\n")).unwrap();
        store(&folder, vec![line("overhead", "old"), line("stragglers", "kept")]).unwrap();
        store(&folder, vec![line("overhead", "new")]).unwrap();
        publish(&folder).unwrap();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.starts_with("before\n") && text.ends_with("after\n"), "{text}");
        assert!(
            text.contains("| kept |") && text.contains("| new | 1,000 | 1,000 | 0.870 | 4.20 | 12.3 | 99.87 % |"),
            "{text}"
        );
        assert!(!text.contains("| old |") && text.contains("](bench/latency-overhead.svg)"), "{text}");
        let svg = fs::read_to_string(folder.join("latency-overhead.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("prefers-color-scheme: dark"), "{svg}");
    }
}

//! `docs/edges.md` is complete, and every test that it names is one.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// The edges that must have a row, by number.
const EDGES: std::ops::RangeInclusive<u32> = 1..=32;

/// One row of a table: its cells.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The words between backticks.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The names of all functions that are marked as tests, and of the cases that a macro makes tests of.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(root)
        .output()
        .expect("git is there: this is a clone");
    let mut names = BTreeSet::new();
    for file in String::from_utf8(listed.stdout).expect("file names are UTF-8").lines() {
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        let is_case = file.starts_with("tests/pipeline/cases") || file == "tests/pipeline/edits.rs";
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let Some((before, rest)) = line.split_once("fn ") else { continue };
            let is_marked = lines[..index]
                .iter()
                .rev()
                .take_while(|above| above.starts_with('#'))
                .any(|above| ["#[test]", "#[tokio::test"].iter().any(|mark| above.starts_with(mark)));
            if is_marked || is_case && before == "pub(crate) async " {
                names.extend(rest.split(['(', '<']).next().map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_edge_has_a_row_and_every_row_names_tests_that_exist() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/edges.md")).expect("it is there");
    let (rows, tests) = (rows(&text), tests());
    let numbers: Vec<u32> = rows.iter().filter_map(|cells| cells.first()?.parse().ok()).collect();
    assert_eq!(numbers, EDGES.collect::<Vec<_>>(), "each edge once, in order");
    let last = |cells: &Vec<&str>| cells.last().map(|cell| named(cell).len()).unwrap_or_default();
    let bare: Vec<&Vec<&str>> = rows.iter().filter(|cells| !cells.contains(&"tests") && last(cells) == 0).collect();
    assert!(bare.is_empty(), "rows without a test: {bare:?}");
    let missing: Vec<&str> = rows
        .iter()
        .filter_map(|cells| cells.last())
        .flat_map(|cell| named(cell))
        .filter(|name| !tests.contains(*name))
        .collect();
    assert!(missing.is_empty(), "docs/edges.md names what is no test: {missing:?}");
}

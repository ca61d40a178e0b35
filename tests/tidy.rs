//! The repository's own rules, as tests.

#[path = "tidy/metrics.rs"]
mod metrics;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Parser as _;
use hedgerow::cli::Cli;

/// Where the time may be read: the clock itself, the client's own time-outs, and what measures from outside.
const CLOCK_EDGES: &[&str] = &[
    "bus/src/clock/ticking.rs",
    "bus/src/kafka/",
    "src/load.rs",
    "src/app.rs",
    "src/cli/",
    "bench/",
    "/examples/",
    "tests/",
    "/tests.rs",
];

/// Who may print: commands, to the person who called them.
const PRINTERS: &[&str] = &["src/main.rs", "src/cli/", "bench/", "examples/"];

/// No file is longer.
const LONGEST: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of ours with `ending`, and its text: what git knows, so that build output is left out.
fn files(ending: &str) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there: this is a clone");
    String::from_utf8(listed.stdout)
        .expect("file names are UTF-8")
        .lines()
        .filter(|name| name.ends_with(ending))
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?)))
        .collect()
}

/// Fails with every file that `broken` finds something in.
fn none(ending: &str, rule: &str, broken: impl Fn(&str, &str) -> Option<String>) {
    let all = files(ending);
    assert!(!all.is_empty(), "no `{ending}` files were found: is this a git clone?");
    let found: Vec<String> =
        all.iter().filter_map(|(name, text)| broken(name, text).map(|what| format!("  {name}: {what}"))).collect();
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

fn line_with(text: &str, words: &[&str]) -> Option<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let hit = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with("//") && words.iter().any(|word| line.contains(word))
    };
    code.lines().find(hit).map(|line| line.trim().to_owned())
}

fn among(name: &str, places: &[&str]) -> bool {
    places.iter().any(|place| name.contains(place))
}

#[test]
fn every_file_says_what_it_is_for() {
    none(".rs", "a file begins with `//!`", |_, text| (!text.starts_with("//!")).then(|| "does not".to_owned()));
}

/// Nobody notices a file that no `mod` names: it is neither built nor tested.
#[test]
fn every_file_is_a_module_of_some_other() {
    let all = files(".rs");
    let named = |stem: &str| {
        let line = format!("mod {stem};");
        all.iter().any(|(_, text)| text.lines().any(|found| found.trim_start().ends_with(&line)))
    };
    none(".rs", "a file under `src` is a module", |name, _| {
        let stem = Path::new(name).file_stem()?.to_str()?;
        let is_root = ["lib", "main"].contains(&stem) || name.contains("/bin/");
        let is_source = name.starts_with("src/") || name.contains("/src/");
        (is_source && !is_root && !named(stem)).then(|| format!("no `mod {stem};` names it"))
    });
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    none(".rs", "at most 600 lines", |_, text| {
        let lines = text.lines().count();
        (lines > LONGEST).then(|| format!("{lines} lines"))
    });
}

#[test]
fn the_time_is_read_at_the_edges_only() {
    none(".rs", "take the time as an argument, or from `bus::Clock`", |name, text| {
        let inner = !among(name, CLOCK_EDGES);
        inner.then(|| line_with(text, &["Instant::now()", "SystemTime::now()", "Uuid::now_v"])).flatten()
    });
}

#[test]
fn only_commands_print() {
    none(".rs", "use `tracing`, or return the text", |name, text| {
        let inner = !among(name, PRINTERS) && !name.contains("tests/");
        inner.then(|| line_with(text, &["println!(", "print!(", "dbg!("])).flatten()
    });
}

#[test]
fn nothing_is_unfinished_or_switched_off() {
    let marks = ["todo!(", "unimplemented!(", "#[ignore", "#[should_panic"].map(str::to_owned);
    none(".rs", "finish it, or say in ARCHITECTURE.md that it is absent", |name, text| {
        let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
        (name != "tests/tidy.rs").then(|| line_with(text, &marks)).flatten()
    });
}

/// `make test` runs no documentation tests: building fifteen crates' worth of none takes half a minute.
#[test]
fn no_documentation_holds_code_that_nobody_runs() {
    none(".rs", "code in documentation is a test of its own, or `text`", |_, text| {
        let fences = text.lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?.trim().strip_prefix("```")
        });
        fences.step_by(2).find(|language| *language != "text").map(|language| format!("```{language}"))
    });
}

#[test]
fn nothing_names_one_machine() {
    // Split, so that this file does not find itself.
    let paths = ["/wo", "/ro", "/ho"].into_iter().zip(["rk/", "ot/", "me/"]).map(|(a, b)| format!("{a}{b}"));
    let paths: Vec<String> = paths.collect();
    for ending in [".rs", ".toml", ".md", ".yaml", ".sh", "Makefile", ".py"] {
        none(ending, "no paths of one machine", |_, text| {
            paths.iter().find(|path| text.contains(path.as_str())).cloned()
        });
    }
}

#[test]
fn every_command_in_the_documents_is_one() {
    let mut seen = 0;
    for (name, text) in files(".md") {
        for command in commands(&text) {
            seen += 1;
            let parsed = Cli::try_parse_from(words(&command));
            let fine = parsed.as_ref().err().is_none_or(|error| !error.use_stderr());
            assert!(fine, "{name}: `{command}`\n{}", parsed.err().map(|e| e.to_string()).unwrap_or_default());
        }
    }
    assert!(seen > 3, "the documents show how hedgerow is called");
}

#[test]
fn the_brokers_settings_in_the_readme_are_those_of_the_tests() {
    let [readme, properties] =
        ["README.md", "tests/broker/src/properties.rs"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    let (_, block) = readme.split_once("```properties").expect("there is one");
    let settings: Vec<&str> = block.lines().skip(1).take_while(|line| !line.starts_with("```")).collect();
    assert!(!settings.is_empty());
    for setting in settings {
        assert!(properties.lines().any(|line| line == setting), "the tests' broker is not told {setting}");
    }
}

#[test]
fn every_policy_that_ships_passes_its_own_examples() {
    let mut played = 0;
    // What lies deeper is for tests of their own.
    let ships = |name: &str| name.strip_prefix("policies/").is_some_and(|rest| !rest.starts_with("src/"));
    for (name, text) in files(".yaml").into_iter().filter(|(name, _)| ships(name)) {
        let definition = policies::Definition::parse(&name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        for outcome in definition.play_examples() {
            played += 1;
            assert!(outcome.passed, "{name}: {}\n{}", outcome.name, outcome.timeline);
        }
    }
    assert!(played > 0, "policies carry examples");
}

#[test]
fn every_crate_of_the_workspace_is_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (name, _) in files("Cargo.toml") {
        let folder = Path::new(&name).parent().unwrap_or(Path::new("")).display().to_string();
        assert!(
            folder.is_empty() || map.contains(&format!("`{folder}/`")),
            "ARCHITECTURE.md does not name `{folder}/`"
        );
    }
}

/// Lines in fenced blocks that begin with `hedgerow`.
fn commands(markdown: &str) -> Vec<String> {
    let fenced = markdown.split("```").skip(1).step_by(2);
    let lines = fenced.flat_map(str::lines).map(|line| line.trim_start_matches("$ ").trim());
    lines.filter(|line| line.starts_with("hedgerow ")).map(str::to_owned).collect()
}

/// The words of a command line, up to a comment, a pipe or a redirection.
fn words(command: &str) -> Vec<String> {
    let end = |word: &&str| !matches!(*word, "#" | "|" | ">" | "&" | "&&" | "2>");
    command.split_whitespace().take_while(end).map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

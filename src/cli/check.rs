//! `hedgerow check FILE…`: every mistake at once, and what a request costs at most.

use std::{fmt::Write as _, process::ExitCode};

use clap::{Args, ValueEnum};
use policies::{Checked, Definition, Diagnostic, Load, Severity};
use serde::Serialize;

use super::Failure;
use crate::policy_file;

/// Checks policy files.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Check {
    /// The files; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,

    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Short for `--format json`
    #[arg(long)]
    json: bool,

    /// Refuse warnings too
    #[arg(long)]
    strict: bool,
}

const HELP: &str = "\
Examples:
  hedgerow check policies/*.yaml
  hedgerow check --format json wine.yaml       for editors
  hedgerow check --format github *.yaml        notes on the lines of a pull request
  git show HEAD:wine.yaml | hedgerow check --strict -

Fields of --format json: ok (the exit code is 0) · problems: [{severity (error, warning), source, line, column, width,
excerpt, message, label, hint}], lines and columns from 1, in characters · files, those that can be used: [{file,
rendezvous, budget_ms, examples, calls_max (executors that one request calls at most), calls: [{case (null: no case),
calls, candidates, canaries, later (of these, how many start later)}]}]

Exit codes: 0 no mistakes · 1 warnings, with --strict · 2 mistakes, or a file that cannot be read";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: place, line and hint
    Text,
    /// For programs: one JSON object
    Json,
    /// For GitHub Actions: workflow commands
    Github,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    problems: Vec<Diagnostic>,
    files: Vec<FileReport>,
}

/// One file that can be used.
#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    rendezvous: String,
    budget_ms: f64,
    examples: usize,
    calls_max: usize,
    calls: Vec<CallsReport>,
}

/// What one request calls at most.
#[derive(Debug, Serialize)]
struct CallsReport {
    case: Option<String>,
    calls: usize,
    /// Over many requests, where budgets of those who start later make that fewer.
    calls_on_average: Option<f64>,
    candidates: usize,
    canaries: usize,
    later: usize,
}

// === impl Check ===

impl Check {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let format = if self.json { Format::Json } else { self.format };
        let (mut problems, mut files) = (Vec::new(), Vec::new());
        for file in &self.files {
            let source = policy_file::called(file);
            let bytes = policy_file::read(file).map_err(Failure::Refused)?;
            let Checked { definition, problems: found } = Definition::check_file(source, &bytes);
            match format {
                Format::Text => eprint!("{found}"),
                Format::Github => found.0.iter().for_each(|problem| println!("{}", workflow_command(problem))),
                Format::Json => {}
            }
            if let (Some(definition), Format::Text) = (&definition, format) {
                print!("{source}: {}", summary(definition));
            }
            files.extend(definition.map(|definition| FileReport::of(source, &definition)));
            problems.extend(found.0);
        }
        let code = self.exit_code(&problems);
        if format == Format::Json {
            let report = Report { ok: code == 0, problems, files };
            println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
        }
        Ok(ExitCode::from(code))
    }

    fn exit_code(&self, problems: &[Diagnostic]) -> u8 {
        let is_error = |problem: &Diagnostic| problem.severity == Severity::Error;
        match (problems.iter().any(is_error), problems.is_empty()) {
            (true, _) => 2,
            (false, false) if self.strict => 1,
            _ => 0,
        }
    }
}

/// Says in a line what a file is, and in one more for each case what its requests cost.
fn summary(definition: &Definition) -> String {
    let loads = definition.loads();
    let mut lines = format!(
        "ok: rendezvous {}, {}, {}, budget {}, {}\n",
        definition.name(),
        counted(loads[0].candidates, "candidate", "candidates"),
        counted(loads[0].canaries, "canary", "canaries"),
        definition.budget,
        counted(definition.examples.len(), "example", "examples"),
    );
    for load in &loads {
        let of = load.case.as_ref().map_or_else(String::new, |case| format!(" of case {case}"));
        let calls = counted(load.calls(), "call", "calls");
        let _ = writeln!(lines, "  a request{of} makes at most {calls} to executors{}", later(load));
    }
    lines
}

fn later(load: &Load) -> String {
    match load.later {
        0 => String::new(),
        later => {
            let average = load.calls_on_average().map(|calls| format!("; by their budgets {calls} on average"));
            format!(", {later} of them later, unless it is decided by then{}", average.unwrap_or_default())
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Writes a problem as GitHub Actions reads it from a job's output.
fn workflow_command(problem: &Diagnostic) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let Diagnostic { severity, source, line, column, width, message, label, hint, .. } = problem;
    let more = label.iter().chain(hint).fold(message.clone(), |all, part| all + "\n" + part);
    let (severity, file, end) = (severity.as_str(), property(source), column + width);
    format!("::{severity} file={file},line={line},col={column},endColumn={end},title=hedgerow::{}", escaped(&more))
}

// === impl FileReport ===

impl FileReport {
    fn of(file: &str, definition: &Definition) -> Self {
        let calls: Vec<CallsReport> = definition.loads().iter().map(CallsReport::of).collect();
        Self {
            file: file.to_owned(),
            rendezvous: definition.name().to_string(),
            budget_ms: definition.budget.as_duration().as_secs_f64() * 1e3,
            examples: definition.examples.len(),
            calls_max: calls.iter().map(|calls| calls.calls).max().unwrap_or(0),
            calls,
        }
    }
}

// === impl CallsReport ===

impl CallsReport {
    fn of(load: &Load) -> Self {
        let case = load.case.as_ref().map(ToString::to_string);
        let Load { candidates, canaries, later, .. } = *load;
        Self { case, calls: load.calls(), calls_on_average: load.calls_on_average(), candidates, canaries, later }
    }
}

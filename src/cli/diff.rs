//! `hedgerow diff OLD NEW`: what changes in meaning, not in text.

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Args;
use policies::{Definition, Difference};
use serde::Serialize;

use super::{
    Failure,
    control::{Reach, block_on, rendezvous},
};
use crate::policy_file;

/// Compares two policies.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow diff policies/wine.yaml wine.yaml\n  \
    git show HEAD:policies/wine.yaml | hedgerow diff - policies/wine.yaml\n  \
    hedgerow diff wine@3 wine.yaml --at http://localhost:8080\n\n\
    Fields of --json: old, new (as called) · same · changes: [{path, kind (added, removed, changed, moved), old, new, \
    sentence}] · examples, those that come out otherwise: [{name, of (old, new, both), old: {at, answer, decided_by}, \
    new: {at, answer, decided_by}, sentence}] · played (how many examples were)\n\n\
    Exit codes: 0 compared · 1 with --exit-code: they differ · 2 a file has mistakes")]
pub(super) struct Diff {
    /// The policy as it was: a file, `-` for stdin, or NAME@VERSION as it was applied
    #[arg(value_name = "OLD")]
    old: String,

    /// The policy as it is to be: the same
    #[arg(value_name = "NEW")]
    new: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Exit with 1 if they differ
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    reach: Reach,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'run> {
    old: &'run str,
    new: &'run str,
    same: bool,
    #[serde(flatten)]
    difference: &'run Difference,
}

// === impl Diff ===

impl Diff {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        if self.old == "-" && self.new == "-" {
            return Err(Failure::Refused(anyhow::anyhow!(
                "stdin can be read once only: name a file for one of the two"
            )));
        }
        block_on(async {
            let (old, new) = (self.read(&self.old).await?, self.read(&self.new).await?);
            let difference = policies::diff(&old, &new);
            let same = difference.is_empty();
            if self.json {
                let report = Report { old: &self.old, new: &self.new, same, difference: &difference };
                println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
            } else {
                print!("{}", shown(&difference, is_coloured()));
            }
            Ok(if self.exit_code && !same { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        })
    }

    /// Reads a policy from stdin, from a file, or as it was applied.
    async fn read(&self, source: &str) -> Result<Definition, Failure> {
        let bytes = match applied(source) {
            Some((name, version)) => self.reach.open().await?.text(&rendezvous(name)?, version).await?.into_bytes(),
            None => policy_file::read(source).map_err(Failure::Refused)?,
        };
        let checked = Definition::check_file(policy_file::called(source), &bytes);
        checked.definition.ok_or_else(|| Failure::Refused(checked.problems.into()))
    }
}

/// Returns which version `wine@3` names; a file of that name comes first.
fn applied(source: &str) -> Option<(&str, u64)> {
    let (name, version) = source.rsplit_once('@')?;
    let version = version.parse().ok()?;
    (!std::path::Path::new(source).exists()).then_some((name, version))
}

pub(super) fn is_coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes a difference a line each, what comes in green and what goes in red.
pub(super) fn shown(difference: &Difference, coloured: bool) -> String {
    let text = difference.to_string();
    if !coloured {
        return text;
    }
    let colour = |line: &str| match line.chars().next() {
        Some('+') => "\u{1b}[32m",
        Some('-') => "\u{1b}[31m",
        Some('~') => "\u{1b}[33m",
        Some('>') => "\u{1b}[36m",
        _ => "",
    };
    let lines = text.lines().map(|line| match colour(line) {
        "" => format!("{line}\n"),
        colour => format!("{colour}{line}\u{1b}[0m\n"),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use policies::Definition;

    #[test]
    fn a_version_is_named_by_its_rendezvous_and_its_number() {
        assert_eq!(super::applied("wine@3"), Some(("wine", 3)));
        assert_eq!(super::applied("wine.yaml"), None);
        assert_eq!(super::applied("wine@latest"), None);
    }

    const OLD: &str = "rendezvous: t\nbudget: 50ms\ninput: { features: [x] }\nexecutors: { a: { echo: } }\n\
        decide: [{ prefer: [a], until: 20ms }, { default: {} }]\n";

    #[test]
    fn colours_are_for_terminals_only() {
        let new = OLD.replace("50ms", "60ms").replace("{ echo: }", "{ echo: }, b: { echo: }");
        let [old, new] = [OLD, &new].map(|text| Definition::parse("t.yaml", text).expect("a sound policy"));
        let difference = policies::diff(&old, &new);
        assert_eq!(super::shown(&difference, false), difference.to_string());
        assert_eq!(
            super::shown(&difference, true),
            "\u{1b}[33m~ the budget rises from 50ms to 60ms\u{1b}[0m\n\u{1b}[32m+ executor `b` is asked too\u{1b}[0m\n"
        );
    }
}

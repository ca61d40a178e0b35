//! What came of a change, in words and as an exit code.

use std::{fmt::Write as _, process::ExitCode};

use control::{Outcome, RefusedChange};
use policies::{Effect, Refusal};
use serde::Serialize;
use wire::RendezvousName;

use super::CONFLICT;

/// What `--json` prints of a change: the outcome's own fields and whose policy it is.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Done<'run> {
    /// Whose policy.
    pub(in crate::cli) rendezvous: &'run str,
    /// What came of it.
    #[serde(flatten)]
    pub(in crate::cli) outcome: &'run Outcome,
}

/// Prints what came of a change of `name`, and returns the exit code that says the same.
pub(in crate::cli) fn told(name: &RendezvousName, outcome: &Outcome, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string(&Done { rendezvous: name.as_str(), outcome })?);
    }
    match outcome {
        Outcome::Done(effect) if !json => println!("{}", done(name, *effect)),
        Outcome::Refused(refused) if !json => eprintln!("error: {}", not_done(name, refused)),
        _ => {}
    }
    Ok(exit_code(outcome))
}

/// Returns the exit code that says what came of a change.
pub(in crate::cli) fn exit_code(outcome: &Outcome) -> ExitCode {
    match outcome {
        Outcome::Done(_) => ExitCode::SUCCESS,
        Outcome::Refused(refused) => code(&refused.refusal),
    }
}

/// Returns whether somebody else's change came before.
pub(in crate::cli) fn conflict(outcome: &Outcome) -> bool {
    outcome.refused().is_some_and(|refused| refused.refusal.is_conflict())
}

fn done(name: &RendezvousName, effect: Effect) -> String {
    match effect {
        Effect::Live { version } => format!("{name}: version {version} is live"),
        Effect::OnTrial { version } => format!(
            "{name}: version {version} is on trial; `hedgerow policies {name}` shows how it does, `hedgerow promote \
             {name}` makes it live, `hedgerow withdraw {name}` ends it"
        ),
        Effect::Proposed { version, missing } => {
            let people = if missing == 1 { "1 more person".to_owned() } else { format!("{missing} more people") };
            format!("{name}: version {version} is proposed; {people} must approve it: `hedgerow approve {name}`")
        }
        Effect::Withdrawn { version } => format!("{name}: version {version} is withdrawn"),
        Effect::Counted { version } => format!("{name}: version {version} was counted"),
        Effect::Measured => format!("{name}: its executors were measured"),
    }
}

fn not_done(name: &RendezvousName, refused: &RefusedChange) -> String {
    let mut text = format!("the change of `{name}` is refused: {}\n", refused.sentence);
    let last = refused.since.last().map(|last| last.version);
    for version in &refused.since {
        let words = if version.message.is_empty() { "without a word" } else { &version.message };
        let (number, state) = (version.version, &version.state);
        let _ = writeln!(text, "  version {number} ({state}) came by {}, {}: {words}", version.author, version.at);
    }
    if let Some(last) = last {
        let _ = write!(
            text,
            "hint: look at it with `hedgerow policies {name} --show {last}`, bring your file up to date, and apply it again"
        );
    }
    text.trim_end().to_owned()
}

fn code(refusal: &Refusal) -> ExitCode {
    match refusal {
        Refusal::Conflict { .. } => ExitCode::from(CONFLICT),
        Refusal::Invalid { .. } | Refusal::Examples { .. } | Refusal::OtherRendezvous { .. } => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

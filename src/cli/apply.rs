//! `hedgerow apply FILE`: a checked file becomes the next version, without a restart.

pub(super) mod watch;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use control::{Outcome, PolicyView, VersionView};
use policies::{Definition, Difference};
use serde::Serialize;
use wire::{Action, Apply as Applied, ApplyMode};

use super::{
    Failure,
    control::{Control, Reach, Signature, block_on, exit_code, told},
    diff::{is_coloured, shown},
};

/// Makes a file the next version of its policy.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow apply wine.yaml -m \"boost is back\"\n  \
    hedgerow apply wine.yaml --dry-run              what would change, and nothing else\n  \
    hedgerow apply wine.yaml --watch                on every save\n  \
    hedgerow apply wine.yaml --shadow               decides beside the live one, with no effect\n  \
    hedgerow apply wine.yaml --share 5% --brokers kafka:9092\n\n\
    The file is checked and its examples are played first; requests in flight keep the version they began with.\n\
    Going live ends a trial; a trial ends the trial before it.\n\n\
    Fields of --json: rendezvous · expected · dry_run · difference (as of `hedgerow diff --json`) · outcome (live, \
    on_trial, proposed, refused, none) · version · missing (approvals) · if refused: why, sentence, since: [{version, \
    state, author, at, message, …}]\n\n\
    Exit codes: 0 done, or proposed · 1 failed · 2 the file has mistakes · 3 somebody else was first")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Apply {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Only if version N is the newest; what is the newest now, when not given
    #[arg(long, value_name = "N", conflicts_with = "watch")]
    expect: Option<u64>,

    /// Let it decide beside the live version, with no effect
    #[arg(long, conflicts_with = "share")]
    shadow: bool,

    /// Let it decide about a share of the requests, always the same ones
    #[arg(long, value_name = "PERCENT", value_parser = parts)]
    share: Option<u16>,

    /// Apply on every save, until somebody else applies
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,

    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON object (with --watch one a line)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    signature: Signature,

    #[command(flatten)]
    reach: Reach,
}

/// How a file is to be applied.
pub(super) struct Manner {
    pub(super) mode: ApplyMode,
    pub(super) author: String,
    pub(super) message: String,
    pub(super) dry_run: bool,
    pub(super) json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'run> {
    rendezvous: &'run str,
    expected: u64,
    dry_run: bool,
    difference: Option<Difference>,
    #[serde(flatten)]
    outcome: Came<'run>,
}

/// What came of a change, if one was wanted.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Came<'run> {
    Of(&'run Outcome),
    Nothing { outcome: &'static str },
}

// === impl Apply ===

impl Apply {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let manner = self.manner();
        block_on(async {
            if self.watch {
                let control = self.reach.open().await?;
                return watch::watch(&control, &self.file, &manner).await;
            }
            let definition = checked(&self.file)?;
            let control = self.reach.open().await?;
            let outcome = manner.apply(&control, &definition, self.expect).await?;
            match outcome {
                Some(outcome) if manner.json => Ok(exit_code(&outcome)),
                Some(outcome) => Ok(told(definition.name(), &outcome, false)?),
                None => Ok(ExitCode::SUCCESS),
            }
        })
    }

    fn manner(&self) -> Manner {
        let mode = match self.share {
            Some(parts) => ApplyMode::Share(parts),
            None if self.shadow => ApplyMode::Shadow,
            None => ApplyMode::Live,
        };
        let (author, message) = (self.signature.author(), self.signature.message.clone());
        Manner { mode, author, message, dry_run: self.dry_run, json: self.json }
    }
}

// === impl Manner ===

impl Manner {
    /// Shows what changes, and publishes it; `None` if there was nothing to do or nothing was to be done.
    async fn apply(
        &self,
        control: &Control,
        definition: &Definition,
        expect: Option<u64>,
    ) -> Result<Option<Outcome>, Failure> {
        let name = definition.name();
        let view = control.view_if_any(name).await?;
        let expected = expect.unwrap_or(view.newest);
        let live = if view.live == 0 { None } else { Some(control.text(name, view.live).await?) };
        let difference = live.as_deref().map(|live| difference(live, definition)).transpose()?;
        if !self.json {
            show(&view, difference.as_ref());
        }
        let same = live.as_deref() == Some(&*definition.text) && self.mode == ApplyMode::Live && view.trial.is_none();
        let mut outcome = None;
        if same && !self.json {
            println!("{name}: version {} says so already, so nothing is done", view.live);
        }
        if !same && !self.dry_run {
            let text = std::sync::Arc::clone(&definition.text);
            let action = Action::Apply(Applied { mode: self.mode, ..Applied::live(text, expected) });
            outcome = Some(control.change(name, &self.author, &self.message, action).await?);
        }
        if self.json {
            let (rendezvous, dry_run) = (name.as_str(), self.dry_run);
            let report = Report { rendezvous, expected, dry_run, difference, outcome: Came::from(outcome.as_ref()) };
            println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
        }
        Ok(outcome)
    }
}

// === impl Came ===

impl<'run> From<Option<&'run Outcome>> for Came<'run> {
    fn from(outcome: Option<&'run Outcome>) -> Self {
        outcome.map_or(Self::Nothing { outcome: "none" }, Self::Of)
    }
}

/// Returns what is known of the version that is live.
pub(super) fn live_version(view: &PolicyView) -> Option<&VersionView> {
    view.versions.iter().find(|version| version.version == view.live)
}

fn show(view: &PolicyView, difference: Option<&Difference>) {
    let (Some(difference), Some(live)) = (difference, live_version(view)) else {
        return println!("the first version of this policy");
    };
    println!("compared with version {}, which is live (by {}, {}):", live.version, live.author, live.at);
    for line in shown(difference, is_coloured()).lines() {
        println!("  {line}");
    }
}

/// Reads a file, with every mistake told, and plays its examples.
fn checked(file: &Path) -> Result<Definition, Failure> {
    let source = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("{source}: cannot be read"));
    let checked = Definition::check(&source, &text.map_err(Failure::Refused)?);
    let Some(definition) = checked.definition else { return Err(Failure::Refused(checked.problems.into())) };
    eprint!("{}", checked.problems);
    let failed: Vec<_> = definition.play_examples().into_iter().filter(|example| !example.passed).collect();
    if failed.is_empty() {
        return Ok(definition);
    }
    let told: Vec<String> = failed.iter().map(|example| format!("{}\n{}", example.name, example.timeline)).collect();
    Err(Failure::Refused(anyhow!("{source}: examples fail, so nothing is applied:\n{}", told.join("\n"))))
}

fn difference(live: &str, new: &Definition) -> anyhow::Result<Difference> {
    let old = Definition::parse("the live version", live).context("the live version is not understood here")?;
    Ok(policies::diff(&old, new))
}

/// Reads `5%` as parts in 10,000.
fn parts(text: &str) -> Result<u16, String> {
    let percent: Option<f64> = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let parts = percent.map(|percent| (percent * 100.0).round()).filter(|parts| (1.0..10_000.0).contains(parts));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and 9,999")]
    parts.map(|parts| parts as u16).ok_or_else(|| format!("`{text}` is no share: write `5%`, from 0.01% to 99.99%"))
}

//! `hedgerow policies`: which versions there are, who made them, when and why, and how a trial does.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use control::{PolicyView, TrialView, VersionView};

use super::{
    Failure,
    control::{Reach, block_on, rendezvous},
};

/// Shows the versions of policies.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  hedgerow policies                            every rendezvous, and what is live\n  \
    hedgerow policies wine                       its versions, who made them, when and why\n  \
    hedgerow policies wine --show 3 > wine.yaml  a version's text\n  \
    hedgerow policies wine --json --brokers kafka:9092\n\n\
    Fields of --json: rendezvous · live · newest · trial: {version, mode, tally, judgement (not_enough, keep, worse), \
    worse} · versions: [{version, state, note, mode, author, at, message, rolls_back, canary: {canary, act, report: \
    {digest, verdict, because, compared}}, needs, approved_by, live_since}] · refused: [{author, at, message, why}]; without NAME {\"policies\": [of these]}\n\n\
    Exit codes: 0 shown · 1 failed · 2 wrong arguments"
)]
pub(super) struct Policies {
    /// The rendezvous; all of them, when not given
    #[arg(value_name = "NAME")]
    rendezvous: Option<String>,

    /// Print the text of this version, and nothing else
    #[arg(long, value_name = "N", requires = "rendezvous", conflicts_with = "json")]
    show: Option<u64>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// So many refused changes are shown.
const REFUSED_SHOWN: usize = 5;

// === impl Policies ===

impl Policies {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let name = self.rendezvous.as_deref().map(rendezvous).transpose()?;
        block_on(async {
            let control = self.reach.open().await?;
            let Some(name) = name else {
                let mut views = Vec::new();
                for name in control.names().await? {
                    views.push(control.view(&rendezvous(&name)?).await?);
                }
                print!("{}", if self.json { json(&serde_json::json!({ "policies": views }))? } else { all(&views) });
                return Ok(ExitCode::SUCCESS);
            };
            if let Some(version) = self.show {
                print!("{}", control.text(&name, version).await?);
                return Ok(ExitCode::SUCCESS);
            }
            let view = control.view(&name).await?;
            print!("{}", if self.json { json(&view)? } else { one(&view) });
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn json(view: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(format!("{}\n", serde_json::to_string(view)?))
}

/// A line for each rendezvous.
fn all(views: &[PolicyView]) -> String {
    let rows = views.iter().map(|view| {
        let live = view.versions.iter().find(|version| version.version == view.live);
        let live = live.map_or_else(String::new, |live| format!("by {}, {}", live.author, live.at));
        let trial = view.trial.as_ref().map_or_else(String::new, |trial| format!("version {} on trial", trial.version));
        [view.rendezvous.clone(), format!("version {} is live", view.live), live, trial]
    });
    lines(rows)
}

/// A policy's versions, newest first, then how its trial does and what was refused.
fn one(view: &PolicyView) -> String {
    let mut text = lines(view.versions.iter().rev().map(row));
    if let Some(trial) = &view.trial {
        text += &tried(trial);
    }
    for refused in view.refused.iter().rev().take(REFUSED_SHOWN) {
        let why = refused.why.lines().next().unwrap_or_default();
        let _ = writeln!(text, "refused: a change by {}, {}: {why}", refused.author, refused.at);
    }
    text
}

fn row(version: &VersionView) -> [String; 5] {
    [version.version.to_string(), version.standing(), version.at.clone(), version.author.clone(), version.why()]
}

fn tried(trial: &TrialView) -> String {
    let counted = trial.counted().into_iter().chain([trial.judged()]).map(|told| format!("  {told}\n"));
    [format!("{}\n", trial.way())].into_iter().chain(counted).collect()
}

fn lines<const COLUMNS: usize>(rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.add_rows(rows);
    let text = table.trim_fmt();
    if text.is_empty() { text } else { text + "\n" }
}

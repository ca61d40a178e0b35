//! `hedgerow rollback`, `approve`, `promote` and `withdraw`: changes that bring no new file.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use control::PolicyView;
use wire::{Action, Apply, RendezvousName};

use super::{
    Failure,
    control::{Control, Reach, Signature, block_on, rendezvous, told},
};

/// Makes an earlier version's text the next version.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow rollback wine                       to what was live before\n  \
    hedgerow rollback wine --to 3 -m \"boost is ill\"\n\n\
    The old text gets a new number. What was live before needs nobody's approval.\n\n\
    Fields of --json: rendezvous · outcome (live, proposed, refused) · version · missing · if refused: why, sentence, \
    since\n\nExit codes: 0 done · 1 failed · 2 wrong arguments · 3 somebody else was first")]
pub(super) struct Rollback {
    #[command(flatten)]
    common: Common,

    /// Which version; the one that was live before, when not given
    #[arg(long, value_name = "N")]
    to: Option<u64>,
}

/// Agrees to a version that somebody else proposed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow approve wine\n  hedgerow approve wine --version 7 --author bob\n\n\
    A policy asks for it with `approvals: N`: so many people besides the author must approve each change.\n\n\
    Fields of --json: rendezvous · outcome (live, on_trial, proposed, refused) · version · missing · if refused: why, \
    sentence\n\nExit codes: 0 approved · 1 failed · 2 wrong arguments")]
pub(super) struct Approve {
    #[command(flatten)]
    common: Common,

    /// Which version; the newest that waits, when not given
    #[arg(long, value_name = "N")]
    version: Option<u64>,
}

/// Makes the version on trial live.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow promote wine\n\n\
    Fields of --json: rendezvous · outcome (live, refused) · version · if refused: why, sentence\n\n\
    Exit codes: 0 done · 1 failed · 2 wrong arguments")]
pub(super) struct Promote {
    #[command(flatten)]
    common: Common,
}

/// Ends a trial, or takes a proposal back.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow withdraw wine --reason \"slower than hoped\"\n  \
    hedgerow withdraw wine --version 7 --reason \"a typing mistake\"\n\n\
    Fields of --json: rendezvous · outcome (withdrawn, refused) · version · if refused: why, sentence\n\n\
    Exit codes: 0 done · 1 failed · 2 wrong arguments")]
pub(super) struct Withdraw {
    #[command(flatten)]
    common: Common,

    /// Which version; the one on trial, else the newest that waits for approval, when not given
    #[arg(long, value_name = "N")]
    version: Option<u64>,

    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// What all of them need.
#[derive(Args, Debug)]
struct Common {
    /// The rendezvous
    #[arg(value_name = "NAME")]
    rendezvous: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    signature: Signature,

    #[command(flatten)]
    reach: Reach,
}

// === impl Rollback ===

impl Rollback {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(async |control, name, view| {
            let to = match self.to {
                Some(to) if to == view.live => return Err(anyhow!("version {to} is live already")),
                Some(to) => to,
                None => before_live(view)?,
            };
            let text = control.text(name, to).await?.into();
            Ok(Action::Apply(Apply { rolls_back: Some(to), ..Apply::live(text, view.newest) }))
        })
    }
}

// === impl Approve ===

impl Approve {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(async |_, _, view| {
            let waits = || proposed(view).context("nothing waits for approval");
            Ok(Action::Approve { version: self.version.map_or_else(waits, Ok)? })
        })
    }
}

// === impl Promote ===

impl Promote {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(async |_, _, view| {
            let version = on_trial(view).context("nothing is on trial: `hedgerow apply --shadow` begins one")?;
            Ok(Action::Promote { version })
        })
    }
}

// === impl Withdraw ===

impl Withdraw {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(async |_, _, view| {
            let either = || on_trial(view).or_else(|| proposed(view)).context("nothing is on trial or proposed");
            Ok(Action::Withdraw { version: self.version.map_or_else(either, Ok)?, reason: self.reason.clone() })
        })
    }
}

// === impl Common ===

impl Common {
    fn run(
        &self,
        action: impl AsyncFnOnce(&Control, &RendezvousName, &PolicyView) -> anyhow::Result<Action>,
    ) -> Result<ExitCode, Failure> {
        let name = rendezvous(&self.rendezvous)?;
        block_on(async {
            let control = self.reach.open().await?;
            let view = control.view(&name).await?;
            let action = action(&control, &name, &view).await?;
            let outcome = control.change(&name, &self.signature.author(), &self.signature.message, action).await?;
            Ok(told(&name, &outcome, self.json)?)
        })
    }
}

fn before_live(view: &PolicyView) -> anyhow::Result<u64> {
    let mut before = view.versions.iter().rev().filter(|version| version.version < view.live);
    let before = before.find(|version| version.live_since.is_some());
    before.map(|version| version.version).context("no other version was live before: name one with --to")
}

fn proposed(view: &PolicyView) -> Option<u64> {
    view.versions.iter().rev().find(|version| version.state == "proposed").map(|version| version.version)
}

fn on_trial(view: &PolicyView) -> Option<u64> {
    view.trial.as_ref().map(|trial| trial.version)
}

//! What is done about a model that is published, and what came of it in words.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use control::{ModelOutcome, WantedModel};
use models::{Effect, ModelView, Refusal};
use serde::Serialize;
use wire::{ModelAction, ModelName};

use super::super::{
    Failure,
    control::{CONFLICT, Control, Reach, Signature, block_on},
};

/// Makes a version live that was published before.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow models promote forest --to 8        what was published with --aside\n  \
    hedgerow models promote forest --to 8 --expect 7\n\n\
    Fields of --json: model · outcome (live, refused) · version · before · if refused: why, sentence\n\n\
    Exit codes: 0 done · 1 refused · 2 wrong arguments · 3 somebody else was first")]
pub(super) struct Promote {
    #[command(flatten)]
    common: Common,

    /// Which version
    #[arg(long, value_name = "V")]
    to: String,

    /// Only if version V is live
    #[arg(long, value_name = "V")]
    expect: Option<String>,
}

/// Goes back to the version that was live before.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow models rollback forest              to what was live before\n  \
    hedgerow models rollback forest --to 5 -m \"7 forgets ash\"\n\n\
    The version that was live stays published; `hedgerow models retire` takes it away for good.\n\n\
    Fields of --json: model · outcome (live, refused) · version · before · if refused: why, sentence\n\n\
    Exit codes: 0 done · 1 refused · 2 wrong arguments · 3 somebody else was first")]
pub(super) struct Rollback {
    #[command(flatten)]
    common: Common,

    /// Which version; the one that was live before, when not given
    #[arg(long, value_name = "V")]
    to: Option<String>,
}

/// Lets a version, or the whole model, serve nobody any more.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow models retire forest --version 5 -m \"trained on the wrong year\"\n  \
    hedgerow models retire forest                the whole model: executors that name it fail their requests\n\n\
    What was retired does not come back under the same version; its record stays.\n\n\
    Fields of --json: model · outcome (retired, refused) · version · if refused: why, sentence\n\n\
    Exit codes: 0 done · 1 refused · 2 wrong arguments")]
pub(super) struct Retire {
    #[command(flatten)]
    common: Common,

    /// Which version; all of them, when not given
    #[arg(long, value_name = "V")]
    version: Option<String>,
}

/// What all of them need.
#[derive(Args, Debug)]
struct Common {
    /// The model
    #[arg(value_name = "NAME")]
    model: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    signature: Signature,

    #[command(flatten)]
    reach: Reach,
}

/// What `--json` prints of a change: the outcome's own fields and whose it is.
#[derive(Serialize)]
struct Done<'run> {
    model: &'run str,
    #[serde(flatten)]
    outcome: &'run ModelOutcome,
}

// === impl Promote ===

impl Promote {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let (version, expected) = (self.to.clone(), self.expect.clone());
        self.common.run(async |_| Ok(ModelAction::Serve { version, expected }))
    }
}

// === impl Rollback ===

impl Rollback {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(async |control| {
            let name = model_name(&self.common.model).map_err(Failure::into_error)?;
            let ModelView { live, previous, .. } = control.model(&name).await?;
            let none = || format!("no other version of `{name}` was live before: name one with --to");
            let version = self.to.clone().or(previous).with_context(none)?;
            // Somebody who rolled back in the same moment must not be rolled back.
            Ok(ModelAction::Serve { version, expected: live })
        })
    }
}

// === impl Retire ===

impl Retire {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let version = self.version.clone();
        self.common.run(async |_| Ok(ModelAction::Retire { version }))
    }
}

// === impl Common ===

impl Common {
    fn run(&self, action: impl AsyncFnOnce(&Control) -> anyhow::Result<ModelAction>) -> Result<ExitCode, Failure> {
        let name = model_name(&self.model)?;
        block_on(async {
            let control = self.reach.open().await?;
            let action = action(&control).await?;
            let (author, message) = (self.signature.author(), self.signature.message.clone());
            let wanted = WantedModel { author, message, action, bytes: None };
            let outcome = control.change_model(&name, &wanted).await?;
            Ok(told(&name, &outcome, self.json)?)
        })
    }
}

pub(super) fn model_name(name: &str) -> Result<ModelName, Failure> {
    ModelName::new(name).map_err(|error| Failure::Refused(error.into()))
}

/// Prints what came of a change of `name`, and returns the exit code that says the same.
pub(super) fn told(name: &ModelName, outcome: &ModelOutcome, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string(&Done { model: name.as_str(), outcome })?);
    }
    match outcome {
        ModelOutcome::Done(effect) => {
            if !json {
                println!("{}", done(name, effect));
            }
            Ok(ExitCode::SUCCESS)
        }
        ModelOutcome::Refused(refused) => {
            if !json {
                eprintln!("error: the change of `{name}` is refused: {}", refused.sentence);
            }
            Ok(if matches!(refused.refusal, Refusal::Conflict { .. }) { CONFLICT.into() } else { ExitCode::FAILURE })
        }
    }
}

fn done(name: &ModelName, effect: &Effect) -> String {
    match effect {
        Effect::Live { version, before: Some(before) } if before != version => {
            format!("{name}: version {version} is live, in the place of {before}")
        }
        Effect::Live { version, .. } => format!("{name}: version {version} is live"),
        Effect::Aside { version } => format!(
            "{name}: version {version} is published aside: `model: {name}@{version}` uses it, `hedgerow models promote \
             {name} --to {version}` makes it live"
        ),
        Effect::Retired { version: Some(version) } => format!("{name}: version {version} is retired"),
        Effect::Retired { version: None } => format!("{name} is retired, with all its versions"),
    }
}

//! `hedgerow canary promote`, `hold`, `release` and `reject`: a canary stands otherwise, and the log says by which report.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context as _, anyhow};
use canary::{Acted, Report};
use clap::Args;
use control::{Outcome, PolicyView};
use policies::{Definition, Difference};
use serde::Serialize;
use wire::{ActedOn, Deed, ExecutorId};

use super::{
    super::{
        Failure,
        apply::{Came, live_version},
        control::{Control, Reach, Signature, block_on, exit_code, rendezvous, told},
        diff::{is_coloured, shown},
    },
    reading::{Reports, canary},
};
use crate::canaries::{Objection, Plan};

/// Makes a canary a candidate.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    hedgerow canary promote wine next                        if its verdict is better or no worse\n  \
    hedgerow canary promote wine next --first --dry-run      what would change, and nothing else\n  \
    hedgerow canary promote wine next --print > wine.yaml    the policy's text after it\n\n\
    The live version's text is edited, its comments stay, and it becomes the next version; `hedgerow policies` shows by \
    which report. Examples in it are played with one more candidate: if some fail, nothing is done.\n\n\
    Fields of --json: rendezvous · canary · act · expected · dry_run · report: {digest, verdict, because, compared} or \
    null · difference (as of `hedgerow diff --json`) · outcome (live, proposed, refused, none) · version · missing \
    (approvals) · if refused: why, sentence, since\n\n\
    Exit codes: 0 done, or proposed · 1 failed · 2 refused: the verdict does not allow it, or its examples fail \
    · 3 somebody else was first")]
pub(super) struct Promote {
    #[command(flatten)]
    common: Common,

    /// Make it the first in every `prefer` too
    #[arg(long)]
    first: bool,

    /// Promote it whatever the verdict is
    #[arg(long)]
    force: bool,
}

/// Keeps a canary from being promoted or rejected by itself.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow canary hold wine next -m \"until the audit is over\"\n\n\
    It is compared on. Fields of --json: as of `hedgerow canary promote`\n\n\
    Exit codes: 0 done, or proposed · 1 failed · 2 refused · 3 somebody else was first")]
pub(super) struct Hold {
    #[command(flatten)]
    common: Common,
}

/// Ends a hold.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow canary release wine next\n\n\
    Fields of --json: as of `hedgerow canary promote`\n\n\
    Exit codes: 0 done, or proposed · 1 failed · 2 refused · 3 somebody else was first")]
pub(super) struct Release {
    #[command(flatten)]
    common: Common,
}

/// Takes a canary out.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow canary reject wine next -m \"trained on shuffled labels\"\n\n\
    Whatever the verdict is: nobody needs a canary. Fields of --json: as of `hedgerow canary promote`\n\n\
    Exit codes: 0 done, or proposed · 1 failed · 2 refused: somebody names it, as by `hears` \
    · 3 somebody else was first")]
pub(super) struct Reject {
    #[command(flatten)]
    common: Common,
}

/// What all of them need.
#[derive(Args, Debug)]
struct Common {
    /// The rendezvous
    #[arg(value_name = "RENDEZVOUS")]
    rendezvous: String,

    /// The canary; not needed where there is one only
    #[arg(value_name = "CANARY")]
    canary: Option<String>,

    /// Print the policy's text after it, and do nothing
    #[arg(long, conflicts_with_all = ["dry_run", "json"])]
    print: bool,

    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    signature: Signature,

    #[command(flatten)]
    reach: Reach,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Done<'run> {
    rendezvous: &'run str,
    canary: &'run str,
    act: Deed,
    expected: u64,
    dry_run: bool,
    report: Option<ActedOn>,
    difference: &'run Difference,
    #[serde(flatten)]
    outcome: Came<'run>,
}

// === impl Promote, Hold, Release, Reject ===

impl Promote {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let deed = if self.first { Deed::PromoteFirst } else { Deed::Promote };
        self.common.run(deed, |plan| if self.force { Ok(()) } else { plan.may_be_promoted().map_err(objected) })
    }
}

impl Hold {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(Deed::Hold, |_| Ok(()))
    }
}

impl Release {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(Deed::Release, |_| Ok(()))
    }
}

impl Reject {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        self.common.run(Deed::Reject, |_| Ok(()))
    }
}

// === impl Common ===

impl Common {
    fn run(&self, deed: Deed, may: impl Fn(&Plan) -> anyhow::Result<()>) -> Result<ExitCode, Failure> {
        block_on(async {
            let control = self.reach.open().await?;
            let (plan, view) = self.plan(&control).await?;
            let acted = plan.act(deed).map_err(|error| Failure::Refused(error.into()))?;
            may(&plan).map_err(Failure::Refused)?;
            eprint!("{}", acted.warnings);
            if self.print {
                print!("{}", acted.text);
                return Ok(ExitCode::SUCCESS);
            }
            if !self.json {
                show(&plan, &view, &acted);
            }
            plan.check_examples(&acted, deed).map_err(|objection| Failure::Refused(objected(objection)))?;
            self.apply(&control, &plan, &acted, deed).await
        })
    }

    async fn plan(&self, control: &Control) -> Result<(Plan, PolicyView), Failure> {
        let rendezvous = rendezvous(&self.rendezvous)?;
        let view = control.view(&rendezvous).await?;
        let text = control.text(&rendezvous, view.live).await?;
        let live = Definition::parse("the live version", &text).context("the live version is not understood here")?;
        let canary = match &self.canary {
            Some(name) => canary(name)?,
            None => only(&live).map_err(Failure::Refused)?,
        };
        let report = Reports::beside(control, &self.reach, rendezvous.clone())?.report(&canary).await;
        let report = report.inspect_err(|error| eprintln!("no report about `{canary}`: {error:#}")).ok();
        let plan = Plan { rendezvous, expected: view.newest, live: Arc::new(live), canary, report };
        Ok((plan, view))
    }

    async fn apply(&self, control: &Control, plan: &Plan, acted: &Acted, deed: Deed) -> Result<ExitCode, Failure> {
        let expected = plan.expected;
        let mut outcome: Option<Outcome> = None;
        if !self.dry_run {
            let (author, message) = (self.signature.author(), &self.signature.message);
            outcome = Some(control.change(&plan.rendezvous, &author, message, plan.action(acted, deed)).await?);
        }
        if self.json {
            let done = Done {
                rendezvous: plan.rendezvous.as_str(),
                canary: plan.canary.as_str(),
                act: deed,
                expected,
                dry_run: self.dry_run,
                report: plan.report.as_ref().map(Report::acted_on),
                difference: &acted.difference,
                outcome: Came::from(outcome.as_ref()),
            };
            println!("{}", serde_json::to_string(&done).map_err(anyhow::Error::from)?);
            return Ok(outcome.as_ref().map_or(ExitCode::SUCCESS, exit_code));
        }
        let Some(outcome) = outcome else { return Ok(ExitCode::SUCCESS) };
        let code = told(&plan.rendezvous, &outcome, false)?;
        if outcome.refused().is_none() {
            let (name, next) = (&plan.rendezvous, expected + 1);
            println!("bring your file up to date with `hedgerow policies {name} --show {next} > {name}.yaml`");
        }
        Ok(code)
    }
}

/// Returns the only canary there is.
fn only(live: &Definition) -> anyhow::Result<ExecutorId> {
    let canaries = live.executors.iter().filter(|spec| spec.canary.is_some() && !live.is_twin(spec));
    match canaries.map(|spec| spec.id.clone()).collect::<Vec<_>>().as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(anyhow!("{} has no canary: `canary: {{ of: NAME }}` makes an executor one", live.name())),
        all => {
            let all: Vec<&str> = all.iter().map(ExecutorId::as_str).collect();
            Err(anyhow!("say which canary: {}", all.join(", ")))
        }
    }
}

fn objected(Objection { sentence, hint }: Objection) -> anyhow::Error {
    anyhow!("{sentence}\nhint: {hint}")
}

fn show(plan: &Plan, view: &PolicyView, acted: &Acted) {
    if let Some(report) = &plan.report {
        println!("`{}` is {} beside `{}`: {}", plan.canary, report.verdict.word(), report.reference, report.because);
    }
    let live = live_version(view).map_or_else(String::new, |live| format!(" (by {}, {})", live.author, live.at));
    println!("compared with version {}, which is live{live}:", view.live);
    for line in shown(&acted.difference, is_coloured()).lines() {
        println!("  {line}");
    }
}

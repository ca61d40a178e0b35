//! What people do about a canary, from wherever they do it: by which report, with which text, and whether they may.

use std::sync::Arc;

use canary::{Acted, Report, Verdict, act};
use policies::{Definition, edit::EditError};
use wire::{Action, Apply, CanaryAct, Deed, ExecutorId, RendezvousName};

/// What is known where something is to be done about a canary.
pub struct Plan {
    /// Whose canary.
    pub rendezvous: RendezvousName,
    /// The newest version: what the change expects.
    pub expected: u64,
    /// The live one, whose text is edited.
    pub live: Arc<Definition>,
    /// The canary.
    pub canary: ExecutorId,
    /// What was compared of it, if that is known.
    pub report: Option<Report>,
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Why.
    pub sentence: String,
    /// What one can do on the command line.
    pub hint: String,
}

// === impl Plan ===

impl Plan {
    /// Returns the live text with `deed` done.
    pub fn act(&self, deed: Deed) -> Result<Acted, EditError> {
        act(&self.live, &self.canary, deed)
    }

    /// Returns whether the verdict allows to promote it.
    pub fn may_be_promoted(&self) -> Result<(), Objection> {
        let (name, canary) = (&self.rendezvous, &self.canary);
        let Some(report) = &self.report else {
            return Err(Objection {
                sentence: format!("nobody can say how `{canary}` does"),
                hint: "without a report only --force promotes it".to_owned(),
            });
        };
        match report.verdict {
            Verdict::Better | Verdict::NoWorse => Ok(()),
            verdict => Err(Objection {
                sentence: format!(
                    "`{canary}` is not promoted, its verdict is `{}`: {}",
                    verdict.word(),
                    report.because
                ),
                hint: format!("`hedgerow canary report {name} {canary}` says more; --force promotes it all the same"),
            }),
        }
    }

    /// Returns which examples one candidate more, or one executor less, breaks.
    pub fn check_examples(&self, acted: &Acted, deed: Deed) -> Result<(), Objection> {
        if acted.failed.is_empty() {
            return Ok(());
        }
        let told = acted.failed.iter().map(|example| format!("{}\n{}", example.name, example.timeline));
        let (name, canary) = (&self.rendezvous, &self.canary);
        let command = match deed {
            Deed::Promote => "promote",
            Deed::PromoteFirst => "promote --first",
            Deed::Hold => "hold",
            Deed::Release => "release",
            Deed::Reject => "reject",
        };
        Err(Objection {
            sentence: format!(
                "with `{canary}` {} these examples of the policy do not come out as they say, so nothing is done:\n{}",
                deed.done(),
                told.collect::<Vec<_>>().join("\n")
            ),
            hint: format!(
                "write the text with `hedgerow canary {command} {name} {canary} --print > {name}.yaml`, say there what is \
                 meant now, and `hedgerow apply {name}.yaml`"
            ),
        })
    }

    /// Returns the change that makes what was acted the next version.
    #[must_use]
    pub fn action(&self, acted: &Acted, deed: Deed) -> Action {
        let by = self.report.as_ref().map(Report::acted_on);
        let act = CanaryAct { canary: self.canary.to_string(), act: deed, report: by };
        Action::Apply(Apply { canary: Some(act), ..Apply::live(Arc::from(acted.text.as_str()), self.expected) })
    }
}

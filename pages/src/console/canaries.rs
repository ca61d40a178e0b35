//! A rendezvous' canaries, whoever needs somebody's eyes first; who may change the policy acts on them here.

use canary::{Report, Verdict};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use wire::Deed;

use super::{Access, Page, paths};
use crate::{canary::listed, prose::plain};

/// The canaries of one rendezvous.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Canaries {
    /// Whose.
    pub rendezvous: String,
    /// The newest version of the policy: what a change expects.
    pub newest: u64,
    /// All of them, those without a single request too.
    pub canaries: Vec<CanaryShown>,
}

/// One canary.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CanaryShown {
    /// What is known of it.
    pub report: Report,
    /// Whether nothing is done about it by itself.
    pub held: bool,
}

/// What the form that acts on a canary sends, by POST to the page of its report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActFields {
    /// What is to be done.
    pub act: Deed,
    /// The newest version when the page was made: whoever was faster is not overwritten.
    pub expected: u64,
    /// Why.
    #[serde(default)]
    pub message: String,
    /// Who it is; empty for nobody in particular.
    #[serde(default)]
    pub author: String,
    /// Whether it is done though the verdict speaks against it: `on` if so, as a box sends it.
    #[serde(default)]
    pub force: Option<String>,
}

/// Returns the page of all canaries of a rendezvous.
#[must_use]
pub fn canaries(all: &Canaries, access: Access) -> Page {
    let name = plain(&all.rendezvous);
    let reports: Vec<Report> = all.canaries.iter().map(|canary| canary.report.clone()).collect();
    let inside = listed(
        &reports,
        |report| Some(paths::canary(&all.rendezvous, &report.canary)),
        |report| beside(all, report, access),
    );
    let main = html! {
        p.over { "Canaries · rendezvous " (name) }
        (inside)
        @if all.canaries.is_empty() {
            section {
                h2 { "How to have one" }
                p { "A canary is asked like everybody and never answers for anybody. In the policy, beside the executors: " code { "next: { onnx: next.onnx, canary: { of: forest } }" } "." }
            }
        }
    };
    Page::new(&format!("Canaries of {name}"), &main)
}

/// What stands beside a canary's verdict: whether it is held, and what may be done.
fn beside(all: &Canaries, report: &Report, access: Access) -> Markup {
    let held = all.canaries.iter().any(|one| one.report.canary == report.canary && one.held);
    html! {
        @if held { p { b { "Held" } ": nothing is done about it by itself." } }
        @if access == Access::Operator {
            div.acts {
                (act(all, report, Deed::Promote, warned(report)))
                (act(all, report, Deed::PromoteFirst, warned(report)))
                (act(all, report, if held { Deed::Release } else { Deed::Hold }, None))
                (act(all, report, Deed::Reject, None))
            }
        }
    }
}

/// What somebody should read before he promotes it.
fn warned(report: &Report) -> Option<&'static str> {
    match report.verdict {
        Verdict::Better | Verdict::NoWorse => None,
        Verdict::Worse => Some("It is worse than its reference."),
        Verdict::NotEnoughEvidence => Some("Nobody can say yet whether it is worse than its reference."),
        Verdict::NotComparable => Some("Its answers cannot be compared with its reference's."),
    }
}

fn act(all: &Canaries, report: &Report, deed: Deed, warned: Option<&str>) -> Markup {
    let (called, word, what) = match deed {
        Deed::Promote => ("Promote", "promote", "It becomes a candidate, where the policy's clauses name it or any."),
        Deed::PromoteFirst => {
            ("Promote to the first", "promote_first", "It becomes a candidate, and the first in every rank.")
        }
        Deed::Hold => ("Hold", "hold", "Nothing is done about it by itself any more."),
        Deed::Release => ("Release", "release", "What the policy allows is done about it by itself again."),
        Deed::Reject => ("Reject", "reject", "It is taken out of the policy, and asked no more."),
    };
    let place = all.canaries.iter().position(|one| one.report.canary == report.canary).unwrap_or_default();
    let id = format!("{word}-{place}");
    html! {
        details.act {
            summary { (called) }
            form method="post" action=(paths::canary(&all.rendezvous, &report.canary)) {
                p { (what) @if let Some(warned) = warned { " " b { (warned) } } }
                input type="hidden" name="act" value=(word);
                input type="hidden" name="expected" value=(all.newest);
                label for=(id) { "Why" }
                input id=(id) name="message" type="text" maxlength="500" required autocomplete="off";
                label for={ "who-" (id) } { "Who you are" }
                input #{ "who-" (id) } name="author" type="text" maxlength="100" placeholder="console" autocomplete="name";
                @if warned.is_some() {
                    p.box { label { input type="checkbox" name="force" value="on" required; " Do it all the same" } }
                }
                button.grave[deed == Deed::Reject] type="submit" { (called) " " (plain(&report.canary)) }
            }
        }
    }
}

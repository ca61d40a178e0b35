//! Where time goes, stage by stage, and which of them misses are blamed on.

use maud::{Markup, html};
use measures::{Blame, Overview, Stage};

use crate::{
    charts::bar,
    console::parts::{tally, time},
    words,
};

pub(super) fn inside(overview: &Overview) -> Markup {
    let blamed: u64 = overview.blame.iter().map(|blame| blame.misses).sum();
    html! {
        p.how {
            "Each result’s time is split into stages that sum to the whole; a miss is blamed on the one that took longest. "
            (conclusion(&overview.blame, blamed, overview.misses))
        }
        table.stack.level {
            thead { tr { th { "Stage" } th { "Of the time" } th.number { "On average" } th { "Misses blamed" } } }
            tbody {
                @for blame in &overview.blame {
                    tr {
                        th scope="row" { (blame.stage.words()) small { (told(blame.stage)) } }
                        td data-label="Of the time" { (bar(blame.share, "line-1 bar")) small { (words::share(blame.share)) } }
                        td.number data-label="On average" { (time(Some(blame.mean_us))) }
                        td data-label="Misses blamed" {
                            @if blamed > 0 { (bar(words::exact(blame.misses) / words::exact(blamed), "line-2 bar")) }
                            small { (tally(blame.misses)) }
                        }
                    }
                }
            }
        }
    }
}

fn conclusion(all: &[Blame], blamed: u64, misses: u64) -> Markup {
    let most = all.iter().filter(|blame| blame.misses > 0).max_by_key(|blame| blame.misses);
    html! {
        @match most {
            Some(most) => {
                b { "Most misses (" (words::count(most.misses)) " of " (words::count(blamed)) ") are blamed on: " (most.stage.words()) "." }
            },
            // The answer that a default came without is waited for, so that it can be blamed.
            None if misses > 0 => b { "Where the misses lost their time is not known yet." },
            None => "There were no misses.",
        }
    }
}

fn told(stage: Stage) -> &'static str {
    match stage {
        Stage::Starter => "checking, planning, writing the request",
        Stage::BrokerThere => "from the log to the executor",
        Stage::Queue => "waiting in the executor",
        Stage::Compute => "the model’s work",
        Stage::BrokerBack => "from the answer to its place in the log",
        Stage::Silent => "nothing was heard",
        Stage::Policy => "an answer was there, or the executor was not to start yet: the policy waited",
        Stage::Result => "from the verdict to the result in the log",
    }
}

//! What decided: which clause, how often, and why then.

use maud::{Markup, html};
use measures::{Overview, Share};
use policies::DecidedBy;

use crate::{
    charts::{About, Part, stacked},
    words,
};

/// From the first clause on: darker to lighter, so that neighbours are told apart by how dark they are.
const CLAUSES: [(&str, &str); 5] =
    [("same-5", "on-5"), ("same-4", "on-4"), ("same-3", "on-3"), ("same-2", "on-2"), ("same-1", "on-1")];
const DEGRADED: (&str, &str) = ("other-4", "on-4");

/// Draws how the results are shared by clauses.
pub(super) fn picture(overview: &Overview, id: &str) -> Markup {
    let shares = in_order(overview);
    let last = CLAUSES.len() - 1;
    let parts: Vec<Part> = shares
        .iter()
        .enumerate()
        .map(|(place, share)| Part {
            share: share.share,
            called: [format!("{} {}", called(share), words::share(share.share)), place_of(share)],
            class: if share.by == DecidedBy::Default { DEGRADED } else { CLAUSES[place.min(last)] },
            told: format!("{}: {}", called(share), words::share(share.share)),
        })
        .collect();
    let told: Vec<String> = parts.iter().map(|part| part.told.clone()).collect();
    stacked(&About { id, title: "What decided", told: told.join(", ") }, &parts)
}

/// Lists them in one line each.
pub(super) fn list(overview: &Overview) -> Markup {
    html! {
        ol.decided {
            @for share in in_order(overview) {
                li { b { (called(share)) } " " (words::share(share.share)) span.soft { " · " (why(share)) } }
            }
        }
    }
}

/// Returns a table of them, with every reason.
pub(super) fn table(overview: &Overview) -> Markup {
    html! {
        table.stack {
            thead { tr { th { "Clause" } th.number { "Results" } th.number { "Share" } th { "Decided then because" } } }
            tbody {
                @for share in in_order(overview) {
                    tr {
                        th scope="row" { (called(share)) small { (by(share.by)) } }
                        td.number data-label="Results" { (words::count(share.results)) }
                        td.number data-label="Share" { (words::share(share.share)) }
                        td.across data-label="Decided then because" {
                            ul.plain {
                                @for (reason, count) in most_first(share) {
                                    li { (in_words(reason)) " " span.soft { (words::count(count)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Defaults come last, the others in the order of the ladder.
fn in_order(overview: &Overview) -> Vec<&Share> {
    let mut shares: Vec<&Share> = overview.decided.iter().collect();
    shares.sort_by_key(|share| (share.by == DecidedBy::Default, share.clause));
    shares
}

fn called(share: &Share) -> String {
    let kind = share.by.as_str();
    if share.clause == 0 { kind.to_owned() } else { format!("{} {kind}", share.clause) }
}

fn place_of(share: &Share) -> String {
    if share.clause == 0 { String::new() } else { share.clause.to_string() }
}

fn by(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::First => "the first usable answer",
        DecidedBy::Prefer => "the best-ranked answer",
        DecidedBy::Agree => "enough that agree",
        DecidedBy::Best => "the highest score",
        DecidedBy::Combine => "made of several answers",
        DecidedBy::Default => "no answer: the default",
    }
}

fn most_first(share: &Share) -> Vec<(&str, u64)> {
    let mut reasons: Vec<(&str, u64)> = share.reasons.iter().map(|(reason, count)| (&**reason, *count)).collect();
    reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    reasons
}

fn why(share: &Share) -> String {
    let reasons = most_first(share);
    let told = reasons.iter().take(2).map(|(reason, _)| in_words(reason)).collect::<Vec<_>>().join("; or ");
    if reasons.len() > 2 { told + "; …" } else { told }
}

/// Returns why it was decided then.
fn in_words(reason: &str) -> &str {
    match reason {
        "early" => "nothing outstanding could change it",
        "deadline" => "time was up",
        "all_answered" => "everyone had answered or failed",
        "too_few" => "too few answered",
        "dispute" => "enough answered, but they disagree",
        "all_failed" => "everyone failed",
        "stale_on_arrival" => "dead on arrival: its time was over before it began",
        "shed" => "refused under overload",
        other => other,
    }
}

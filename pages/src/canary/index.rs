//! Several canaries, worst first.

use canary::{Report, Verdict};
use maud::{Markup, html};

use super::{outside, verdict};
use crate::{page, words};

/// Returns a page with a line for each of these canaries, worst first; `href` says where a report of its own is.
#[must_use]
pub fn index(reports: &[Report], href: impl Fn(&Report) -> Option<String>) -> String {
    // Links are made of the names as they are.
    let mut sorted: Vec<(Report, Option<String>)> =
        reports.iter().map(|report| (outside::cleaned(report), href(report))).collect();
    sorted.sort_by(|(one, _), (other, _)| order(one).cmp(&order(other)));
    let class = sorted.first().map_or("", |(worst, _)| verdict::class(worst.verdict));
    let body = html! {
        main {
            p.over { "Canary reports" }
            header class={ "hero " (class) } {
                h1 { (headline(&sorted)) }
                p { (told(&sorted)) }
            }
            @for (report, href) in &sorted { (one(report, href.as_deref())) }
        }
        footer { p { "hedgerow " (env!("CARGO_PKG_VERSION")) } }
    };
    page::file("Canaries", &body)
}

/// Who needs somebody's eyes comes first; among equals it goes by name.
fn order(report: &Report) -> (u8, &str, &str) {
    let rank = match report.verdict {
        Verdict::Worse => 0,
        Verdict::NotComparable => 1,
        Verdict::NotEnoughEvidence => 2,
        Verdict::NoWorse => 3,
        Verdict::Better => 4,
    };
    (rank, &report.rendezvous, &report.canary)
}

fn headline(reports: &[(Report, Option<String>)]) -> String {
    let worse = reports.iter().filter(|(report, _)| report.verdict == Verdict::Worse).count();
    match (reports.len(), worse) {
        (0, _) => "There are no canaries.".to_owned(),
        (1, 0) => "The one canary is not worse than its reference.".to_owned(),
        (1, _) => "The one canary is worse than its reference.".to_owned(),
        (all, 0) => format!("None of {all} canaries is worse than its reference."),
        (all, 1) => format!("One of {all} canaries is worse than its reference."),
        (all, some) => format!("{some} of {all} canaries are worse than their references."),
    }
}

/// Returns how many there are of each verdict, in the order of the page.
fn told(reports: &[(Report, Option<String>)]) -> String {
    let mut told: Vec<(Verdict, usize)> = Vec::new();
    for (report, _) in reports {
        match told.iter_mut().find(|(verdict, _)| *verdict == report.verdict) {
            Some((_, count)) => *count += 1,
            None => told.push((report.verdict, 1)),
        }
    }
    let parts: Vec<String> = told.iter().map(|(verdict, count)| format!("{count} {}", verdict.word())).collect();
    parts.join(", ")
}

fn one(report: &Report, href: Option<&str>) -> Markup {
    let requests = &report.requests;
    html! {
        section.entry {
            p { (verdict::mark(report.verdict)) }
            div {
                h2 { @if let Some(href) = href { a href=(href) { (report.canary) } } @else { (report.canary) } }
                p { (verdict::why(report)) }
                p.soft.small {
                    (report.rendezvous) " · beside " (report.reference) " · " (words::count(requests.compared)) " requests compared"
                    @if requests.asked > requests.compared { ", " (words::share(requests.excluded_share)) " left out" }
                    @if let Some(last) = requests.last_us { " · until " (words::instant(last)) }
                }
            }
        }
    }
}

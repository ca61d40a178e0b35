//! Several canaries, worst first.

use canary::{Report, Verdict};
use maud::{Markup, html};

use super::{outside, verdict};
use crate::{page, words};

/// A canary as it stands in the list.
struct Line {
    report: Report,
    href: Option<String>,
    beside: Markup,
}

/// Returns a page with a line for each of these canaries, worst first; `href` says where a report of its own is.
#[must_use]
pub fn index(reports: &[Report], href: impl Fn(&Report) -> Option<String>) -> String {
    let body = html! {
        main {
            p.over { "Canary reports" }
            (listed(reports, href, |_| html! {}))
        }
        footer { p { "hedgerow " (env!("CARGO_PKG_VERSION")) } }
    };
    page::file("Canaries", &body)
}

/// Returns how they do on the whole, then a line for each, worst first; `beside` is what else stands with it.
pub(crate) fn listed(
    reports: &[Report],
    href: impl Fn(&Report) -> Option<String>,
    beside: impl Fn(&Report) -> Markup,
) -> Markup {
    // Links and forms are made of the names as they are.
    let line = |report: &Report| Line { report: outside::cleaned(report), href: href(report), beside: beside(report) };
    let mut sorted: Vec<Line> = reports.iter().map(line).collect();
    sorted.sort_by(|one, other| order(&one.report).cmp(&order(&other.report)));
    let class = sorted.first().map_or("", |worst| verdict::class(worst.report.verdict));
    html! {
        header class={ "hero " (class) } {
            h1 { (headline(&sorted)) }
            p { (told(&sorted)) }
        }
        @for line in &sorted { (one(line)) }
    }
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

fn headline(lines: &[Line]) -> String {
    let worse = lines.iter().filter(|line| line.report.verdict == Verdict::Worse).count();
    match (lines.len(), worse) {
        (0, _) => "There are no canaries.".to_owned(),
        (1, 0) => "The one canary is not worse than its reference.".to_owned(),
        (1, _) => "The one canary is worse than its reference.".to_owned(),
        (all, 0) => format!("None of {all} canaries is worse than its reference."),
        (all, 1) => format!("One of {all} canaries is worse than its reference."),
        (all, some) => format!("{some} of {all} canaries are worse than their references."),
    }
}

/// Returns how many there are of each verdict, in the order of the page.
fn told(lines: &[Line]) -> String {
    let mut told: Vec<(Verdict, usize)> = Vec::new();
    for Line { report, .. } in lines {
        match told.iter_mut().find(|(verdict, _)| *verdict == report.verdict) {
            Some((_, count)) => *count += 1,
            None => told.push((report.verdict, 1)),
        }
    }
    let parts: Vec<String> = told.iter().map(|(verdict, count)| format!("{count} {}", verdict.word())).collect();
    parts.join(", ")
}

fn one(Line { report, href, beside }: &Line) -> Markup {
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
                (beside)
            }
        }
    }
}

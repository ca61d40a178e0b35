//! The report as one self-contained page: the verdict and why, what was compared, then a section for each question.

mod agreement;
mod behind;
mod course;
mod failures;
mod glossary;
mod latency;
mod left_out;
mod lists;
mod metrics;
mod numbers;
mod segments;

use canary::Report;
use maud::{Markup, html};

use super::{Examples, Made, outside, verdict};
use crate::{page, prose::Prose, words};

/// A report and what is known beside it.
struct Shown<'shown> {
    report: &'shown Report,
    examples: &'shown Examples,
}

/// A section: its name in links, its heading, what is in it.
struct Section {
    id: &'static str,
    heading: &'static str,
    inside: Markup,
}

/// Returns the report as one HTML file that asks for nothing and runs nothing.
#[must_use]
pub fn html(report: &Report, examples: &Examples, made: &Made) -> String {
    let (title, inside, footer) = parts(report, examples, made);
    page::file(&title, &html! { main { (inside) } (footer) })
}

/// Returns what the report is called, what is in it, and what stands below: for whoever puts another page around it.
pub(crate) fn parts(report: &Report, examples: &Examples, made: &Made) -> (String, Markup, Markup) {
    let (digest, report) = (report.digest(), &outside::cleaned(report));
    let title = format!("{}: {} beside {}", verdict::headline(report.verdict), report.canary, report.reference);
    let sections = sections(&Shown { report, examples });
    let inside = html! {
        p.over { "Canary report · rendezvous " (report.rendezvous) }
        (hero(report))
        (facts(report))
        nav aria-label="Sections" {
            ul { @for section in &sections { li { a href={ "#" (section.id) } { (section.heading) } } } }
        }
        @for section in &sections {
            section id=(section.id) {
                h2 { (section.heading) }
                (section.inside)
            }
        }
    };
    (title, inside, footer(report, &digest, made))
}

fn sections(shown: &Shown) -> Vec<Section> {
    let report = shown.report;
    let section = |id, heading, inside| Section { id, heading, inside };
    let mut all = vec![section("metrics", "What was measured", metrics::inside(shown))];
    if report.requests.asked > 0 {
        all.push(section("segments", "Where it is worst", segments::inside(shown)));
        all.push(section("agreement", "Which answers differ", agreement::inside(shown)));
        if let Some(told) = &report.lists {
            all.push(section("lists", "How alike lists are", lists::inside(shown, told)));
        }
        if report.numbers.is_some() || report.confidences.is_some() {
            all.push(section("numbers", "By how much numbers differ", numbers::inside(report)));
        }
        all.push(section("latency", "How long answers take", latency::inside(shown)));
        all.push(section("failures", "Who fails when", failures::inside(shown)));
        all.push(section("impact", "What results would have become", failures::impact(shown)));
        all.push(section("noise", "How far the reference differs from itself", agreement::noise(report)));
        all.push(section("course", "How the evidence grew", course::inside(report)));
        all.push(section("left-out", "What was left out", left_out::inside(report)));
    }
    all.push(section("words", "What the words mean", glossary::inside(report.lists.is_some())));
    all
}

fn hero(report: &Report) -> Markup {
    let class = verdict::class(report.verdict);
    html! {
        header class={ "hero " (class) } {
            span class={ "badge " (class) } { (verdict::icon(report.verdict)) (verdict::headline(report.verdict)) }
            h1 { (verdict::why(report)) }
            p { (next(report)) }
        }
    }
}

/// Returns what the verdict means for whoever has to decide.
fn next(report: &Report) -> Prose {
    use canary::Verdict;
    let name = || Prose::name(&report.canary);
    match report.verdict {
        Verdict::Better => name().and(" may take the place of ").and_name(&report.reference).and("."),
        Verdict::NoWorse => {
            name().and(" may stand in for ").and_name(&report.reference).and(": nothing that is judged gets worse by more than was allowed.")
        }
        Verdict::Worse => {
            Prose::text("As it is, ").and_name(&report.canary).and(" should not be promoted. More requests will not change that, unless the model does.")
        }
        Verdict::NotEnoughEvidence => Prose::text("This is no failure: it says that more requests are needed before anybody can be sure."),
        Verdict::NotComparable => {
            Prose::text("The answers cannot be held against each other, so nothing is said about which is better. See which fields ")
                .and_name(&report.canary)
                .and(" answers with.")
        }
    }
}

fn facts(report: &Report) -> Markup {
    let requests = &report.requests;
    let when = requests.first_us.zip(requests.last_us);
    html! {
        dl.facts {
            (side("Canary", &report.canary, &report.failures.canary_said.models))
            (side("Reference", &report.reference, &report.failures.reference_said.models))
            div {
                dt { "Requests compared" }
                dd {
                    (words::count(requests.compared))
                    small {
                        @if requests.asked > requests.compared {
                            "of " (words::count(requests.asked)) " that asked both; "
                            a href="#left-out" { (words::share(requests.excluded_share)) " left out" }
                        } @else if requests.asked > 0 { "all that asked both" } @else { "nobody has asked both yet" }
                    }
                }
            }
            div {
                dt { "How sure" }
                dd { (words::share(report.confidence)) small { "however often one looks" } }
            }
            @if let Some((first, last)) = when {
                div {
                    dt { "When" }
                    dd {
                        (words::span(u64::try_from(last.saturating_sub(first)).unwrap_or_default()))
                        small { (words::period(first, last)) }
                    }
                }
            }
        }
    }
}

fn side(role: &str, name: &str, models: &std::collections::BTreeMap<String, u64>) -> Markup {
    html! {
        div {
            dt { (role) }
            dd {
                (name)
                @if !models.is_empty() {
                    small { @for (place, model) in models.keys().enumerate() { @if place > 0 { ", " } (model) } }
                }
            }
        }
    }
}

fn footer(report: &Report, digest: &str, made: &Made) -> Markup {
    html! {
        footer {
            p {
                "hedgerow " (env!("CARGO_PKG_VERSION")) " · report format " (report.format)
                @if let Some(at) = made.at { " · made " (words::instant(at.as_micros())) }
            }
            p { "Digest of the report: " code { (digest) } }
            @if let Some(command) = &made.command { p { "Made again by " code { (command) } } }
        }
    }
}

// === what several sections say ===

/// Returns how to read what follows.
fn how(text: &str) -> Markup {
    html! { p.how { b { "How to read it: " } (text) } }
}

/// Returns what names reference and canary in the charts below it.
fn legend(report: &Report) -> Markup {
    html! {
        ul.legend {
            li { svg viewBox="0 0 28 12" aria-hidden="true" { path class="of-reference line dashed" d="M1 6H27" {} } (report.reference) " (reference)" }
            li { svg viewBox="0 0 28 12" aria-hidden="true" { path class="of-canary line" d="M1 6H27" {} } (report.canary) " (canary)" }
        }
    }
}

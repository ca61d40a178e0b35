//! How long answers of both take.

use canary::{Curve, QuantileTold};
use maud::{Markup, html};

use super::{Shown, behind, how, legend, numbers::spread};
use crate::{
    canary::verdict,
    charts::{About, Line, curves, histogram},
    prose::cut,
    words,
};

pub(super) fn inside(shown: &Shown) -> Markup {
    let latency = &shown.report.latency;
    let (canary, reference) = (cut(&shown.report.canary), cut(&shown.report.reference));
    let lines: Vec<Line> =
        [line(&reference, "of-reference", &latency.reference), line(&canary, "of-canary", &latency.canary)]
            .into_iter()
            .filter(|line| !line.points.is_empty())
            .collect();
    if lines.is_empty() {
        return html! { p { "Neither has answered anything." } };
    }
    let about = About { id: "latency-curves", title: "Latency of both", told: in_words(shown) };
    let differences = About {
        id: "latency-differences",
        title: "How much later the canary answered",
        told: spread(&latency.difference.quantiles, words::micros),
    };
    html! {
        (how("a curve says within which time (upwards) which share of the answers is there (to the right); the lower one is the faster model. The band is where the curve truly lies. To the right are the slow answers: at 99 %, one of a hundred takes longer."))
        (legend(shown.report))
        (curves(&about, &lines))
        (table(shown))
        @if !latency.difference.bars.is_empty() {
            h3 { "About the same request" }
            p { "To the right of 0 the canary took longer. " (differences.told) }
            (histogram(&differences, &latency.difference.bars, "canary later by", words::micros))
        }
        (behind::requests(shown, &latency.examples, "that took the canary longest"))
    }
}

fn line<'line>(name: &'line str, class: &'static str, curve: &Curve) -> Line<'line> {
    let point = |one: &QuantileTold| Some((one.share, one.value?, one.interval.low, one.interval.high));
    Line { name, class, is_dashed: class == "of-reference", points: curve.quantiles.iter().filter_map(point).collect() }
}

fn in_words(shown: &Shown) -> String {
    let latency = &shown.report.latency;
    let told = |curve: &Curve, share| {
        verdict::quantile(curve, share)
            .and_then(|one| one.value)
            .map_or_else(|| words::NOTHING.to_owned(), words::micros)
    };
    let both =
        |share| format!("canary {}, reference {}", told(&latency.canary, share), told(&latency.reference, share));
    format!("Half of the answers: {}. 99 of 100: {}.", both(0.5), both(0.99))
}

fn table(shown: &Shown) -> Markup {
    let latency = &shown.report.latency;
    let cell = |curve: &Curve, share| {
        let one = verdict::quantile(curve, share);
        html! {
            td.number {
                (one.and_then(|one| one.value).map_or_else(|| words::NOTHING.to_owned(), words::micros))
                @if let Some(one) = one { small { (verdict::between(one.interval, words::micros)) } }
            }
        }
    };
    html! {
        details {
            summary { "The numbers, and how long the work alone took" }
            div.inside {
                div.scroll {
                    table {
                        thead {
                            tr {
                                th { "Within" } th.number { "Reference" } th.number { "Canary" }
                                th.number { "Reference, work alone" } th.number { "Canary, work alone" }
                            }
                        }
                        tbody {
                            @for share in [0.5, 0.9, 0.99, 0.999] {
                                tr {
                                    th scope="row" { (words::share(share)) }
                                    @for curve in [&latency.reference, &latency.canary, &latency.reference_scored, &latency.canary_scored] { (cell(curve, share)) }
                                }
                            }
                        }
                    }
                }
                p.soft.small {
                    "From an executor's start to its response in the log, of " (words::count(latency.reference.n)) " answers of the reference and "
                    (words::count(latency.canary.n)) " of the canary."
                }
            }
        }
    }
}

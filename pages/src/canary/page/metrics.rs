//! Everything that was measured, against what was allowed.

use canary::{Metric, MetricTold};
use maud::{Markup, html};

use super::{Shown, behind, how};
use crate::{
    canary::verdict,
    charts::{About, Intervals, Row, Scale, intervals},
    words,
};

pub(super) fn inside(shown: &Shown) -> Markup {
    let metrics = &shown.report.metrics;
    let judged: Vec<&MetricTold> = metrics.iter().filter(|metric| metric.judged).collect();
    let measured: Vec<&MetricTold> = metrics.iter().filter(|metric| !metric.judged).collect();
    let accuracy = metrics.iter().find(|metric| metric.metric == Metric::Accuracy);
    html! {
        (plot(&judged))
        div.scroll {
            table.stack {
                thead {
                    tr { th { "Metric" } th.number { "Harm seen" } th.number { "Surely between" } th.number { "Allowed" } th.number { "Requests" } th { "Verdict" } }
                }
                tbody { @for metric in judged.iter().chain(&measured) { (line(metric)) } }
            }
        }
        @if let Some(accuracy) = accuracy {
            (behind::requests(shown, &accuracy.examples, "that the canary got wrong"))
        }
    }
}

fn line(metric: &MetricTold) -> Markup {
    let told = |number| verdict::told(metric.metric, number);
    let harm = metric.harm.map_or_else(|| words::NOTHING.to_owned(), |harm| signed(metric.metric, harm));
    let allowed = metric.threshold.map_or_else(|| words::NOTHING.to_owned(), told);
    html! {
        tr {
            th scope="row" { (verdict::called(metric.metric)) small { (metric.metric.word()) } }
            td.number data-label="Harm seen" { (harm) }
            td.number data-label="Surely between" { (verdict::interval(metric)) }
            td.number data-label="Allowed" { (allowed) }
            td.number data-label="Requests" { (words::count(metric.n)) }
            td data-label="Verdict" {
                @if metric.judged { (verdict::mark(metric.verdict)) } @else { span.soft { "measured, not judged" } }
            }
        }
    }
}

/// Returns a harm with its sign where less than nothing is good news.
fn signed(metric: Metric, harm: f64) -> String {
    let told = verdict::told(metric, harm);
    let is_difference = !matches!(metric, Metric::Agreement | Metric::Overlap | Metric::Ranking | Metric::Impact);
    if is_difference && harm > 0.0 { format!("+{told}") } else { told }
}

/// Draws all judged metrics on one scale: how many times what is allowed.
fn plot(judged: &[&MetricTold]) -> Markup {
    let rows: Vec<Row> = judged.iter().filter(|metric| metric.n > 0).map(|metric| row(metric)).collect();
    if rows.is_empty() {
        return html! {};
    }
    let ends = || rows.iter().flat_map(|row| [row.low, row.high, row.seen]).flatten();
    let low = ends().fold(-1.0, f64::min).max(-1e4);
    let high = ends().fold(2.0, f64::max).min(1e4);
    let tick = |times: f64| match times {
        0.0 => "none".to_owned(),
        1.0 => "allowed".to_owned(),
        times => format!("{} ×", words::decimal(times, 0)),
    };
    let ticks = [-1_000.0, -100.0, -10.0, 0.0, 1.0, 10.0, 100.0, 1_000.0].map(|times| (times, tick(times)));
    let told: Vec<&str> = judged.iter().map(|metric| &*metric.because).collect();
    let about = About { id: "metrics-plot", title: "Harm against what is allowed", told: told.join(". ") };
    let plot = Intervals { scale: Scale::signed((low, high), (0.0, 1.0)), ticks: ticks.to_vec(), rows };
    html! {
        (how("each bar is where the harm truly lies, as surely as was asked; the dot is what was seen. Left of the dashed line is what you allowed. A bar wholly beyond it is worse, a bar wholly within is no worse, and a bar across it needs more requests."))
        (intervals(&about, &plot))
    }
}

fn row(metric: &MetricTold) -> Row {
    // Where nothing at all is allowed, a tenth of what is known shows as once what is allowed.
    let margin = metric.threshold.unwrap_or(0.0);
    let unit = if margin > 0.0 { margin } else { metric.interval.high.map_or(1.0, f64::abs).max(1e-9) / 10.0 };
    let times = |number: Option<f64>| number.map(|number| number / unit);
    Row {
        label: verdict::called(metric.metric).to_owned(),
        note: verdict::headline(metric.verdict).to_owned(),
        class: verdict::chart_class(metric.verdict),
        seen: times(metric.harm),
        low: times(metric.interval.low),
        high: times(metric.interval.high),
        allowed: Some(margin / unit),
        overall: None,
        told: metric.because.clone(),
    }
}

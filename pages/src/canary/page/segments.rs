//! Where the canary is worst, although it may be fine on the whole.

use canary::SegmentTold;
use maud::{Markup, html};

use super::{Shown, behind, how};
use crate::{
    canary::verdict,
    charts::{About, Intervals, Row, Scale, intervals, ticks},
    words,
};

pub(super) fn inside(shown: &Shown) -> Markup {
    let segments = &shown.report.segments;
    if segments.is_empty() {
        return html! { p { "No segment has been seen in which the canary does worse." } };
    }
    let sure = segments.iter().filter(|segment| segment.is_worse).count();
    html! {
        p {
            @match sure {
                0 => { "In no segment is the canary surely worse by more than is allowed. These come nearest." },
                1 => { "In " b { "one segment" } " the canary is surely worse by more than is allowed." },
                sure => { "In " b { (sure) " segments" } " the canary is surely worse by more than is allowed." },
            }
        }
        (how("all inputs, attributes and answers of the reference were searched. A bar is where the harm in that segment truly lies, corrected for how many were searched; the dashed line is what is allowed, the diamond what is seen in all requests."))
        (plot(segments))
        div.scroll {
            table.stack {
                thead { tr { th { "Segment" } th { "In what" } th.number { "Harm seen" } th.number { "In all" } th.number { "Surely between" } th.number { "Requests" } th { "Surely worse" } } }
                tbody { @for segment in segments { (line(segment)) } }
            }
        }
        (behind::groups(shown, segments.iter().map(|segment| (format!("{}, {}", named(segment), segment.metric.word()), &*segment.examples))))
    }
}

fn line(segment: &SegmentTold) -> Markup {
    html! {
        tr {
            th scope="row" { (segment.part) small { (segment.dimension) } }
            td data-label="In what" { (verdict::called(segment.metric)) }
            td.number data-label="Harm seen" { (words::share(segment.harm)) }
            td.number data-label="In all" { (words::share(segment.overall)) }
            td.number data-label="Surely between" { (verdict::between(segment.interval, words::share)) }
            td.number data-label="Requests" { (words::count(segment.n)) }
            td data-label="Surely worse" {
                @if segment.is_worse { (verdict::mark(canary::Verdict::Worse)) } @else { span.soft { "not sure" } }
            }
        }
    }
}

fn named(segment: &SegmentTold) -> String {
    format!("{}: {}", segment.dimension, segment.part)
}

fn plot(segments: &[SegmentTold]) -> Markup {
    let rows: Vec<Row> = segments.iter().map(row).collect();
    let ends = || rows.iter().flat_map(|row| [row.low, row.high, row.seen, row.allowed, row.overall]).flatten();
    let low = ends().fold(0.0, f64::min).max(-1.0);
    let high = ends().fold(0.01, f64::max).min(1.0);
    let told: Vec<String> =
        segments.iter().take(3).map(|segment| format!("{}: {}", named(segment), words::share(segment.harm))).collect();
    let about = About { id: "segments-plot", title: "The worst segments", told: told.join("; ") };
    let ticks = ticks(low, high, 5).into_iter().map(|tick| (tick, words::share(tick))).collect();
    intervals(&about, &Intervals { scale: Scale::linear((low, high), (0.0, 1.0)), ticks, rows })
}

fn row(segment: &SegmentTold) -> Row {
    let n = words::count(segment.n);
    Row {
        label: format!(
            "{}: {}",
            segment.dimension.rsplit_once('.').map_or(&*segment.dimension, |(_, name)| name),
            segment.part
        ),
        note: verdict::called(segment.metric).to_owned(),
        class: if segment.is_worse { "s-worse" } else { "s-open" },
        seen: Some(segment.harm),
        low: segment.interval.low,
        high: segment.interval.high,
        allowed: Some(segment.threshold),
        overall: Some(segment.overall),
        told: format!(
            "{}, {}: {} of {n} requests, surely {}; {} in all, {} is allowed",
            named(segment),
            segment.metric.word(),
            words::share(segment.harm),
            verdict::between(segment.interval, words::share),
            words::share(segment.overall),
            words::share(segment.threshold)
        ),
    }
}

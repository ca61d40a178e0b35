//! What more or less time would have been worth: the same answers decided again, with a few milliseconds more or less.

use maud::{Markup, html};
use measures::Overview;
use policies::{TimeCurveReport, TimePoint};

use crate::{
    charts::{About, Lines, Scale, Series, Stroke, Tick, lines, sample, ticks},
    console::parts::scrolling,
    words,
};

/// Name, class, stroke, and which of the numbers it is.
type Kind = (&'static str, &'static str, Stroke, fn(&TimePoint) -> u64);

const KINDS: [Kind; 4] = [
    ("default", "line-2", Stroke::Plain, |point| point.defaults),
    ("earlier clause", "line-3", Stroke::Dashed, |point| point.earlier_clause),
    ("later clause", "line-4", Stroke::Mixed, |point| point.later_clause),
    ("other answer", "line-1", Stroke::Dotted, |point| point.other_answer),
];
const HEIGHT: f64 = 240.0;

pub(super) fn inside(overview: &Overview, time: Option<&TimeCurveReport>) -> Markup {
    let Some(time) = time else {
        return html! {
            p { "Recorded requests are being decided again with more and with less time; this takes a while after a start. The same by hand:" }
            pre { "hedgerow what-if " (overview.rendezvous) " --time --brokers HOST:PORT" }
        };
    };
    html! {
        p.how {
            "Recorded requests, decided again with so much more or less time; no model was asked. "
            @if time.replayed > 0 { b { (conclusion(time)) } } @else { b { "None could be decided again." } }
        }
        @if time.replayed > 0 {
            ul.legend {
                @for (name, class, stroke, _) in KINDS { li { (sample(class, stroke)) (legend(name)) } }
            }
            (picture(time))
            details {
                summary { "The numbers" }
                div.inside { (scrolling("What time is worth", &table(time))) }
            }
        }
        @if !time.left_out.is_empty() {
            p.soft.small {
                "Left out: "
                @for (place, (why, count)) in time.left_out.iter().enumerate() { @if place > 0 { "; " } (words::count(*count)) ", " (why) }
                "."
            }
        }
    }
}

fn legend(name: &str) -> &'static str {
    match name {
        "default" => "get a default or an error",
        "earlier clause" => "are decided by an earlier clause: a better answer",
        "later clause" => "are decided by a later clause",
        _ => "get another answer",
    }
}

fn conclusion(time: &TimeCurveReport) -> String {
    let at = |more_ms: i32| time.points.iter().find(|point| point.more_ms == more_ms);
    let share = |count: u64| words::share(words::exact(count) / words::exact(time.replayed));
    let told =
        |point: &TimePoint, amount: &str| format!("With 10 ms {amount} {} would get a default", share(point.defaults));
    match (at(0), at(10), at(-10)) {
        (Some(was), Some(more), Some(less)) => format!(
            "{} instead of {}, and {} an answer of an earlier clause. {}.",
            told(more, "more"),
            share(was.defaults),
            share(more.earlier_clause),
            told(less, "less"),
        ),
        _ => format!("{} requests.", words::count(time.replayed)),
    }
}

fn picture(time: &TimeCurveReport) -> Markup {
    let share = |count: u64| words::exact(count) / words::exact(time.replayed.max(1));
    let place = |point: &TimePoint, of: fn(&TimePoint) -> u64| (f64::from(point.more_ms), share(of(point)));
    let series = KINDS.map(|(name, class, stroke, of)| Series {
        name,
        class,
        stroke,
        parts: vec![time.points.iter().map(|point| place(point, of)).collect()],
    });
    let most = time.points.iter().flat_map(|point| KINDS.map(|(.., of)| share(of(point)))).fold(0.001, f64::max) * 1.05;
    let amount = |point: &TimePoint| f64::from(point.more_ms);
    let ends =
        time.points.first().zip(time.points.last()).map_or((-1.0, 1.0), |(one, other)| (amount(one), amount(other)));
    let tick = |point: &TimePoint| -> Tick { (amount(point), called(point)) };
    let all: Vec<Tick> = time.points.iter().map(tick).collect();
    // On a phone there is no room for those next to the middle.
    let few = time.points.iter().filter(|point| point.more_ms % 10 == 0).map(tick).collect();
    let told = |point: &TimePoint| {
        let parts = KINDS.map(|(name, _, _, of)| format!("{name} {}", share_of(of(point), time.replayed)));
        (amount(point), format!("{}: {}", called(point), parts.join(", ")))
    };
    let drawn = Lines {
        series: series.into(),
        x: Scale::linear(ends, (0.0, 1.0)),
        x_ticks: [all, few],
        x_title: "time more or less",
        y: Scale::linear((0.0, most), (0.0, 1.0)),
        y_ticks: ticks(0.0, most, 4).into_iter().map(|tick| (tick, words::share(tick))).collect(),
        y_title: "of the requests",
        levels: Vec::new(),
        told: time.points.iter().map(told).collect(),
        height: HEIGHT,
    };
    lines(&About { id: "time-curve", title: "What time is worth", told: conclusion(time) }, &drawn)
}

fn share_of(count: u64, all: u64) -> String {
    words::share(words::exact(count) / words::exact(all.max(1)))
}

fn called(point: &TimePoint) -> String {
    match point.more_ms {
        0 => "as it was".to_owned(),
        more if more > 0 => format!("+{more} ms"),
        less => format!("−{} ms", less.unsigned_abs()),
    }
}

fn table(time: &TimeCurveReport) -> Markup {
    html! {
        table {
            thead { tr { th { "Time" } @for (name, ..) in KINDS { th.number { (name) } } } }
            tbody {
                @for point in &time.points {
                    tr {
                        th scope="row" { (called(point)) }
                        @for (.., of) in KINDS { td.number { (share_of(of(point), time.replayed)) small { (words::count(of(point))) } } }
                    }
                }
            }
        }
        p.soft.small { (words::count(time.replayed)) " requests." }
    }
}

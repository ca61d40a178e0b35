//! How latency moved, and how many results there were: what both the overview and a rendezvous' page draw.

use maud::{Markup, html};
use measures::{Overview, Point};

use crate::{
    charts::{About, Lines, Scale, Series, Stroke, Tick, durations, lines, sample, ticks, times},
    words,
};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Lines.
    Glance,
    /// What each place of them says, too.
    Full,
}

/// Heights.
const GLANCE: f64 = 240.0;
const FULL: f64 = 260.0;

/// Draws p50, p99 and p99.9 over time, and what is promised.
pub(super) fn latency(overview: &Overview, id: &str, depth: Depth) -> Markup {
    let points = &overview.over_time;
    let value = |of: fn(&Point) -> Option<u64>| move |point: &Point| of(point).map(words::exact);
    let series = |name, of: fn(&Point) -> Option<u64>, stroke| Series {
        name,
        class: "line-1",
        stroke,
        parts: parts(points, value(of)),
    };
    let series = vec![
        series("p50", |point| point.latency.p50_us, Stroke::Thin),
        series("p99", |point| point.latency.p99_us, Stroke::Plain),
        series("p99.9", |point| point.latency.p999_us, Stroke::Dashed),
    ];
    let within: Vec<f64> = overview.objectives.iter().map(|promise| words::exact(promise.within_us)).collect();
    let seen = points.iter().flat_map(|point| [point.latency.p50_us, point.latency.p99_us, point.latency.p999_us]);
    let (y, y_ticks) = durations(seen.flatten().map(words::exact).chain(within.iter().copied()));
    let mut levels: Vec<(f64, String)> = Vec::new();
    for (micros, promise) in within.iter().zip(&overview.objectives) {
        let is_there = levels.iter().any(|(level, _)| (level - micros).abs() < 0.5);
        if !is_there {
            levels.push((
                *micros,
                format!("{} within {}", words::nearly_all(promise.share), words::window(promise.within_us)),
            ));
        }
    }
    let told = |point: &Point| {
        let [p50, p99, p999] =
            [point.latency.p50_us, point.latency.p99_us, point.latency.p999_us].map(super::parts::time);
        format!(
            "{}: p50 {p50}, p99 {p99}, p99.9 {p999} of {} results",
            words::instant(point.at_us),
            words::count(point.results)
        )
    };
    let [p50, p99, p999] =
        [overview.latency.p50_us, overview.latency.p99_us, overview.latency.p999_us].map(super::parts::time);
    let about = About {
        id,
        title: "Latency over time",
        told: format!("Over all of it p50 is {p50}, p99 {p99}, p99.9 {p999}."),
    };
    let drawn = Lines {
        series,
        x: between(overview),
        x_ticks: time_ticks(overview),
        x_title: "time (UTC)",
        y,
        y_ticks,
        y_title: "from the request to its result",
        levels,
        told: if depth == Depth::Full {
            points.iter().map(|point| (seconds(point.at_us), told(point))).collect()
        } else {
            Vec::new()
        },
        height: if depth == Depth::Full { FULL } else { GLANCE },
    };
    lines(&about, &drawn)
}

/// Draws how many results a second there were, and how many of them were degraded.
pub(super) fn rate(overview: &Overview, id: &str) -> Markup {
    let points = &overview.over_time;
    let degraded = |point: &Point| {
        let share = words::exact(point.degraded) / words::exact(point.results.max(1));
        point.rate * share
    };
    let most = points.iter().map(|point| point.rate).fold(0.0, f64::max).max(1.0);
    let told = |point: &Point| {
        format!(
            "{}: {} a second, {} of {} degraded",
            words::instant(point.at_us),
            super::parts::rate(point.rate),
            words::count(point.degraded),
            words::count(point.results)
        )
    };
    let all =
        Series { name: "all", class: "line-1", stroke: Stroke::Plain, parts: parts(points, |point| Some(point.rate)) };
    let degraded = Series {
        name: "degr.",
        class: "line-2",
        stroke: Stroke::Dashed,
        parts: parts(points, |point| Some(degraded(point))),
    };
    let about = About {
        id,
        title: "Results a second",
        told: format!(
            "{} results, {} of them degraded.",
            words::count(overview.results),
            words::count(overview.degraded)
        ),
    };
    let drawn = Lines {
        series: vec![all, degraded],
        x: between(overview),
        x_ticks: time_ticks(overview),
        x_title: "time (UTC)",
        y: Scale::linear((0.0, most * 1.05), (0.0, 1.0)),
        y_ticks: ticks(0.0, most * 1.05, 4).into_iter().map(|tick| (tick, words::short_count(tick))).collect(),
        y_title: "results a second",
        levels: Vec::new(),
        told: points.iter().map(|point| (seconds(point.at_us), told(point))).collect(),
        height: FULL,
    };
    html! {
        ul.legend {
            li { (sample("line-1", Stroke::Plain)) "all" }
            li { (sample("line-2", Stroke::Dashed)) "degraded: a default, a last known answer or an error" }
        }
        (lines(&about, &drawn))
    }
}

/// Cuts a course where nothing was seen for longer than from one point to the next.
fn parts(points: &[Point], of: impl Fn(&Point) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let step = points.windows(2).map(|two| two[1].at_us - two[0].at_us).min().unwrap_or_default();
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut last = i64::MIN;
    for point in points {
        let Some(value) = of(point) else { continue };
        let place = (seconds(point.at_us), value);
        // Half a step more than one: slices need not begin to the microsecond.
        let goes_on = point.at_us.saturating_sub(last) <= step + step / 2;
        match parts.last_mut() {
            Some(part) if goes_on => part.push(place),
            _ => parts.push(vec![place]),
        }
        last = point.at_us;
    }
    parts
}

/// Returns when drawing begins: with the window, or later if nothing was seen before.
fn first(overview: &Overview) -> i64 {
    let window = i64::try_from(overview.window_us).unwrap_or(i64::MAX);
    let begin = overview.at_us.saturating_sub(window);
    overview.over_time.first().map_or(begin, |point| point.at_us.max(begin))
}

fn between(overview: &Overview) -> Scale {
    Scale::linear((seconds(first(overview)), seconds(overview.at_us)), (0.0, 1.0))
}

fn time_ticks(overview: &Overview) -> [Vec<Tick>; 2] {
    [4, 3].map(|about| times(first(overview), overview.at_us, about))
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this age have no seventeenth digit")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

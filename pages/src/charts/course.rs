//! How an interval shrank while evidence grew, against the line of what is allowed.

use maud::{Markup, html};

use super::{
    About, Room, Scale, along, band, figure,
    frame::{Axes, Frame, Tick, widest},
    px, ticks,
};
use crate::words;

/// What was known at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// In microseconds since the epoch.
    pub(crate) at_us: i64,
    /// Of so many requests.
    pub(crate) n: u64,
    pub(crate) seen: f64,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

/// All of them, in the order of time.
pub(crate) struct Course {
    pub(crate) moments: Vec<Moment>,
    /// How much is allowed.
    pub(crate) margin: Option<f64>,
}

const HEIGHT: f64 = 250.0;
/// Seconds between ticks, the finest first.
const STEPS: [i64; 17] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800];
const DAY: i64 = 86_400;

/// Draws a course of shares.
pub(crate) fn course(about: &About, course: &Course) -> Markup {
    figure(about, |room| (HEIGHT, drawn(course, room)))
}

fn drawn(course: &Course, room: Room) -> Markup {
    let Course { moments, margin } = course;
    let (low, high) = heights(course);
    let y_ticks: Vec<Tick> = ticks(low, high, 4).into_iter().map(|tick| (tick, words::share(tick))).collect();
    let (first, last) = (moments.first().map_or(0, |first| first.at_us), moments.last().map_or(0, |last| last.at_us));
    let x = Scale::linear((seconds(first), seconds(last)), (0.0, 1.0));
    let frame = Frame::new(x, Scale::linear((low, high), (0.0, 1.0)), (room.width(), HEIGHT), widest(&y_ticks));
    let ((left, right), (bottom, top)) = (frame.x.ends(), frame.y.ends());
    let x_of = |moment: &Moment| frame.x.at(seconds(moment.at_us));
    let edges = |moment: &Moment| {
        let low = moment.low.map_or(bottom, |low| frame.y.at(low));
        (x_of(moment), low, moment.high.map_or(top, |high| frame.y.at(high)))
    };
    let bands: Vec<_> = moments.iter().map(edges).collect();
    let about_ticks = if room == Room::Wide { 6 } else { 3 };
    let axes = Axes { x: times(first, last, about_ticks), y: y_ticks, x_title: "time (UTC)", y_title: "of requests" };
    html! {
        @if let Some(margin) = margin {
            rect class="beyond" x=(px(left)) width=(px(right - left)) y=(px(top)) height=(px(frame.y.at(*margin) - top)) {}
        }
        (frame.axes(&axes))
        @if bands.len() > 1 {
            path class="of-canary band" d=(band(&bands)) {}
            path class="of-canary line" d=(along(moments.iter().map(|moment| (x_of(moment), frame.y.at(moment.seen))))) {}
        } @else {
            @for (x, low, high) in &bands {
                line class="of-canary line" x1=(px(*x)) x2=(px(*x)) y1=(px(*low)) y2=(px(*high)) {}
            }
        }
        @if let Some(last) = moments.last() {
            circle class="of-canary dot" cx=(px(x_of(last))) cy=(px(frame.y.at(last.seen))) r="4" {}
        }
        @if let Some(margin) = margin {
            @let y = frame.y.at(*margin);
            line class="margin" x1=(px(left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
            text class="margin-label end" x=(px(right)) y=(px(y - 6.0)) { "allowed: " (words::share(*margin)) }
        }
        @for (place, moment) in moments.iter().enumerate() {
            @let here = x_of(moment);
            @let before = place.checked_sub(1).map_or(left, |before| f64::midpoint(x_of(&moments[before]), here));
            @let after = moments.get(place + 1).map_or(right, |after| f64::midpoint(x_of(after), here));
            rect class="hit" x=(px(before)) width=(px((after - before).max(1.0))) y=(px(top)) height=(px(bottom - top)) {
                title { (told(moment)) }
            }
        }
    }
}

fn told(moment: &Moment) -> String {
    let (at, n, seen) = (words::instant(moment.at_us), words::count(moment.n), words::share(moment.seen));
    let ends = [moment.low, moment.high].map(|end| end.map_or_else(|| words::NOTHING.to_owned(), words::share));
    format!("{at}, after {n} requests: {seen}, surely between {} and {}", ends[0], ends[1])
}

/// Returns what the axis shows: the early moments, when nothing was known, would make all that came later a thin line, so
/// it shows what was known after the first third, and the margin.
fn heights(course: &Course) -> (f64, f64) {
    let later = &course.moments[course.moments.len() / 3..];
    let all =
        |edge: fn(&Moment) -> Option<f64>| later.iter().filter_map(edge).chain(later.iter().map(|moment| moment.seen));
    let high = all(|moment| moment.high).fold(course.margin.unwrap_or(0.0) * 2.0, f64::max);
    let low = all(|moment| moment.low).fold(0.0, f64::min);
    let high = if high > low { high } else { low + 0.01 };
    (low, high + (high - low) * 0.06)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this age have no seventeenth digit")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Returns round instants between two, and how they are called: to the second, to the minute or to the day.
pub(crate) fn times(first_us: i64, last_us: i64, about: i64) -> Vec<Tick> {
    let (first, last) = (first_us.div_euclid(1_000_000), last_us.div_euclid(1_000_000));
    let rough = (last - first) / about.max(1);
    let step = STEPS.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let begin = first.div_euclid(step) * step;
    let all = (0..=4 * about).map(|place| begin + place * step).filter(|at| (first..=last).contains(at));
    let called = |at: i64| {
        let told = words::instant(at * 1_000_000);
        let (from, to) = if step >= DAY {
            (5, 10)
        } else if step >= 60 {
            (11, 16)
        } else {
            (11, 19)
        };
        told.get(from..to).unwrap_or_default().to_owned()
    };
    let near = |at: i64| seconds(at * 1_000_000);
    all.map(|at| (near(at), called(at))).collect()
}

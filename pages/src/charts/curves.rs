//! Distributions as curves: which share of answers is there within which time.

use maud::{Markup, html};

use super::{
    About, Room, Scale, along, band, figure,
    frame::{Axes, Frame, Tick, widest},
    px,
    scale::durations,
};
use crate::words;

/// One distribution.
pub(crate) struct Line<'line> {
    pub(crate) name: &'line str,
    /// `of-canary` or `of-reference`.
    pub(crate) class: &'static str,
    pub(crate) is_dashed: bool,
    /// Share, value, and where it may truly lie.
    pub(crate) points: Vec<(f64, f64, Option<f64>, Option<f64>)>,
}

const HEIGHT: f64 = 300.0;
/// What stands at the axis of shares.
const SHARES: [(f64, &str); 4] = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")];

/// Draws distributions of microseconds.
pub(crate) fn curves(about: &About, lines: &[Line]) -> Markup {
    figure(about, |room| (HEIGHT, drawn(lines, room)))
}

fn drawn(lines: &[Line], room: Room) -> Markup {
    let (y, y_ticks) = times(lines);
    let frame = Frame::new(Scale::nines((0.01, 0.999), (0.0, 1.0)), y, (room.width(), HEIGHT), widest(&y_ticks));
    let (bottom, top) = frame.y.ends();
    let shares = SHARES.iter().map(|(share, text)| (*share, (*text).to_owned())).collect();
    let axes = Axes { x: shares, y: y_ticks, x_title: "of the answers", y_title: "are there within" };
    let edge = |(share, _, low, high): &(f64, f64, Option<f64>, Option<f64>)| {
        let low = low.map_or(bottom, |low| frame.y.at(low));
        (frame.x.at(*share), low, high.map_or(top, |high| frame.y.at(high)))
    };
    html! {
        (frame.axes(&axes))
        @for line in lines {
            path class={ (line.class) " band" } d=(band(&line.points.iter().map(edge).collect::<Vec<_>>())) {}
        }
        @for line in lines {
            path class={ (line.class) " line" (if line.is_dashed { " dashed" } else { "" }) }
                d=(along(line.points.iter().map(|(share, value, ..)| (frame.x.at(*share), frame.y.at(*value))))) {}
            @for (share, value, low, high) in &line.points {
                circle class={ (line.class) " dot" } cx=(px(frame.x.at(*share))) cy=(px(frame.y.at(*value))) r="3.5" {
                    title { (told(line.name, *share, *value, *low, *high)) }
                }
            }
        }
    }
}

fn told(name: &str, share: f64, value: f64, low: Option<f64>, high: Option<f64>) -> String {
    let ends = [low, high].map(|end| end.map_or_else(|| words::NOTHING.to_owned(), words::micros));
    let (share, value) = (words::share(share), words::micros(value));
    format!("{share} of the answers of {name} within {value} (surely between {} and {})", ends[0], ends[1])
}

fn times(lines: &[Line]) -> (Scale, Vec<Tick>) {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, value, ..)| *value));
    let most = values.clone().fold(1.0, f64::max);
    let known = lines.iter().flat_map(|line| line.points.iter().filter_map(|point| point.3));
    durations(values.chain(known.filter(|high| *high < 2.0 * most)))
}

//! Lines: how numbers moved with time, or with something else. Each is told apart by its stroke and its name, not by its
//! colour alone, and breaks where nothing was seen.

use maud::{Markup, html};

use super::{
    About, Room, Scale, along,
    frame::{Axes, Frame, Tick, widest},
    half, px,
};
use crate::prose;

/// One line.
pub(crate) struct Series<'chart> {
    pub(crate) name: &'chart str,
    /// The class of its colour.
    pub(crate) class: &'static str,
    pub(crate) stroke: Stroke,
    /// Each part of it without a gap.
    pub(crate) parts: Vec<Vec<(f64, f64)>>,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    Thin,
    Plain,
    Dashed,
    Dotted,
    Mixed,
}

/// Several of them over the same axes.
pub(crate) struct Lines<'chart> {
    pub(crate) series: Vec<Series<'chart>>,
    pub(crate) x: Scale,
    /// For a wide room, and for a narrow one.
    pub(crate) x_ticks: [Vec<Tick>; 2],
    pub(crate) x_title: &'chart str,
    pub(crate) y: Scale,
    pub(crate) y_ticks: Vec<Tick>,
    pub(crate) y_title: &'chart str,
    /// Heights at which something was promised, and what.
    pub(crate) levels: Vec<(f64, String)>,
    /// What is told of a place, in the order of places.
    pub(crate) told: Vec<(f64, String)>,
    pub(crate) height: f64,
}

/// Names at the ends of lines are cut to this.
const NAME_MAX: usize = 14;
/// Names so short stand at the ends of lines in a narrow room too.
const NAME_SHORT: usize = 5;
/// So far apart are two names.
const LEADING: f64 = 13.0;
/// Where a line ends in a narrow room without names.
const BARE: f64 = 10.0;

/// Draws lines.
pub(crate) fn lines(about: &About, lines: &Lines) -> Markup {
    half(about, |room| (lines.height, drawn(lines, room)))
}

/// Returns how a line looks, for a legend.
pub(crate) fn sample(class: &str, stroke: Stroke) -> Markup {
    html! { svg viewBox="0 0 28 12" aria-hidden="true" { path class={ (class) " line" (stroke.class()) } d="M1 6H27" {} } }
}

fn drawn(lines: &Lines, room: Room) -> Markup {
    let longest = lines.series.iter().map(|series| series.name.chars().count().min(NAME_MAX)).max().unwrap_or_default();
    let are_named = lines.series.len() > 1 && (room != Room::Narrow || longest <= NAME_SHORT);
    let names = lines.series.iter().map(|series| breadth(&prose::cut_to(series.name, NAME_MAX)));
    let beside = if are_named { 12.0 + names.fold(0.0, f64::max) } else { BARE };
    let size = (room.width(), lines.height);
    let frame = Frame::beside(lines.x, lines.y, size, widest(&lines.y_ticks), beside);
    let ((left, right), (bottom, top)) = (frame.x.ends(), frame.y.ends());
    let ticks = lines.x_ticks[usize::from(room == Room::Narrow)].clone();
    let axes = Axes { x: ticks, y: lines.y_ticks.clone(), x_title: lines.x_title, y_title: lines.y_title };
    let place = |(x, y): &(f64, f64)| (frame.x.at(*x), frame.y.at(*y));
    html! {
        (frame.axes(&axes))
        @for (level, _) in &lines.levels {
            @let y = frame.y.at(*level);
            line class="margin" x1=(px(left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
        }
        @for series in &lines.series {
            @for part in &series.parts {
                @if let [alone] = part[..] {
                    @let (x, y) = place(&alone);
                    circle class={ (series.class) " dot" } cx=(px(x)) cy=(px(y)) r="2.5" {}
                } @else {
                    path class={ (series.class) " line" (series.stroke.class()) } d=(along(part.iter().map(place))) {}
                }
            }
        }
        // After the lines, so that none of them runs through what is promised.
        @for (level, called) in &lines.levels {
            @let y = frame.y.at(*level);
            text class="margin-label ink" x=(px(left + 4.0)) y=(px(if y - top < 14.0 { y + 14.0 } else { y - 5.0 })) { (called) }
        }
        @if are_named {
            @for (y, series) in apart(lines, &frame) {
                text class={ (series.class) " at-end" } x=(px(right + 6.0)) y=(px(y)) dy=".35em" { (prose::cut_to(series.name, NAME_MAX)) }
            }
        }
        // Nobody hovers over a phone.
        @for (place, (x, told)) in lines.told.iter().enumerate().filter(|_| room != Room::Narrow) {
            @let here = frame.x.at(*x);
            @let middle_to = |other: Option<&(f64, String)>, end: f64| other.map_or(end, |(x, _)| f64::midpoint(frame.x.at(*x), here));
            @let before = middle_to(place.checked_sub(1).and_then(|before| lines.told.get(before)), left);
            @let after = middle_to(lines.told.get(place + 1), right);
            rect class="hit" x=(px(before)) width=(px((after - before).max(1.0))) y=(px(top)) height=(px(bottom - top)) {
                title { (told) }
            }
        }
    }
}

/// Returns how broad a bold text is at most: whoever draws it knows the reader's font, here it is guessed.
fn breadth(text: &str) -> f64 {
    let letter = |letter: char| match letter {
        'i' | 'j' | 'l' | 'f' | 't' | 'r' | '.' | ',' | ':' | ' ' | '1' => 6.5,
        'a'..='l' | 'n'..='v' | 'x'..='z' | '0'..='9' | '-' | '_' | '/' => 8.2,
        letter if letter.is_ascii() => 11.5,
        _ => 13.0,
    };
    text.chars().map(letter).sum()
}

/// Returns how high each name stands: at its line's end, or as near to it as others leave room.
fn apart<'lines>(lines: &'lines Lines, frame: &Frame) -> Vec<(f64, &'lines Series<'lines>)> {
    let end = |series: &'lines Series<'lines>| Some((frame.y.at(series.parts.last()?.last()?.1), series));
    // Of those that end at one place the last, mostly the greatest, stands highest.
    let mut names: Vec<_> = lines.series.iter().rev().filter_map(end).collect();
    names.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (bottom, top) = frame.y.ends();
    let mut least = top;
    for (y, _) in &mut names {
        *y = y.max(least);
        least = *y + LEADING;
    }
    let mut most = bottom;
    for (y, _) in names.iter_mut().rev() {
        *y = y.min(most);
        most = *y - LEADING;
    }
    names
}

// === impl Stroke ===

impl Stroke {
    fn class(self) -> &'static str {
        match self {
            Self::Thin => " thin",
            Self::Plain => "",
            Self::Dashed => " dashed",
            Self::Dotted => " dotted",
            Self::Mixed => " mixed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_the_ends_of_lines_never_lie_on_each_other() {
        let series = |name, y| Series { name, class: "line-1", stroke: Stroke::Plain, parts: vec![vec![(0.0, y)]] };
        let lines = Lines {
            series: vec![series("a", 5.0), series("b", 5.0), series("c", 5.1), series("d", 0.0), series("e", 9.9)],
            x: Scale::linear((0.0, 1.0), (0.0, 1.0)),
            x_ticks: [Vec::new(), Vec::new()],
            x_title: "",
            y: Scale::linear((0.0, 10.0), (0.0, 1.0)),
            y_ticks: Vec::new(),
            y_title: "",
            levels: Vec::new(),
            told: Vec::new(),
            height: 200.0,
        };
        let frame = Frame::new(lines.x, lines.y, (500.0, 200.0), 5);
        let places = apart(&lines, &frame);
        assert_eq!(places.len(), 5);
        assert!(places.windows(2).all(|two| two[1].0 - two[0].0 >= LEADING - 1e-9), "they are apart");
        let (bottom, top) = frame.y.ends();
        assert!(places.iter().all(|(y, _)| (top..=bottom).contains(y)), "and inside");
    }
}

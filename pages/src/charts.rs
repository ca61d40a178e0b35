//! Charts as SVG that stands inside a page: themed by its custom properties, in the reader's font, read out by what
//! reads pages to people, and drawn twice (for wide screens and for phones) so that text is never too small.
//!
//! Laws: the same values give the same bytes; whatever is drawn lies inside; what is not known is drawn open. A mark tells
//! its numbers in a `<title>`. Which chart says what is for pages to know.

mod bars;
mod course;
mod curves;
mod frame;
mod intervals;
mod lanes;
mod lines;
mod matrix;
mod scale;
mod small;

use std::fmt::Write as _;

use maud::{Markup, html};

pub(crate) use bars::{histogram, histogram_of_shares};
pub(crate) use course::times;
pub(crate) use course::{Course, Moment, course};
pub(crate) use curves::{Line, curves};
pub(crate) use frame::Tick;
pub(crate) use intervals::{Intervals, Row, intervals};
pub(crate) use lanes::{Lane, Lanes, Mark, Rule, Span, SpanKind, lanes, sign};
pub(crate) use lines::{Lines, Series, Stroke, lines, sample};
pub(crate) use matrix::matrix;
pub(crate) use scale::{Scale, durations, ticks};
pub(crate) use small::{Part, bar, stacked, whisker};

/// What a chart is called, and what it shows, for those who do not see it.
pub(crate) struct About<'chart> {
    /// Unique in its page.
    pub(crate) id: &'chart str,
    pub(crate) title: &'chart str,
    pub(crate) told: String,
}

/// For whom a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Wide,
    /// Half of a wide one, beside another chart or its words.
    Half,
    Narrow,
}

// === impl Room ===

impl Room {
    /// Returns how wide a chart is, in the units in which its text is 12 high.
    pub(crate) fn width(self) -> f64 {
        match self {
            Self::Wide => 760.0,
            Self::Half => 500.0,
            Self::Narrow => 324.0,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Half => "wide half",
            Self::Narrow => "narrow",
        }
    }
}

/// Draws a chart for every room; `draw` returns its height and what is in it.
pub(crate) fn figure(about: &About, draw: impl Fn(Room) -> (f64, Markup)) -> Markup {
    in_rooms(about, [Room::Wide, Room::Narrow], draw)
}

/// Draws a chart for half of a wide room, and for a narrow one.
pub(crate) fn half(about: &About, draw: impl Fn(Room) -> (f64, Markup)) -> Markup {
    in_rooms(about, [Room::Half, Room::Narrow], draw)
}

fn in_rooms(about: &About, rooms: [Room; 2], draw: impl Fn(Room) -> (f64, Markup)) -> Markup {
    html! { figure { @for room in rooms { (drawn(about, room, &draw)) } } }
}

fn drawn(about: &About, room: Room, draw: &impl Fn(Room) -> (f64, Markup)) -> Markup {
    let (height, inside) = draw(room);
    let class = room.class();
    let place = class.split(' ').next().unwrap_or(class);
    let [title, told] = ["title", "told"].map(|part| format!("{}-{place}-{part}", about.id));
    html! {
        svg class={ "chart " (class) } viewBox={ "0 0 " (px(room.width())) " " (px(height)) } role="img"
            aria-labelledby=(title) aria-describedby=(told) {
            title id=(title) { (about.title) }
            desc id=(told) { (about.told) }
            (inside)
        }
    }
}

/// Returns a place on a chart, as short as it can be said.
pub(crate) fn px(place: f64) -> String {
    let text = format!("{place:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Returns a path along `points`.
pub(crate) fn along(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (place, (x, y)) in points.into_iter().enumerate() {
        path.push(if place == 0 { 'M' } else { 'L' });
        let _ = write!(path, "{} {}", px(x), px(y));
    }
    path
}

/// Returns the outline of a band: along its upper edge and back along its lower one.
pub(crate) fn band(points: &[(f64, f64, f64)]) -> String {
    let there = points.iter().map(|(x, _, high)| (*x, *high));
    let back = points.iter().rev().map(|(x, low, _)| (*x, *low));
    format!("{}Z", along(there.chain(back)))
}

//! Intervals one below the other, each with what was seen, what is allowed and what is usual.

use maud::{Markup, html};

use super::{About, Room, Scale, figure, px};
use crate::{prose::cut_to, words};

/// Rows on one scale.
pub(crate) struct Intervals {
    pub(crate) scale: Scale,
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) rows: Vec<Row>,
}

/// One interval.
pub(crate) struct Row {
    pub(crate) label: String,
    /// What stands at its end.
    pub(crate) note: String,
    /// The verdict's class.
    pub(crate) class: &'static str,
    pub(crate) seen: Option<f64>,
    /// Open where nothing is known.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) allowed: Option<f64>,
    /// What is seen elsewhere.
    pub(crate) overall: Option<f64>,
    pub(crate) told: String,
}

const TOP: f64 = 6.0;

/// Draws them.
pub(crate) fn intervals(about: &About, intervals: &Intervals) -> Markup {
    figure(about, |room| drawn(intervals, room))
}

fn drawn(Intervals { scale, ticks, rows }: &Intervals, room: Room) -> (f64, Markup) {
    let (width, is_wide) = (room.width(), room == Room::Wide);
    let (each, ends) = if is_wide { (34.0, (226.0, width - 150.0)) } else { (50.0, (12.0, width - 12.0)) };
    let bottom = TOP + each * words::exact(rows.len() as u64);
    let x = scale.between(ends);
    let shown: Vec<_> = ticks.iter().filter(|(number, _)| scale.holds(*number)).collect();
    let inside = html! {
        @for (number, text) in &shown {
            @let at = x.at(*number);
            line class="grid" x1=(px(at)) x2=(px(at)) y1=(px(TOP)) y2=(px(bottom)) {}
            text class=(anchor(at, width)) x=(px(at)) y=(px(bottom + 17.0)) { (text) }
        }
        @for (place, row) in (0_u32..).zip(rows) {
            @let top = TOP + f64::from(place) * each;
            @let y = if is_wide { top + each / 2.0 } else { top + 33.0 };
            @let at = (if is_wide { y } else { top + 15.0 }, if is_wide { (32, 20) } else { (30, 22) });
            g {
                title { (row.told) }
                text class="ink" x="0" y=(px(at.0)) dy=".35em" { (cut_to(&row.label, at.1.0)) }
                text class={ "end " (row.class) } x=(px(width)) y=(px(at.0)) dy=".35em" { (cut_to(&row.note, at.1.1)) }
                (mark(row, &x, y))
                rect class="hit" x="0" width=(px(width)) y=(px(top)) height=(px(each)) {}
            }
        }
    };
    (bottom + 26.0, inside)
}

/// At the ends a tick's text would be cut off.
fn anchor(at: f64, width: f64) -> &'static str {
    if at > width - 24.0 {
        "end"
    } else if at < 24.0 {
        ""
    } else {
        "middle"
    }
}

fn mark(row: &Row, x: &Scale, y: f64) -> Markup {
    let (left, right) = x.ends();
    let is_known = row.low.is_some() || row.high.is_some();
    let (low, high) = (row.low.map_or(left, |low| x.at(low)), row.high.map_or(right, |high| x.at(high)));
    let open = |number: Option<f64>| number.is_none_or(|number| !x.holds(number));
    html! {
        @if is_known {
            line class={ "range " (row.class) } x1=(px(low)) x2=(px(high)) y1=(px(y)) y2=(px(y)) {}
            @if open(row.low) { path class=(row.class) d=(arrow(low, y, -1.0)) {} }
            @if open(row.high) { path class=(row.class) d=(arrow(high, y, 1.0)) {} }
        }
        @if let Some(allowed) = row.allowed {
            @let at = px(x.at(allowed));
            line class="margin" x1=(at) x2=(at) y1=(px(y - 11.0)) y2=(px(y + 11.0)) {}
        }
        @if let Some(overall) = row.overall {
            @let at = x.at(overall);
            path class="overall" d={ "M" (px(at)) " " (px(y - 5.0)) "L" (px(at + 5.0)) " " (px(y)) "L" (px(at)) " " (px(y + 5.0)) "L" (px(at - 5.0)) " " (px(y)) "Z" } {}
        }
        @if let Some(seen) = row.seen {
            circle class=(row.class) cx=(px(x.at(seen))) cy=(px(y)) r="5" {}
        }
    }
}

fn arrow(x: f64, y: f64, way: f64) -> String {
    let back = x - way * 7.0;
    format!("M{} {}L{} {}L{} {}Z", px(x), px(y), px(back), px(y - 5.0), px(back), px(y + 5.0))
}

//! A distribution of differences as bars of equal width, the middle one around 0.

use maud::{Markup, html};

use super::{
    About, Room, Scale, figure,
    frame::{Axes, Frame, Tick, widest},
    px,
    scale::step,
    ticks,
};
use crate::words;

const HEIGHT: f64 = 230.0;
/// About so many bars.
const BARS: f64 = 60.0;
/// This share of all is left outside at each end, and told: one far-off number would make the rest one bar.
const OUTSIDE: f64 = 0.006;

/// Bars of equal width.
struct Bins {
    step: f64,
    /// The first bar's number: it stands around this many steps.
    first: f64,
    counts: Vec<f64>,
    /// How many lie further to the left, and to the right.
    beyond: (f64, f64),
}

/// Draws a histogram of cells that have a low edge, a high edge and a count; `called` says a number in its unit.
pub(crate) fn histogram(about: &About, cells: &[(f64, f64, u64)], title: &str, called: fn(f64) -> String) -> Markup {
    let bins = Bins::of(cells);
    figure(about, |room| (HEIGHT, drawn(&bins, room, title, called)))
}

/// Draws a histogram of shares, always from none to all: where they lie between the two is what is to be seen.
pub(crate) fn histogram_of_shares(about: &About, cells: &[(f64, f64, u64)], title: &str) -> Markup {
    let bins = Bins::between(cells, (0.0, 1.0));
    figure(about, |room| (HEIGHT, drawn(&bins, room, title, words::share)))
}

fn drawn(bins: &Bins, room: Room, title: &str, called: fn(f64) -> String) -> Markup {
    let edge = |bar: f64| (bins.first + bar - 0.5) * bins.step;
    let (low, high) = (edge(0.0), edge(words::exact(bins.counts.len() as u64)));
    let most = bins.counts.iter().copied().fold(1.0, f64::max);
    let y_ticks: Vec<Tick> = ticks(0.0, most, 3).into_iter().map(|tick| (tick, words::short_count(tick))).collect();
    let (x, y) = (Scale::linear((low, high), (0.0, 1.0)), Scale::linear((0.0, most), (0.0, 1.0)));
    let frame = Frame::new(x, y, (room.width(), HEIGHT), widest(&y_ticks));
    let about_ticks = if room == Room::Wide { 8 } else { 4 };
    let x_ticks = ticks(low, high, about_ticks).into_iter().map(|tick| (tick, called(tick))).collect();
    let ((left, right), (bottom, top)) = (frame.x.ends(), frame.y.ends());
    let axes = Axes { x: x_ticks, y: y_ticks, x_title: title, y_title: "requests" };
    let bars = (0_u32..).zip(&bins.counts).filter(|(_, count)| **count > 0.0);
    html! {
        (frame.axes(&axes))
        @for (bar, count) in bars {
            @let (from, to) = (edge(f64::from(bar)), edge(f64::from(bar) + 1.0));
            @let (x, end, y) = (frame.x.at(from), frame.x.at(to), frame.y.at(*count).min(bottom - 1.0));
            rect class="of-canary bar" x=(px(x + 0.5)) width=(px((end - x - 1.0).max(1.0))) y=(px(y)) height=(px(bottom - y)) {
                title { "from " (called(from)) " to " (called(to)) ": about " (words::short_count(count.round().max(1.0))) " requests" }
            }
        }
        @if frame.x.holds(0.0) {
            @let x = px(frame.x.at(0.0));
            line class="axis" x1=(x) x2=(x) y1=(px(top)) y2=(px(bottom)) {}
        }
        @if bins.beyond.0 >= 0.5 {
            text x=(px(left + 4.0)) y=(px(bottom - 8.0)) { "← " (words::short_count(bins.beyond.0.round())) " further" }
        }
        @if bins.beyond.1 >= 0.5 {
            text class="end" x=(px(right)) y=(px(bottom - 8.0)) { (words::short_count(bins.beyond.1.round())) " further →" }
        }
    }
}

// === impl Bins ===

impl Bins {
    fn of(cells: &[(f64, f64, u64)]) -> Self {
        let (low, high) = middle(cells);
        // Where all but a few are one number, those few are all that there is to see.
        let (low, high) = if low < high { (low, high) } else { ends(cells) };
        Self::between(cells, (low.min(0.0), high.max(0.0)))
    }

    fn between(cells: &[(f64, f64, u64)], (low, high): (f64, f64)) -> Self {
        let step = if high > low { step((high - low) / BARS) } else { 1.0 };
        let first = (low / step).round();
        // `BARS` and what rounding adds at both ends.
        let last = (high / step).round().min(first + BARS + 2.0);
        let mut bins = Self { step, first, counts: Vec::new(), beyond: (0.0, 0.0) };
        let mut bar = first;
        while bar <= last {
            bins.counts.push(0.0);
            bar += 1.0;
        }
        for (low, high, count) in cells {
            bins.add(*low, *high, words::exact(*count));
        }
        bins
    }

    /// Spreads a cell evenly over the bars that it covers.
    fn add(&mut self, low: f64, high: f64, count: f64) {
        let edge = |bar: f64| (self.first + bar - 0.5) * self.step;
        let whole = high - low;
        let covered = |from: f64, to: f64| {
            if whole > 0.0 {
                (high.min(to) - low.max(from)).max(0.0) / whole * count
            } else if (from..to).contains(&low) {
                count
            } else {
                0.0
            }
        };
        for (bar, held) in (0_u32..).zip(&mut self.counts) {
            *held += covered(edge(f64::from(bar)), edge(f64::from(bar) + 1.0));
        }
        self.beyond.0 += covered(f64::NEG_INFINITY, edge(0.0));
        self.beyond.1 += covered(edge(words::exact(self.counts.len() as u64)), f64::INFINITY);
    }
}

fn ends(cells: &[(f64, f64, u64)]) -> (f64, f64) {
    (cells.first().map_or(0.0, |(low, ..)| *low), cells.last().map_or(0.0, |(_, high, _)| *high))
}

/// Returns between which numbers all but a few lie.
fn middle(cells: &[(f64, f64, u64)]) -> (f64, f64) {
    let all: u64 = cells.iter().map(|(.., count)| count).sum();
    let few = words::exact(all) * OUTSIDE;
    let end = |cells: &mut dyn Iterator<Item = &(f64, f64, u64)>, is_low: bool| {
        let mut passed = 0.0;
        for (low, high, count) in cells {
            passed += words::exact(*count);
            if passed > few {
                return if is_low { *low } else { *high };
            }
        }
        0.0
    };
    (end(&mut cells.iter(), true), end(&mut cells.iter().rev(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_cells_is_in_bars_or_told_to_lie_beyond() {
        let cells = [(-900.0, -800.0, 1), (-2.0, -1.0, 100), (0.0, 0.0, 300), (1.0, 4.0, 500), (4.0, 9.0, 99)];
        let bins = Bins::of(&cells);
        let all = bins.counts.iter().sum::<f64>() + bins.beyond.0 + bins.beyond.1;
        assert!((all - 1_000.0).abs() < 1e-6 && (bins.beyond.0 - 1.0).abs() < 1e-6, "{all} {:?}", bins.beyond);
        assert!(bins.counts.len() < 70);
    }

    #[test]
    fn shares_are_drawn_from_none_to_all() {
        let bins = Bins::between(&[(0.19, 0.21, 3), (0.29, 0.31, 4)], (0.0, 1.0));
        let ends = (bins.first * bins.step, (bins.first + words::exact(bins.counts.len() as u64) - 1.0) * bins.step);
        assert!(ends.0.abs() < 1e-9 && (ends.1 - 1.0).abs() < 1e-9, "{ends:?}");
        assert!((bins.counts.iter().sum::<f64>() - 7.0).abs() < 1e-6 && bins.beyond == (0.0, 0.0), "{:?}", bins.counts);
    }

    #[test]
    fn nothing_and_one_number_have_bars_too() {
        assert_eq!(Bins::of(&[]).counts, [0.0]);
        assert_eq!(Bins::of(&[(0.0, 0.0, 7)]).counts, [7.0]);
    }
}

//! Who said what: a cell for each pair of answers, its number in it.

use maud::{Markup, html};

use super::{About, px};
use crate::{prose::cut_to, words};

/// How large everything is, by how many labels there are.
struct Size {
    cell: (f64, f64),
    /// Beside the rows, for the labels and the sums.
    left: f64,
    /// Above the columns, for the labels.
    top: f64,
    is_slanted: bool,
    letters: usize,
}

/// Draws `counts` by row and column. It is not shrunk on a small screen, where its numbers would be illegible, but moved.
pub(crate) fn matrix(about: &About, labels: &[String], counts: &[Vec<u64>], (rows, columns): (&str, &str)) -> Markup {
    let size = Size::of(labels, counts);
    let n = words::exact(labels.len() as u64);
    let (wide, high) = size.cell;
    // The last slanted label leans out of its column.
    let lean = if size.is_slanted { 0.58 * (size.top - 44.0) } else { 6.0 };
    let (width, height) = (size.left + n * wide + lean.max(62.0), size.top + n * high + 4.0);
    let [title, told] = ["title", "told"].map(|part| format!("{}-{part}", about.id));
    let place = |number: usize| words::exact(number as u64);
    html! {
        div.scroll.matrix tabindex="0" role="region" aria-label=(about.title) {
            svg width=(px(width)) height=(px(height)) viewBox={ "0 0 " (px(width)) " " (px(height)) } role="img" aria-labelledby=(title)
                aria-describedby=(told) {
                title id=(title) { (about.title) }
                desc id=(told) { (about.told) }
                text x=(px(size.left)) y="13" { (columns) " →" }
                text x="0" y="13" { (rows) " ↓" }
                @for (column, label) in labels.iter().enumerate() {
                    (above(&size, label, size.left + (place(column) + 0.5) * wide))
                }
                text class="end" x=(px(size.left + n * wide + 58.0)) y=(px(size.top - 8.0)) { "in all" }
                @for (row, label) in labels.iter().enumerate() {
                    @let y = size.top + place(row) * high;
                    @let sum: u64 = counts.get(row).map_or(0, |counts| counts.iter().sum());
                    text class="end ink" x=(px(size.left - 8.0)) y=(px(y + high / 2.0)) dy=".35em" {
                        title { (label) }
                        (cut_to(label, size.letters))
                    }
                    @for (column, other) in labels.iter().enumerate() {
                        @let count = counts.get(row).and_then(|counts| counts.get(column)).copied().unwrap_or_default();
                        (cell(&size, (size.left + place(column) * wide, y), (count, sum), (label, other), row == column))
                    }
                    text class="end" x=(px(size.left + n * wide + 58.0)) y=(px(y + high / 2.0)) dy=".35em" { (words::count(sum)) }
                }
            }
        }
    }
}

fn above(size: &Size, label: &str, x: f64) -> Markup {
    let y = size.top - 8.0;
    html! {
        @if size.is_slanted {
            text class="ink" x=(px(x)) y=(px(y)) transform={ "rotate(-60 " (px(x)) " " (px(y)) ")" } {
                title { (label) }
                (cut_to(label, size.letters))
            }
        } @else {
            text class="ink middle" x=(px(x)) y=(px(y)) { title { (label) } (cut_to(label, size.letters)) }
        }
    }
}

fn cell(
    size: &Size,
    (x, y): (f64, f64),
    (count, sum): (u64, u64),
    (row, column): (&str, &str),
    is_same: bool,
) -> Markup {
    let (wide, high) = size.cell;
    let share = if sum == 0 { 0.0 } else { words::exact(count) / words::exact(sum) };
    let step = match share {
        _ if count == 0 => 0,
        small if small < 0.05 => 1,
        small if small < 0.2 => 2,
        middle if middle < 0.45 => 3,
        large if large < 0.75 => 4,
        _ => 5,
    };
    let kind = if is_same { "same" } else { "other" };
    let has_share = high > 40.0 && count > 0;
    let middle = y + high / 2.0 - if has_share { 8.0 } else { 0.0 };
    html! {
        g {
            title { (row) " → " (column) ": " (words::count(count)) " of " (words::count(sum)) " (" (words::share(share)) ")" }
            @if step == 0 {
                rect class="none" x=(px(x + 1.0)) y=(px(y + 1.0)) width=(px(wide - 2.0)) height=(px(high - 2.0)) rx="4" {}
                text class="middle" x=(px(x + wide / 2.0)) y=(px(middle)) dy=".35em" { "0" }
            } @else {
                rect class={ (kind) "-" (step) } x=(px(x + 1.0)) y=(px(y + 1.0)) width=(px(wide - 2.0)) height=(px(high - 2.0)) rx="4" {}
                text class={ "middle on-" (step) } x=(px(x + wide / 2.0)) y=(px(middle)) dy=".35em" { (words::count(count)) }
                @if has_share {
                    text class={ "middle on-" (step) } x=(px(x + wide / 2.0)) y=(px(middle + 16.0)) dy=".35em" { (words::share(share)) }
                }
            }
        }
    }
}

// === impl Size ===

impl Size {
    fn of(labels: &[String], counts: &[Vec<u64>]) -> Self {
        let digits = counts.iter().flatten().map(|count| words::count(*count).len()).max().unwrap_or(1);
        let narrow = 7.0 * words::exact(digits as u64) + 8.0;
        let cell = match labels.len() {
            ..=6 => (76.0, 48.0),
            7..=12 => (narrow.max(52.0), 34.0),
            _ => (narrow.max(26.0), 28.0),
        };
        let letters = if labels.len() <= 3 { 14 } else { 18 };
        let longest = labels.iter().map(|label| label.chars().count().min(letters)).max().unwrap_or_default();
        let longest_px = 6.5 * words::exact(longest as u64);
        let is_slanted = longest_px > cell.0 - 8.0;
        let top = if is_slanted { 44.0 + 0.87 * longest_px } else { 44.0 };
        Self { cell, left: (longest_px + 14.0).max(96.0), top, is_slanted, letters }
    }
}

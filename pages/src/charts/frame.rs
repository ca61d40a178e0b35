//! Where a chart's marks stand, and the axes around them.

use maud::{Markup, html};

use super::{Scale, px};

/// The rectangle of the marks, and what numbers mean in it.
pub(super) struct Frame {
    pub(super) x: Scale,
    pub(super) y: Scale,
}

/// A number at an axis.
pub(crate) type Tick = (f64, String);

/// What stands at the axes.
pub(super) struct Axes<'axes> {
    pub(super) x: Vec<Tick>,
    pub(super) y: Vec<Tick>,
    pub(super) x_title: &'axes str,
    pub(super) y_title: &'axes str,
}

/// A tick's text is not centred so near to an end: it would be cut off there.
const NEAR: f64 = 24.0;

// === impl Frame ===

impl Frame {
    /// Returns a frame in a chart of this width and height, with room for the axes' texts; `widest` is the longest text at
    /// the y axis.
    pub(super) fn new(x: Scale, y: Scale, (width, height): (f64, f64), widest: usize) -> Self {
        Self::beside(x, y, (width, height), widest, 10.0)
    }

    /// Returns a frame that leaves so much room to its right.
    pub(super) fn beside(x: Scale, y: Scale, (width, height): (f64, f64), widest: usize, right: f64) -> Self {
        let left = 14.0 + 6.8 * f64::from(u32::try_from(widest.clamp(5, 12)).unwrap_or(12));
        Self { x: x.between((left, width - right)), y: y.between((height - 40.0, 26.0)) }
    }

    pub(super) fn axes(&self, axes: &Axes) -> Markup {
        let ((left, right), (bottom, top)) = (self.x.ends(), self.y.ends());
        html! {
            @for (number, text) in &axes.y {
                @let y = px(self.y.at(*number));
                line class="grid" x1=(px(left)) x2=(px(right)) y1=(y) y2=(y) {}
                text class="end" x=(px(left - 8.0)) y=(y) dy=".35em" { (text) }
            }
            line class="axis" x1=(px(left)) x2=(px(right)) y1=(px(bottom)) y2=(px(bottom)) {}
            @for (number, text) in &axes.x {
                @let x = self.x.at(*number);
                line class="axis" x1=(px(x)) x2=(px(x)) y1=(px(bottom)) y2=(px(bottom + 4.0)) {}
                text class=(if x > right - NEAR { "end" } else { "middle" }) x=(px(if x > right - NEAR { right } else { x })) y=(px(bottom + 18.0)) { (text) }
            }
            text x="0" y=(px(top - 14.0)) { (axes.y_title) }
            text class="end" x=(px(right)) y=(px(bottom + 35.0)) { (axes.x_title) }
        }
    }
}

/// Returns the longest text of these ticks.
pub(super) fn widest(ticks: &[Tick]) -> usize {
    ticks.iter().map(|(_, text)| text.chars().count()).max().unwrap_or_default()
}

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
/// So far apart texts stand at least.
const APART: f64 = 4.0;

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
            @for (number, _) in &axes.x {
                @let x = px(self.x.at(*number));
                line class="axis" x1=(x) x2=(x) y1=(px(bottom)) y2=(px(bottom + 4.0)) {}
            }
            @for (class, x, text) in self.legible(&axes.x) {
                text class=(class) x=(px(x)) y=(px(bottom + 18.0)) { (text) }
            }
            text x="0" y=(px(top - 14.0)) { (axes.y_title) }
            text class="end" x=(px(right)) y=(px(bottom + 35.0)) { (axes.x_title) }
        }
    }

    /// Returns how and where the texts below the x axis stand: whichever would run into the one before is left out.
    fn legible<'tick>(&self, ticks: &'tick [Tick]) -> Vec<(&'static str, f64, &'tick str)> {
        let (right, mut free) = (self.x.ends().1, f64::NEG_INFINITY);
        let mut texts = Vec::new();
        for (number, text) in ticks {
            let (x, width) = (self.x.at(*number), wide(text));
            let (class, x, begin) =
                if x > right - NEAR { ("end", right, right - width) } else { ("middle", x, x - width / 2.0) };
            if begin >= free {
                free = begin + width + APART;
                texts.push((class, x, text.as_str()));
            }
        }
        texts
    }
}

/// Returns about how wide a text is.
fn wide(text: &str) -> f64 {
    6.8 * f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

/// Returns the longest text of these ticks.
pub(super) fn widest(ticks: &[Tick]) -> usize {
    ticks.iter().map(|(_, text)| text.chars().count()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_below_an_axis_never_run_into_each_other() {
        let frame = Frame::new(
            Scale::linear((0.0, 100.0), (0.0, 1.0)),
            Scale::linear((0.0, 1.0), (0.0, 1.0)),
            (300.0, 200.0),
            5,
        );
        let ticks: Vec<Tick> = (0..=20).map(|tick| (f64::from(tick) * 5.0, format!("{} ms", tick * 5))).collect();
        let texts = frame.legible(&ticks);
        assert!(texts.len() > 2 && texts.len() < ticks.len(), "{texts:?}");
        let extent = |(class, x, text): &(&str, f64, &str)| {
            let width = wide(text);
            let begin = if *class == "end" { x - width } else { x - width / 2.0 };
            (begin, begin + width)
        };
        for pair in texts.windows(2) {
            assert!(extent(&pair[0]).1 < extent(&pair[1]).0, "{pair:?}");
        }
    }
}

//! Small pictures: a bar in a row, a whole made of parts, a spread in a row.

use maud::{Markup, html};

use super::{About, Room, Scale, half, px};

/// One part of a whole.
pub(crate) struct Part {
    pub(crate) share: f64,
    /// What stands in it if there is room: the longest that fits.
    pub(crate) called: [String; 2],
    /// `same-5` or the like, and the class of text on it.
    pub(crate) class: (&'static str, &'static str),
    pub(crate) told: String,
}

const STACK: f64 = 34.0;
const BAR: f64 = 120.0;
const WHISKER: f64 = 130.0;

/// Draws a whole of its parts, in their order.
pub(crate) fn stacked(about: &About, parts: &[Part]) -> Markup {
    half(about, |room| (STACK, stack(parts, room)))
}

fn stack(parts: &[Part], room: Room) -> Markup {
    let scale = Scale::linear((0.0, 1.0), (0.0, room.width()));
    let mut ends = Vec::new();
    let mut sum = 0.0;
    for part in parts {
        let from = scale.at(sum);
        sum += part.share;
        ends.push((from, scale.at(sum), part));
    }
    html! {
        @for (from, to, part) in ends {
            // What is there is seen, however little it is.
            @let width = (to - from - 1.5).max(1.0);
            rect class=(part.class.0) x=(px(from.min(room.width() - width))) width=(px(width)) y="2" height="30" rx="2" {
                title { (part.told) }
            }
            @let fits = |text: &&String| !text.is_empty() && 7.2 * f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)) + 8.0 < width;
            @if let Some(text) = part.called.iter().find(fits) {
                text class={ "middle " (part.class.1) } x=(px(f64::midpoint(from, to))) y="17" dy=".35em" { (text) }
            }
        }
    }
}

/// Draws a share as a bar; the number stands beside it.
pub(crate) fn bar(share: f64, class: &str) -> Markup {
    let width = Scale::linear((0.0, 1.0), (0.0, BAR)).at(share);
    html! {
        svg.meter viewBox={ "0 0 " (px(BAR)) " 10" } preserveAspectRatio="none" aria-hidden="true" {
            rect class="none" width=(px(BAR)) height="10" {}
            @if share > 0.0 { rect class=(class) width=(px(width.max(1.5))) height="10" {} }
        }
    }
}

/// Draws where half, 99 and 99.9 of 100 lie: a dot, a thick line, a thin one.
pub(crate) fn whisker(scale: Scale, [half, most, nearly_all]: [f64; 3], class: &str) -> Markup {
    let scale = scale.between((4.0, WHISKER - 4.0));
    let [half, most, nearly_all] = [half, most, nearly_all].map(|value| px(scale.at(value)));
    html! {
        svg.whisker viewBox={ "0 0 " (px(WHISKER)) " 14" } aria-hidden="true" {
            line class="grid" x1="4" x2=(px(WHISKER - 4.0)) y1="7" y2="7" {}
            line class={ (class) " line thin" } x1=(half) x2=(nearly_all) y1="7" y2="7" {}
            line class={ (class) " range" } x1=(half) x2=(most) y1="7" y2="7" {}
            circle class={ (class) " dot" } cx=(half) cy="7" r="4" {}
        }
    }
}

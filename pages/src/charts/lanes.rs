//! What each of several did with the same stretch of time: a lane for each, spans and marks on it, and lines through all.
//!
//! What a span is, its shape says and not its colour alone: a thin line, a dashed line, an open box, a full one.

use maud::{Markup, html};

use super::{About, Room, Scale, along, figure, px, ticks};
use crate::{prose::cut_to, words};

/// The lanes, in microseconds from the left edge.
pub(crate) struct Lanes {
    /// Where the picture ends.
    pub(crate) end: f64,
    pub(crate) all: Vec<Lane>,
    /// Lines through all lanes, with a word above each.
    pub(crate) rules: Vec<Rule>,
    /// When it was decided.
    pub(crate) verdict: Option<f64>,
    /// From here on it is too late.
    pub(crate) deadline: f64,
}

/// One lane.
pub(crate) struct Lane {
    pub(crate) name: String,
    /// In few words what came of it.
    pub(crate) note: String,
    pub(crate) spans: Vec<Span>,
    pub(crate) marks: Vec<(f64, Mark)>,
    /// For those who do not see it, and for who points at it.
    pub(crate) told: String,
}

/// A stretch of a lane.
pub(crate) struct Span {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) kind: SpanKind,
}

/// What is done in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanKind {
    /// On its way.
    Way,
    /// Nothing was heard.
    Silent,
    /// Waiting its turn.
    Queue,
    /// Work that may be chosen.
    Work,
    /// Work of a canary.
    CanaryWork,
}

/// What happened at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Chosen,
    Answered,
    Abstained,
    Failed,
    Late,
    Verdict,
    Result,
}

/// A line through all lanes.
pub(crate) struct Rule {
    pub(crate) at: f64,
    pub(crate) label: String,
}

const TOP: f64 = 30.0;
const EACH: f64 = 46.0;
/// How far the middle of a lane's line is below its top.
const LINE: f64 = 29.0;
/// A letter is about so wide.
const LETTER: f64 = 6.9;

/// Draws them.
pub(crate) fn lanes(about: &About, lanes: &Lanes) -> Markup {
    figure(about, |room| drawn(lanes, room))
}

fn drawn(lanes: &Lanes, room: Room) -> (f64, Markup) {
    let width = room.width();
    let x = Scale::linear((0.0, lanes.end), (8.0, width - 12.0));
    let bottom = TOP + EACH * words::exact(lanes.all.len() as u64);
    let at = |micros: f64| px(x.at(micros));
    let rules: Vec<(f64, String)> = lanes.rules.iter().map(|rule| (x.at(rule.at), rule.label.clone())).collect();
    let inside = html! {
        @for tick in ticks(0.0, lanes.end, if room == Room::Wide { 8 } else { 4 }) {
            line class="grid" x1=(at(tick)) x2=(at(tick)) y1=(px(TOP)) y2=(px(bottom)) {}
            (label(x.at(tick), bottom + 17.0, width, "", &words::micros(tick)))
        }
        @if lanes.deadline < lanes.end {
            rect class="beyond" x=(at(lanes.deadline)) width=(px(x.at(lanes.end) - x.at(lanes.deadline))) y=(px(TOP)) height=(px(bottom - TOP)) {}
        }
        @for rule in &lanes.rules {
            line class="margin" x1=(at(rule.at)) x2=(at(rule.at)) y1=(px(TOP)) y2=(px(bottom)) {}
        }
        @for (place, text) in apart(rules, width) { (label(place, TOP - 8.0, width, "margin-label", &text)) }
        @if let Some(verdict) = lanes.verdict {
            line class="verdict-line" x1=(at(verdict)) x2=(at(verdict)) y1=(px(TOP)) y2=(px(bottom)) {}
        }
        @for (place, lane) in (0_u32..).zip(&lanes.all) {
            (one(lane, TOP + f64::from(place) * EACH, &x, room))
        }
    };
    (bottom + 26.0, inside)
}

fn one(lane: &Lane, top: f64, x: &Scale, room: Room) -> Markup {
    let (y, width) = (top + LINE, room.width());
    let letters = if room == Room::Wide { 108_usize } else { 44 };
    let note = cut_to(&lane.note, 34);
    let name = cut_to(&lane.name, letters.saturating_sub(note.chars().count() + 2).clamp(10, 60));
    html! {
        g {
            title { (lane.told) }
            text class="ink strong" x="0" y=(px(top + 15.0)) { (name) }
            text class="end note" x=(px(width)) y=(px(top + 15.0)) { (note) }
            @for span in &lane.spans { (stretch(span, x, y)) }
            @for (at, mark) in &lane.marks { (sign(*mark, x.at(*at), y)) }
            rect class="hit" x="0" width=(px(width)) y=(px(top)) height=(px(EACH)) {}
        }
    }
}

fn stretch(span: &Span, x: &Scale, y: f64) -> Markup {
    let (from, to) = (x.at(span.from), x.at(span.to));
    let boxed = |class: &str| {
        // Whatever was done is seen, however short it was.
        let width = (to - from).max(1.5);
        html! { rect class=(class) x=(px(from)) width=(px(width)) y=(px(y - 5.5)) height="11" {} }
    };
    match span.kind {
        SpanKind::Way => {
            html! { line class="way" x1=(px(from)) x2=(px(to)) y1=(px(y)) y2=(px(y)) {} }
        }
        SpanKind::Silent => {
            html! { line class="way dashed" x1=(px(from)) x2=(px(to)) y1=(px(y)) y2=(px(y)) {} }
        }
        SpanKind::Queue => boxed("queue"),
        SpanKind::Work => boxed("of-reference work"),
        SpanKind::CanaryWork => boxed("of-canary work"),
    }
}

/// Draws a mark with its middle there.
pub(crate) fn sign(mark: Mark, x: f64, y: f64) -> Markup {
    let outline = |points: &[(f64, f64)]| along(points.iter().map(|(dx, dy)| (x + dx, y + dy))) + "Z";
    html! {
        @match mark {
            Mark::Chosen => {
                circle class="sign open-sign" cx=(px(x)) cy=(px(y)) r="8.5" {}
                circle class="sign" cx=(px(x)) cy=(px(y)) r="5" {}
            },
            Mark::Answered => circle class="sign" cx=(px(x)) cy=(px(y)) r="5" {},
            Mark::Abstained => circle class="sign open-sign" cx=(px(x)) cy=(px(y)) r="5" {},
            Mark::Failed => path class="sign cross" d={ "M" (px(x - 5.0)) " " (px(y - 5.0)) "L" (px(x + 5.0)) " " (px(y + 5.0)) "M" (px(x + 5.0)) " " (px(y - 5.0)) "L" (px(x - 5.0)) " " (px(y + 5.0)) } {},
            Mark::Late => path class="sign open-sign" d=(outline(&[(-4.0, -6.0), (6.0, 0.0), (-4.0, 6.0)])) {},
            Mark::Verdict => path class="sign" d=(outline(&[(-6.5, -6.0), (6.5, -6.0), (0.0, 6.0)])) {},
            Mark::Result => path class="sign" d=(outline(&[(-6.5, 0.0), (0.0, -6.5), (6.5, 0.0), (0.0, 6.5)])) {},
        }
    }
}

/// Writes a text with its middle there, or as near to that as keeps it inside.
fn label(x: f64, y: f64, width: f64, class: &str, text: &str) -> Markup {
    let (left, right) = extent(x, width, text);
    let (anchor, x) = if right >= width {
        ("end", width)
    } else if left <= 0.0 {
        ("", 0.0)
    } else {
        ("middle", x)
    };
    let class = [class, anchor].join(" ");
    html! { text class=(class.trim()) x=(px(x)) y=(px(y)) { (text) } }
}

/// Returns where a text begins and ends that has its middle there, or as near to that as keeps it inside.
fn extent(x: f64, width: f64, text: &str) -> (f64, f64) {
    let wide = LETTER * words::exact(text.chars().count() as u64);
    let left = (x - wide / 2.0).min(width - wide).max(0.0);
    (left, left + wide)
}

/// Puts those texts together that would stand on one another.
fn apart(mut texts: Vec<(f64, String)>, width: f64) -> Vec<(f64, String)> {
    texts.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut apart: Vec<(f64, String)> = Vec::new();
    for (mut x, mut text) in texts {
        // Together they are wider, and may reach the one before.
        while let Some((before, told)) =
            apart.pop_if(|(before, told)| extent(*before, width, told).1 + LETTER > extent(x, width, &text).0)
        {
            (x, text) = (f64::midpoint(before, x), format!("{told}, {text}"));
        }
        apart.push((x, text));
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_stand_on_one_another_stand_beside_one_another() {
        let told = |texts: &[(f64, &str)], width: f64| {
            let texts = texts.iter().map(|(x, text)| (*x, (*text).to_owned())).collect();
            let told: Vec<String> = apart(texts, width).into_iter().map(|(_, text)| text).collect();
            told.join(" | ")
        };
        assert_eq!(told(&[(10.0, "1"), (300.0, "deadline"), (290.0, "3"), (100.0, "2")], 400.0), "1 | 2 | 3, deadline");
        // At the edge a text moves to the left, and may come to stand on the one before.
        assert_eq!(told(&[(230.0, "1"), (250.0, "2"), (300.0, "deadline")], 310.0), "1, 2, deadline");
        assert_eq!(told(&[], 310.0), "");
    }
}

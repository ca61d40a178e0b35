//! Plots as SVG: one file each, drawn from lines alone, readable on a light page and on a dark one.

mod curve;
mod rows;

use std::collections::BTreeMap;

use plotters::style::{
    IntoFont as _, RGBColor, TextStyle,
    text_anchor::{HPos, Pos, VPos},
};

use crate::line::Line;

/// A picture's name and its text.
pub(crate) type Picture = (String, String);

/// What is written and drawn around the data. A style sheet gives both another colour on a dark page.
const INK: RGBColor = RGBColor(0x57, 0x60, 0x6a);
const GRID: RGBColor = RGBColor(0xd0, 0xd7, 0xde);

/// Told apart by whoever sees colours and by whoever does not, on white and on black (Okabe and Ito).
const BLUE: RGBColor = RGBColor(0x3d, 0x8f, 0xd1);
const ORANGE: RGBColor = RGBColor(0xe0, 0x7b, 0x00);
const GREY: RGBColor = RGBColor(0x8c, 0x95, 0x9f);

const FONT: &str = "sans-serif";
const WIDTH: u32 = 860;

/// Plotters knows no style sheets: this one is put into what it drew.
const DARK: &str = "<style>@media (prefers-color-scheme: dark) { text[fill=\"#57606A\"] { fill: #C9D1D9 } \
    [stroke=\"#57606A\"] { stroke: #8B949E } [stroke=\"#D0D7DE\"] { stroke: #30363D } }</style>";

/// Draws all that there are lines for.
pub(crate) fn all(lines: &[Line]) -> anyhow::Result<Vec<Picture>> {
    let mut by_scenario: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        by_scenario.entry(&line.scenario).or_default().push(line);
    }
    let mut pictures = Vec::new();
    for (scenario, lines) in &by_scenario {
        let svg = match *scenario {
            "core" | "kinds" => continue,
            "overload" => {
                pictures.push(("overload-goodput.svg".to_owned(), curve::goodput(lines)?));
                continue;
            }
            _ => rows::latencies(&format!("Latency from the intended send time: {scenario}"), lines)?,
        };
        pictures.push((format!("latency-{scenario}.svg"), svg));
    }
    let of = |scenario| by_scenario.get(scenario).into_iter().flatten().copied();
    let straggling: Vec<&Line> = of("stragglers").chain(of("peers")).collect();
    if !straggling.is_empty() {
        let title = "Answered by budget + 2 ms, of all that was asked: 20 ms budget, 2 % stragglers of 60 ms";
        pictures.push(("stragglers-in-budget.svg".to_owned(), rows::shares(title, &straggling)?));
    }
    Ok(pictures)
}

/// Makes what was drawn fit for a dark page.
fn on_any_page(svg: &str) -> String {
    match svg.split_once('>') {
        Some((opening, rest)) => format!("{opening}>{DARK}{rest}"),
        None => svg.to_owned(),
    }
}

/// Whose colour: ours stands out.
fn colour_of(line: &Line) -> RGBColor {
    if line.system.starts_with("hedgerow") { ORANGE } else { BLUE }
}

fn ink(size: i32, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    TextStyle::from((FONT, size).into_font()).color(&INK).pos(Pos::new(horizontal, vertical))
}

/// The library's errors borrow the picture.
fn told(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("a plot could not be drawn: {error}")
}

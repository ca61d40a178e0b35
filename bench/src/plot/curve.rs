//! Goodput over what is offered: flat beyond the knee if nothing collapses.

use plotters::{
    chart::ChartBuilder,
    drawing::IntoDrawingArea as _,
    element::{Circle, DashedPathElement, PathElement, Text},
    prelude::{Color as _, SVGBackend},
    series::LineSeries,
    style::text_anchor::{HPos, VPos},
};

use super::{BLUE, GREY, GRID, INK, ORANGE, WIDTH, ink, on_any_page, told};
use crate::line::{Line, grouped};

const HEIGHT: u32 = 400;

/// Draws goodput and what was shed; dashed, what was offered.
pub(super) fn goodput(lines: &[&Line]) -> anyhow::Result<String> {
    let field = |line: &Line, name: &str| line.more.get(name).and_then(serde_json::Value::as_f64);
    // The spike is no point of the curve: it has not settled.
    let points = lines.iter().filter(|line| !line.more.contains_key("recovery_s"));
    let points: Vec<(f64, f64, f64)> = points
        .filter_map(|line| {
            let offered = f64::from(line.rate);
            Some((offered, field(line, "goodput")?, field(line, "shed_share").unwrap_or_default() * offered))
        })
        .collect();
    let right = points.iter().map(|(offered, ..)| *offered).fold(1.0, f64::max) * 1.05;
    let top = points.iter().map(|(_, good, shed)| good.max(*shed)).fold(1.0, f64::max) * 1.15;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
    let mut builder = ChartBuilder::on(&area);
    builder.margin_top(58).margin_left(12).margin_right(24).x_label_area_size(44).y_label_area_size(64);
    let mut chart = builder.build_cartesian_2d(0.0..right, 0.0..top).map_err(told)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(GRID.mix(0.0)).bold_line_style(GRID).axis_style(INK);
    mesh.x_labels(8).y_labels(6).label_style(ink(12, HPos::Center, VPos::Center)).axis_desc_style(ink(
        13,
        HPos::Center,
        VPos::Center,
    ));
    mesh.x_label_formatter(&|rate| grouped(*rate)).y_label_formatter(&|rate| grouped(*rate));
    mesh.x_desc("offered, requests a second").y_desc("a second").draw().map_err(told)?;
    let ideal = right.min(top);
    chart.draw_series([DashedPathElement::new([(0.0, 0.0), (ideal, ideal)], 5, 5, GREY)]).map_err(told)?;
    for (series, colour) in [(0, ORANGE), (1, BLUE)] {
        let of = |point: &(f64, f64, f64)| (point.0, if series == 0 { point.1 } else { point.2 });
        chart.draw_series(LineSeries::new(points.iter().map(of), colour.stroke_width(2))).map_err(told)?;
        chart.draw_series(points.iter().map(|point| Circle::new(of(point), 4, colour.filled()))).map_err(told)?;
    }
    let title = "Goodput under overload: predictions within their budget";
    area.draw(&Text::new(title, (12, 10), ink(16, HPos::Left, VPos::Top))).map_err(told)?;
    for (index, (what, colour)) in (0..).zip([("goodput", ORANGE), ("shed at once", BLUE), ("what was offered", GREY)])
    {
        let x = 12 + index * 150;
        area.draw(&PathElement::new([(x, 41), (x + 20, 41)], colour.stroke_width(3))).map_err(told)?;
        area.draw(&Text::new(what, (x + 28, 34), ink(12, HPos::Left, VPos::Top))).map_err(told)?;
    }
    area.present().map_err(told)?;
    drop((chart, area));
    Ok(on_any_page(&svg))
}

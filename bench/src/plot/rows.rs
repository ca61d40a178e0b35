//! A row for each system and rate: latencies as dots on a logarithmic axis, or a share as a bar.

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{Shift, cartesian::Cartesian2d, ranged1d::Ranged, types::RangedCoordf64},
    drawing::{DrawingArea, IntoDrawingArea as _},
    element::{Circle, EmptyElement, PathElement, Polygon, Rectangle, Text},
    prelude::{Color as _, IntoLogRange as _, SVGBackend},
    style::text_anchor::{HPos, VPos},
};

use super::{GRID, INK, WIDTH, colour_of, ink, on_any_page, told};
use crate::line::{Line, grouped};

/// Pixels.
const ROW: u32 = 26;
const HEAD: u32 = 58;
const FOOT: u32 = 34;
const LABELS: i32 = 290;
const RIGHT: i32 = 64;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b, X> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, RangedCoordf64>>;

/// Draws p50, p99 and p99.9 of each line.
pub(super) fn latencies(title: &str, lines: &[&Line]) -> anyhow::Result<String> {
    let positive = || lines.iter().flat_map(|line| [line.p50_ms, line.p999_ms]).filter(|ms| *ms > 0.0);
    let (low, high) = (positive().fold(f64::MAX, f64::min), positive().fold(0.001, f64::max));
    let low = low.min(high);
    draw(lines.len(), |area| {
        let mut builder = builder(area);
        let mut chart = builder.build_cartesian_2d((low / 1.5..high * 1.5).log_scale(), rows(lines)).map_err(told)?;
        for ms in ticks(low / 1.5, high * 1.5) {
            let (top, bottom) = (rows(lines).end, rows(lines).start);
            chart.draw_series([PathElement::new(vec![(ms, bottom), (ms, top)], GRID)]).map_err(told)?;
            let (x, y) = chart.backend_coord(&(ms, bottom));
            area.draw(&Text::new(ms.to_string(), (x, y + 8), ink(12, HPos::Center, VPos::Top))).map_err(told)?;
        }
        head(area, title, "● p50, ◆ p99, ■ p99.9, in milliseconds; the axis is logarithmic")?;
        for (row, line) in lines.iter().enumerate() {
            let (y, colour) = (middle(row), colour_of(line));
            let [p50, p99, p999] = [line.p50_ms, line.p99_ms, line.p999_ms].map(|ms| ms.max(low / 1.4));
            chart.draw_series([PathElement::new(vec![(p50, y), (p999, y)], colour.stroke_width(2))]).map_err(told)?;
            chart.draw_series([Circle::new((p50, y), 5, colour.filled())]).map_err(told)?;
            let diamond = Polygon::new(vec![(-7, 0), (0, -7), (7, 0), (0, 7)], colour.filled());
            chart.draw_series([EmptyElement::at((p99, y)) + diamond]).map_err(told)?;
            let square = Rectangle::new([(-4, -4), (4, 4)], colour.filled());
            chart.draw_series([EmptyElement::at((p999, y)) + square]).map_err(told)?;
            label(area, &chart, &(low / 1.5, y), line)?;
        }
        Ok(())
    })
}

/// Draws what share of each line was within its budget.
pub(super) fn shares(title: &str, lines: &[&Line]) -> anyhow::Result<String> {
    draw(lines.len(), |area| {
        let mut builder = builder(area);
        let mut chart = builder.build_cartesian_2d(0.0..100.0_f64, rows(lines)).map_err(told)?;
        let mut mesh = chart.configure_mesh();
        mesh.disable_y_mesh().disable_y_axis().light_line_style(GRID.mix(0.0)).bold_line_style(GRID);
        mesh.axis_style(INK).x_labels(6).x_label_style(ink(12, HPos::Center, VPos::Top));
        mesh.x_label_formatter(&|share| format!("{share:.0} %")).draw().map_err(told)?;
        head(area, title, "strong: a prediction; pale: the default, in time")?;
        for (row, line) in lines.iter().enumerate() {
            let (y, colour) = (middle(row), colour_of(line));
            let within = line.within_budget_share * 100.0;
            let predicted = line.more.get("prediction_share").and_then(serde_json::Value::as_f64).unwrap_or_default();
            let predicted = (predicted * 100.0).min(within);
            let bar = |from, to, style| Rectangle::new([(from, y - 0.3), (to, y + 0.3)], style);
            chart.draw_series([bar(0.0, predicted, colour.filled())]).map_err(told)?;
            chart.draw_series([bar(predicted, within, colour.mix(0.4).filled())]).map_err(told)?;
            label(area, &chart, &(0.0, y), line)?;
            let (_, y) = chart.backend_coord(&(0.0, y));
            let style = ink(12, HPos::Left, VPos::Center);
            area.draw(&Text::new(format!("{within:.1} %"), (WIDTH.cast_signed() - RIGHT + 8, y), style))
                .map_err(told)?;
        }
        Ok(())
    })
}

fn draw(rows: usize, paint: impl FnOnce(&Area<'_>) -> anyhow::Result<()>) -> anyhow::Result<String> {
    let mut svg = String::new();
    let height = HEAD + FOOT + ROW * u32::try_from(rows)?;
    let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
    paint(&area)?;
    area.present().map_err(told)?;
    drop(area);
    Ok(on_any_page(&svg))
}

fn builder<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin_top(HEAD).margin_left(LABELS).margin_right(RIGHT).x_label_area_size(FOOT);
    builder
}

fn head(area: &Area<'_>, title: &str, under: &str) -> anyhow::Result<()> {
    area.draw(&Text::new(title.to_owned(), (12, 10), ink(16, HPos::Left, VPos::Top))).map_err(told)?;
    area.draw(&Text::new(under.to_owned(), (12, 34), ink(12, HPos::Left, VPos::Top))).map_err(told)
}

/// Writes a row's name left of where its data begins.
fn label<X: Ranged<ValueType = f64>>(
    area: &Area<'_>,
    chart: &Chart<'_, '_, X>,
    at: &(f64, f64),
    line: &Line,
) -> anyhow::Result<()> {
    let (x, y) = chart.backend_coord(at);
    let text = format!("{}, {}/s", line.system, grouped(f64::from(line.rate)));
    area.draw(&Text::new(text, (x - 10, y), ink(13, HPos::Right, VPos::Center))).map_err(told)
}

/// Returns 1, 2 and 5 of every power of ten between two values.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let powers = (-4..=5).flat_map(|power| [1, 2, 5].map(|digit| (power, digit)));
    // Read rather than reckoned: 0.1 is to be written as 0.1.
    let all = powers.filter_map(|(power, digit)| format!("{digit}e{power}").parse::<f64>().ok());
    all.filter(|value| (low..=high).contains(value)).collect()
}

/// The first row is the uppermost.
fn rows(lines: &[&Line]) -> std::ops::Range<f64> {
    let count = lines.len();
    #[expect(clippy::cast_precision_loss, reason = "some dozens of rows")]
    let count = count as f64;
    -count..0.0
}

fn middle(row: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some dozens of rows")]
    let row = row as f64;
    -row - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_labelled_with_round_figures_within_it() {
        assert_eq!(ticks(0.09, 3.0), [0.1, 0.2, 0.5, 1.0, 2.0]);
        assert_eq!(ticks(2.0, 2.0).iter().map(f64::to_string).collect::<Vec<_>>(), ["2"]);
    }
}

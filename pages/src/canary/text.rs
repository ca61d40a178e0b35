//! The report for a terminal.

use std::fmt::Write as _;

use canary::{CourseTold, ListsTold, MatrixTold, MetricTold, Report, SegmentTold};
use comfy_table::{Cell, CellAlignment, Table, presets::NOTHING};

use super::{
    lists::{Measure, measures, repeats},
    outside,
    verdict::{self, disagreements, reason},
};
use crate::{
    prose::{cut_to, plain},
    words,
};

/// Narrower than this nothing can be read.
const NARROWEST: usize = 48;
/// So many segments, and so many differences, are told.
const ROWS_MAX: usize = 5;
/// So many requests are named.
const REQUESTS_MAX: usize = 3;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the report as lines of at most `width` characters.
#[must_use]
pub fn text(report: &Report, width: usize) -> String {
    let (width, report) = (width.max(NARROWEST), &outside::cleaned(report));
    let (sign, headline) = (verdict::sign(report.verdict), verdict::headline(report.verdict));
    let mut text = wrapped(&format!("{sign} {headline}. {}", verdict::why(report).plain()), width);
    text += &wrapped(&compared(report), width);
    text += &part("what was measured", &metrics(&report.metrics), width);
    if let Some(matrix) = &report.agreement.matrix {
        text += &answers(report, matrix, width);
    }
    if let Some(lists) = report.lists.as_ref().filter(|lists| lists.n > 0) {
        text += &alike(lists, width);
    }
    if !report.segments.is_empty() {
        text += &part("where it is worst", &segments(&report.segments, width), width);
    }
    text += &latency(report, width);
    text += &course(report, width);
    let ids: Vec<&String> = report.metrics.iter().flat_map(|metric| &metric.examples).collect();
    if !ids.is_empty() {
        text += "\nrequests to look at\n";
        for id in ids.into_iter().take(REQUESTS_MAX) {
            let command = format!("  hedgerow explain {id} --rendezvous {}", report.rendezvous);
            let _ = writeln!(text, "{}", cut_to(&plain(&command), width));
        }
    }
    text.replace('\u{a0}', " ")
}

fn compared(report: &Report) -> String {
    let requests = &report.requests;
    let mut text = format!("{} beside {} in {}: ", report.canary, report.reference, report.rendezvous);
    let _ = write!(text, "{} of {} requests compared", words::count(requests.compared), words::count(requests.asked));
    if let Some((first, last)) = requests.first_us.zip(requests.last_us) {
        let _ = write!(text, ", {}", words::period(first, last));
    }
    let _ = write!(text, "; {} sure", words::share(report.confidence));
    if !requests.excluded.is_empty() {
        let why = |(why, count): (&String, &u64)| format!("{} {}", reason(why), words::count(*count));
        let why: Vec<String> = requests.excluded.iter().map(why).collect();
        let _ = write!(text, "; left out: {}", why.join(", "));
    }
    text
}

fn metrics(metrics: &[MetricTold]) -> String {
    let judged = metrics.iter().filter(|metric| metric.judged);
    let all = judged.chain(metrics.iter().filter(|metric| !metric.judged));
    let rows = all.map(|metric| {
        let told = |number| verdict::told(metric.metric, number);
        let [harm, allowed] = [metric.harm, metric.threshold].map(|number| number.map_or_else(nothing, told));
        let verdict = if metric.judged {
            format!("{} {}", verdict::sign(metric.verdict), metric.verdict.word())
        } else {
            "not judged".to_owned()
        };
        let (called, n) = (verdict::called(metric.metric).to_lowercase(), words::count(metric.n));
        vec![verdict, called, harm, verdict::interval(metric), allowed, n]
    });
    table(&["", "", "harm", "surely", "allowed", "requests"], rows, &[2, 3, 4, 5])
}

fn segments(segments: &[SegmentTold], width: usize) -> String {
    let rows = segments.iter().take(ROWS_MAX).map(|segment| {
        let name = cut_to(&plain(&format!("{}: {}", segment.dimension, segment.part)), width / 3);
        let surely = if segment.is_worse { "✗ worse" } else { "not sure" };
        let [harm, overall] = [segment.harm, segment.overall].map(words::share);
        let interval = verdict::between(segment.interval, words::share);
        let called = segment.metric.word().to_owned();
        vec![surely.to_owned(), name, called, harm, overall, interval, words::count(segment.n)]
    });
    table(&["", "", "", "harm", "in all", "surely", "requests"], rows, &[3, 4, 5, 6])
}

fn answers(report: &Report, matrix: &MatrixTold, width: usize) -> String {
    let longest = |label: &String| cut_to(&plain(label), 14);
    let labels: Vec<String> = matrix.labels.iter().map(longest).collect();
    let rows = labels.iter().zip(&matrix.counts).map(|(label, counts)| {
        std::iter::once(label.clone()).chain(counts.iter().map(|count| words::count(*count))).collect()
    });
    let numbers: Vec<usize> = (1..=labels.len()).collect();
    let head: Vec<&str> = std::iter::once("").chain(labels.iter().map(String::as_str)).collect();
    let whole = table(&head, rows, &numbers);
    if whole.lines().all(|line| line.chars().count() <= width) {
        let heading = format!("who said what: {} in rows, {} in columns", report.reference, report.canary);
        return part(&heading, &whole, width);
    }
    let few = disagreements(matrix).into_iter().take(ROWS_MAX);
    let rows = few.map(|(reference, canary, count)| {
        let [reference, canary] = [reference, canary].map(|label| cut_to(&plain(label), width / 3));
        vec![reference, canary, words::count(count)]
    });
    let rows = table(&["reference said", "canary said", "requests"], rows, &[2]);
    part("who said what else, the most frequent", &rows, width)
}

fn alike(lists: &ListsTold, width: usize) -> String {
    let told = |has_notes: bool| {
        let rows = measures(lists).map(|Measure { called, note, seen, surely, .. }| {
            vec![called.to_lowercase(), if has_notes { note } else { String::new() }, seen, surely]
        });
        table(&["", "", "seen", "surely"], rows.into_iter(), &[2, 3])
    };
    let whole = told(true);
    // What a measure is can be read elsewhere, what it is here cannot.
    let fits = whole.lines().all(|line| line.chars().count() + 2 <= width);
    let heading = format!("how alike {} pairs of lists are", words::count(lists.n));
    let text = part(&heading, &if fits { whole } else { told(false) }, width);
    text + &repeats(lists).map_or_else(String::new, |repeats| wrapped(&repeats, width))
}

fn latency(report: &Report, width: usize) -> String {
    let latency = &report.latency;
    if latency.canary.n == 0 || latency.reference.n == 0 {
        return String::new();
    }
    let rows = [("reference", &latency.reference), ("canary", &latency.canary)].map(|(who, curve)| {
        let value = |share| {
            let one = verdict::quantile(curve, share).and_then(|one| one.value);
            one.map_or_else(nothing, words::micros)
        };
        vec![who.to_owned(), value(0.5), value(0.9), value(0.99), value(0.999)]
    });
    let rows = table(&["", "p50", "p90", "p99", "p99.9"], rows.into_iter(), &[1, 2, 3, 4]);
    part("how long answers take", &rows, width)
}

/// The share of different answers as it grew, in one line of blocks.
fn course(report: &Report, width: usize) -> String {
    let seen: Vec<(&CourseTold, f64)> =
        report.course.iter().filter_map(|told| Some((told, told.disagreement?))).collect();
    let (Some((first, _)), Some((last, _))) = (seen.first(), seen.last()) else { return String::new() };
    let most = seen.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    let room = (width - 2).min(64).min(seen.len());
    let at = |place: usize| seen[place * seen.len() / room].1;
    let blocks: String = (0..room).map(|place| block(at(place), most)).collect();
    let heading = format!(
        "different answers as they were seen, {}: up to {}, in the end {}",
        words::period(first.until_us, last.until_us),
        words::share(most),
        last.disagreement.map_or_else(nothing, words::share)
    );
    part(&heading, &format!("{blocks}\n"), width)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 7")]
fn block(share: f64, most: f64) -> char {
    let level = if most > 0.0 { (share / most * 7.0).round().clamp(0.0, 7.0) } else { 0.0 };
    BLOCKS[level as usize]
}

// === lines ===

/// A heading, and what stands below it, moved in; lines that are too long are cut.
fn part(heading: &str, inside: &str, width: usize) -> String {
    let mut text = format!("\n{}", wrapped(heading, width));
    for line in inside.lines() {
        let line = format!("  {line}");
        let line = line.trim_end();
        // Half a number is another number, so it is said that there is more.
        let is_long = line.chars().count() > width;
        let cut: String = line.chars().take(if is_long { width - 1 } else { width }).collect();
        let _ = writeln!(text, "{cut}{}", if is_long { "…" } else { "" });
    }
    text
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>, numbers: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(head);
    table.add_rows(rows.map(|row| row.into_iter().map(Cell::new)));
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Breaks between words; a word that is longer than a line is cut.
fn wrapped(text: &str, width: usize) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in plain(text).split_ascii_whitespace() {
        let word = cut_to(word, width);
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines += &line;
            lines.push('\n');
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += &word;
    }
    lines + &line + "\n"
}

fn nothing() -> String {
    words::NOTHING.to_owned()
}

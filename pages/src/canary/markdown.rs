//! The report for a pull request.

use std::fmt::Write as _;

use canary::{Interval, ListsTold, MatrixTold, MetricTold, Report, SegmentTold};

use super::{
    lists::{Measure, measures, repeats},
    outside,
    verdict::{self, disagreements, reason},
};
use crate::{
    prose::{code, escaped},
    words,
};

/// Larger matrices are told by their most frequent differences.
const LABELS_MAX: usize = 8;

/// Returns the report in Markdown: the verdict, what was measured, and the rest folded away.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let (digest, report) = (report.digest(), &outside::cleaned(report));
    let (sign, headline) = (verdict::sign(report.verdict), verdict::headline(report.verdict));
    let mut text = format!("**{sign} {headline}.** {}\n\n", verdict::why(report).markdown());
    text += &compared(report);
    text += &metrics(&report.metrics);
    if !report.segments.is_empty() {
        text += &folded("Where it is worst", &segments(&report.segments));
    }
    if let Some(matrix) = &report.agreement.matrix {
        text += &folded("Which answers differ", &answers(report, matrix));
    }
    if let Some(lists) = report.lists.as_ref().filter(|lists| lists.n > 0) {
        text += &folded("How alike lists are", &alike(lists));
    }
    if report.latency.canary.n > 0 && report.latency.reference.n > 0 {
        text += &folded("How long answers take", &latency(report));
    }
    let requests = requests(report);
    if !requests.is_empty() {
        text += &folded("Requests behind the numbers", &requests);
    }
    let _ = writeln!(text, "\nhedgerow {} · report `{}`", env!("CARGO_PKG_VERSION"), digest);
    // A space that does not break is a space to whoever reads the text itself.
    text.replace('\u{a0}', " ")
}

fn compared(report: &Report) -> String {
    let requests = &report.requests;
    let (canary, reference) = (code(&report.canary), code(&report.reference));
    let mut text = format!("{canary} beside {reference} in {}: ", code(&report.rendezvous));
    let _ = write!(text, "{} of {} requests compared", words::count(requests.compared), words::count(requests.asked));
    if !requests.excluded.is_empty() {
        let why = |(why, count): (&String, &u64)| format!("{} {}", escaped(&reason(why)), words::count(*count));
        let why: Vec<String> = requests.excluded.iter().map(why).collect();
        let _ = write!(text, " ({} left out: {})", words::share(requests.excluded_share), why.join(", "));
    }
    if let Some((first, last)) = requests.first_us.zip(requests.last_us) {
        let _ = write!(text, ", {}", words::period(first, last));
    }
    let _ = writeln!(text, "; {} sure, however often one looks.\n", words::share(report.confidence));
    text
}

fn metrics(metrics: &[MetricTold]) -> String {
    let mut text =
        "| | metric | harm seen | surely between | allowed | requests |\n|---|---|---:|---:|---:|---:|\n".to_owned();
    let judged = metrics.iter().filter(|metric| metric.judged);
    for metric in judged.chain(metrics.iter().filter(|metric| !metric.judged)) {
        let told = |number| verdict::told(metric.metric, number);
        let verdict = if metric.judged {
            format!("{} {}", verdict::sign(metric.verdict), metric.verdict.word())
        } else {
            "not judged".to_owned()
        };
        let [harm, allowed] = [metric.harm, metric.threshold].map(|number| number.map_or_else(nothing, told));
        let (called, n) = (verdict::called(metric.metric).to_lowercase(), words::count(metric.n));
        let _ = writeln!(text, "| {verdict} | {called} | {harm} | {} | {allowed} | {n} |", verdict::interval(metric));
    }
    text
}

fn segments(segments: &[SegmentTold]) -> String {
    let mut text =
        "| segment | in what | harm seen | in all | surely between | requests | |\n|---|---|---:|---:|---:|---:|---|\n"
            .to_owned();
    for segment in segments {
        let SegmentTold { metric, harm, overall, interval, n, .. } = segment;
        let name = code(&format!("{}: {}", segment.dimension, segment.part));
        let [harm, overall] = [*harm, *overall].map(words::share);
        let surely = if segment.is_worse { "✗ surely worse" } else { "not sure" };
        let called = verdict::called(*metric).to_lowercase();
        let interval = verdict::between(*interval, words::share);
        let _ =
            writeln!(text, "| {name} | {called} | {harm} | {overall} | {interval} | {} | {surely} |", words::count(*n));
    }
    text
}

fn answers(report: &Report, matrix: &MatrixTold) -> String {
    if matrix.labels.len() > LABELS_MAX {
        let mut text = "| reference said | canary said | requests |\n|---|---|---:|\n".to_owned();
        for (reference, canary, count) in disagreements(matrix).into_iter().take(LABELS_MAX) {
            let _ = writeln!(text, "| {} | {} | {} |", code(reference), code(canary), words::count(count));
        }
        return text;
    }
    let labels: Vec<String> = matrix.labels.iter().map(|label| code(label)).collect();
    let rule = "---:|".repeat(labels.len());
    let (reference, canary) = (code(&report.reference), code(&report.canary));
    let mut text = format!("{reference} in rows, {canary} in columns\n\n| | {} |\n|---|{rule}\n", labels.join(" | "));
    for (label, counts) in labels.iter().zip(&matrix.counts) {
        let counts: Vec<String> = counts.iter().map(|count| words::count(*count)).collect();
        let _ = writeln!(text, "| {label} | {} |", counts.join(" | "));
    }
    text
}

fn alike(lists: &ListsTold) -> String {
    let mut text = format!(
        "{} pairs of lists\n\n| lists | | seen | surely between |\n|---|---|---:|---:|\n",
        words::count(lists.n)
    );
    for measure in measures(lists) {
        let Measure { called, note, seen, surely, .. } = measure;
        let _ = writeln!(text, "| {} | {note} | {seen} | {surely} |", called.to_lowercase());
    }
    if let Some(repeats) = repeats(lists) {
        let _ = writeln!(text, "\n{repeats}");
    }
    text
}

fn latency(report: &Report) -> String {
    let mut text = "| of the answers within | reference | canary |\n|---|---:|---:|\n".to_owned();
    for share in [0.5, 0.9, 0.99, 0.999] {
        let of = |curve| {
            let one = verdict::quantile(curve, share);
            let value = one.and_then(|one| one.value).map_or_else(nothing, words::micros);
            let surely = one.map_or_else(Interval::default, |one| one.interval);
            format!("{value} ({})", verdict::between(surely, words::micros))
        };
        let (reference, canary) = (of(&report.latency.reference), of(&report.latency.canary));
        let _ = writeln!(text, "| {} | {reference} | {canary} |", words::share(share));
    }
    text
}

fn requests(report: &Report) -> String {
    let mut text = String::new();
    let mut told: Vec<(String, &[String])> = Vec::new();
    for metric in report.metrics.iter().filter(|metric| !metric.examples.is_empty()) {
        let called = verdict::called(metric.metric).to_lowercase();
        match told.iter_mut().find(|(_, ids)| *ids == metric.examples) {
            Some((others, _)) => {
                others.push_str(", ");
                others.push_str(&called);
            }
            None => told.push((called, &metric.examples)),
        }
    }
    for (called, ids) in told {
        let ids: Vec<String> = ids.iter().map(|id| code(id)).collect();
        let _ = writeln!(text, "- {called}: {}", ids.join(", "));
    }
    if !text.is_empty() {
        let command = code(&format!("hedgerow explain ID --rendezvous {}", report.rendezvous));
        let _ = writeln!(text, "\nWhat became of one is told by {command}.");
    }
    text
}

/// Markdown inside of it is Markdown only after an empty line.
fn folded(summary: &str, inside: &str) -> String {
    format!("\n<details><summary>{summary}</summary>\n\n{inside}\n</details>\n")
}

fn nothing() -> String {
    words::NOTHING.to_owned()
}

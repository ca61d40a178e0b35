//! Who did what: how long each executor's answers take, what became of them, what its work was for.

use maud::{Markup, html};
use measures::{Overview, Runner};

use crate::{
    charts::{About, Lines, Scale, Series, Stroke, durations, lines, sample, whisker},
    console::{
        parts::{brief, scrolling, tally, time},
        paths,
    },
    prose::cut,
    words,
};

/// So many curves are still told apart; the table has all.
const CURVES_MAX: usize = 5;
const HEIGHT: f64 = 280.0;
const SHARES: [(f64, &str); 4] = [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")];
/// Canaries have a colour of their own; candidates take turns.
const LOOKS: [(&str, Stroke); 5] = [
    ("line-1", Stroke::Plain),
    ("line-3", Stroke::Dashed),
    ("line-4", Stroke::Mixed),
    ("line-1", Stroke::Dotted),
    ("line-3", Stroke::Thin),
];
const CANARY: [Stroke; 3] = [Stroke::Dashed, Stroke::Dotted, Stroke::Mixed];

pub(super) fn inside(overview: &Overview) -> Markup {
    let all = &overview.executors;
    if all.is_empty() {
        return html! { p { "The live version asks nobody." } };
    }
    html! {
        @if overview.results > 0 { (curves(all)) }
        (scrolling("Who did what", &table(overview)))
        details {
            summary { "What the columns mean" }
            div.inside { (glossary()) }
        }
    }
}

// === curves ===

/// Draws the slowest few: of fifty curves one would see none.
fn curves(all: &[Runner]) -> Markup {
    let mut slowest: Vec<&Runner> = all.iter().filter(|runner| runner.curve.len() > 1).collect();
    let answered = slowest.len();
    slowest.sort_by(|one, other| other.latency.p99_us.cmp(&one.latency.p99_us).then_with(|| one.name.cmp(&other.name)));
    slowest.truncate(CURVES_MAX);
    if slowest.is_empty() {
        return html! { p { "Nobody has answered anything." } };
    }
    let names: Vec<String> = slowest.iter().map(|runner| cut(&runner.name)).collect();
    let looks = looks(&slowest);
    let series = slowest.iter().zip(&names).zip(&looks).map(|((runner, name), (class, stroke))| Series {
        name,
        class,
        stroke: *stroke,
        parts: vec![runner.curve.iter().map(|(share, micros)| (*share, words::exact(*micros))).collect()],
    });
    let (y, y_ticks) =
        durations(slowest.iter().flat_map(|runner| runner.curve.iter().map(|(_, micros)| words::exact(*micros))));
    let shares: Vec<_> = SHARES.iter().map(|(share, text)| (*share, (*text).to_owned())).collect();
    let told: Vec<String> =
        slowest.iter().map(|runner| format!("{}: p99 {}", cut(&runner.name), time(runner.latency.p99_us))).collect();
    let drawn = Lines {
        series: series.collect(),
        x: Scale::nines((0.01, 0.999), (0.0, 1.0)),
        x_ticks: [shares.clone(), shares],
        x_title: "of the answers",
        y,
        y_ticks,
        y_title: "are there within",
        levels: Vec::new(),
        told: at_shares(&slowest),
        height: HEIGHT,
    };
    html! {
        div.split {
            (lines(&About { id: "executor-curves", title: "How long answers take", told: told.join("; ") }, &drawn))
            div {
                p.how {
                    b { "How to read it: " }
                    "a curve says within which time (upwards) which share of the answers is there (to the right); the lower one is the faster model. "
                    @if answered > CURVES_MAX { "Drawn are the " (CURVES_MAX) " with the slowest hundredth of " (answered) " that answered; the table has all." }
                }
                ul.legend.rows {
                    @for ((runner, name), (class, stroke)) in slowest.iter().zip(&names).zip(&looks) {
                        li { (sample(class, *stroke)) (name) @if runner.canary { " (canary)" } span.soft { " p99 " (time(runner.latency.p99_us)) } }
                    }
                }
            }
        }
    }
}

fn looks(slowest: &[&Runner]) -> Vec<(&'static str, Stroke)> {
    let (mut candidates, mut canaries) = (LOOKS.iter().cycle(), CANARY.iter().cycle());
    let look = |runner: &&Runner| {
        if runner.canary {
            ("line-2", canaries.next().copied().unwrap_or(Stroke::Dashed))
        } else {
            candidates.next().copied().unwrap_or(LOOKS[0])
        }
    };
    slowest.iter().map(look).collect()
}

fn at_shares(slowest: &[&Runner]) -> Vec<(f64, String)> {
    let shares = slowest
        .iter()
        .max_by_key(|runner| runner.curve.len())
        .map(|runner| runner.curve.iter().map(|(share, _)| *share));
    let at = |share: f64| {
        let of = |runner: &&Runner| {
            let micros = runner.curve.iter().find(|(is, _)| (is - share).abs() < 1e-9)?.1;
            Some(format!("{} {}", cut(&runner.name), words::micros(words::exact(micros))))
        };
        let all: Vec<String> = slowest.iter().filter_map(of).collect();
        (share, format!("{} of the answers within: {}", words::share(share), all.join(", ")))
    };
    shares.into_iter().flatten().map(at).collect()
}

// === all of them ===

fn table(overview: &Overview) -> Markup {
    let all = &overview.executors;
    let ends =
        all.iter().flat_map(|runner| [runner.latency.p50_us, runner.latency.p999_us]).flatten().map(words::exact);
    let (scale, _) = durations(ends);
    html! {
        table.executors {
            thead {
                tr {
                    th { "Executor" } th { "Latency" }
                    th.number { "p50" } th.number { "p99" } th.number { "p99.9" }
                    th.number { "Won" } th.number { "Late" } th.number { "Failed" } th.number { "Expired" } th.number { "Overl." }
                    th.number { "Wasted" } th.number { "Abst." } th.number { "Spared" } th.number { "Not asked" } th.number { "Pending" }
                    th.number { "Work p99" }
                }
            }
            tbody { @for runner in all { (row(overview, runner, scale)) } }
        }
    }
}

fn row(overview: &Overview, runner: &Runner, scale: Scale) -> Markup {
    let latency = &runner.latency;
    let class = if runner.canary { "line-2" } else { "line-1" };
    let spread = latency.p50_us.zip(latency.p99_us).zip(latency.p999_us);
    html! {
        tr {
            th scope="row" {
                @if runner.canary { a href=(paths::canary(&overview.rendezvous, &runner.name)) { (cut(&runner.name)) } } @else { (cut(&runner.name)) }
                small { (about(runner)) }
                @if runner.breaker_open { small.worse { "▲ breaker open: not waited for" } }
            }
            td { @if let Some(((half, most), nearly_all)) = spread { (whisker(scale, [half, most, nearly_all].map(words::exact), class)) } }
            @for value in [latency.p50_us, latency.p99_us, latency.p999_us] { td.number { (time(value)) } }
            td.number { (tally(runner.useful)) small { "of " (brief(runner.heard)) } }
            td.number { (tally(runner.late)) }
            @for count in [runner.failed, runner.expired, runner.overloaded] { td.number { (trouble(count)) } }
            td.number { (work(runner)) }
            @for count in [runner.abstained, runner.spared, runner.struck, runner.pending] { td.number { (tally(count)) } }
            td.number { (time(runner.computed.p99_us)) small { "waited " (time(runner.queued.p99_us)) } }
        }
    }
}

/// Returns what is bad in bold.
fn trouble(count: u64) -> Markup {
    html! { @if count == 0 { span.soft { "0" } } @else { b { (brief(count)) } } }
}

fn about(runner: &Runner) -> String {
    let mut parts = Vec::new();
    if runner.canary {
        parts.push("canary: only compared".to_owned());
    }
    if !runner.live {
        parts.push("not asked by the live version".to_owned());
    }
    if !runner.models.is_empty() {
        parts.push(runner.models.iter().map(|model| cut(model)).collect::<Vec<_>>().join(", "));
    }
    if runner.heard + runner.late == 0 {
        parts.push("has not answered".to_owned());
    }
    parts.join(" · ")
}

/// Returns what no result was made of, and of how much; a canary's work is in books of its own.
fn work(runner: &Runner) -> Markup {
    let all = runner.useful_us + runner.wasted_us;
    html! {
        @if runner.canary {
            (words::work(runner.compared_us)) small { "to compare" }
        } @else {
            (words::work(runner.wasted_us))
            @if all > 0 { small { (words::share(words::exact(runner.wasted_us) / words::exact(all))) } }
        }
    }
}

fn glossary() -> Markup {
    let all = [
        (
            "Latency",
            "from the request’s birth to the answer in the log, late ones too: the dot is the median, the thick line ends at p99, the thin one at p99.9; all rows share one scale",
        ),
        ("Won", "answers that a result was made of, of those that came before the verdict"),
        ("Late", "answers that came after it: counted and compared, never chosen"),
        ("Failed", "the model or its server failed"),
        ("Expired", "its queue was so long that no time was left: dropped before any work"),
        ("Overl.", "overloaded: its queue had no room"),
        ("Wasted", "work that no result was made of, and its share of all its work"),
        ("Abst.", "abstained: an answer that could not be chosen, or that it chose not to give"),
        ("Spared", "the verdict came before it might start"),
        ("Not asked", "its breaker was open: nobody waited for it"),
        ("Pending", "the verdict came before anything was heard of it"),
        ("Work p99", "of its latency the model’s own work, and how long it waited in its queue"),
    ];
    html! { dl.words { @for (word, told) in all { div { dt { (word) } dd { (told) } } } } }
}

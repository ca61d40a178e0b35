//! Every model that is asked here, published or part of a policy: which version serves, how often and how long it was
//! called, and what failed.

use maud::{Markup, html};
use models::{ModelStats, Numbers, RunBy, VersionStats};

use super::{
    Page,
    parts::{brief, scrolling, tally, time, windows},
    paths,
};
use crate::{outside::cleaned, words};

/// Returns the page of all models; numbers are counted over `window_us`.
#[must_use]
pub fn models(all: &[ModelStats], window_us: u64) -> Page {
    let all: Vec<ModelStats> = all.iter().map(cleaned).collect();
    let inside = html! {
        p.over { "Published, or part of a policy" }
        h1 { "Models" }
        (windows(paths::MODELS, window_us))
        @if all.is_empty() {
            section {
                h2 { "No model is asked yet" }
                p { "A policy brings its own, and " code { "hedgerow models publish forest --onnx forest.onnx --version 1" } " makes one for every policy that says " code { "{ model: forest }" } "." }
            }
        }
        @for (place, model) in all.iter().enumerate() { (one(model, place)) }
    };
    Page::new("Models", &inside)
}

fn one(model: &ModelStats, place: usize) -> Markup {
    let id = format!("model-{place}");
    html! {
        section #(id) aria-labelledby={ (id) "-heading" } {
            h2 id={ (id) "-heading" } { (model.name) }
            p.soft { (standing(model)) }
            p.soft.small { "Run by " (run_by(&model.run_by)) "." }
            @if model.versions.is_empty() {
                p { "Nothing was asked of it in the last " (words::window(model.window_us)) "." }
            } @else {
                (scrolling(&format!("What the versions of {} did", model.name), &table(model)))
            }
        }
    }
}

fn standing(model: &ModelStats) -> Markup {
    html! {
        @match &model.current {
            Some(current) => {
                "Version " b { (current) }
                @match (&model.since, model.published) {
                    (Some(since), true) => { " is live since " (instant(since)) },
                    (Some(since), false) => { ", part of a policy, was first used " (instant(since)) },
                    (None, _) => { ", part of a policy" },
                }
            },
            None if model.published => { "No version is live" },
            None => { "Part of a policy" },
        }
        @if let Some(previous) = &model.previous { "; before it was " b { (previous) } }
        "."
    }
}

fn run_by(all: &[RunBy]) -> Markup {
    html! {
        @if all.is_empty() { "nobody" }
        @for (place, run) in all.iter().enumerate() {
            @if place > 0 { ", " }
            a href=(paths::rendezvous(&run.rendezvous)) { (run.rendezvous) } "/" (run.executor)
            @if run.canary { " (canary)" } @else if !run.live { " (gone)" }
        }
    }
}

fn table(model: &ModelStats) -> Markup {
    html! {
        table.stack {
            thead {
                tr {
                    th { "Version" }
                    th.number { "Requests" }
                    th.number { "Failed" }
                    th.number { "Refused" }
                    th.number { "Calls" }
                    th.number { "Batch" }
                    th.number { "p50" }
                    th.number { "p90" }
                    th.number { "p99" }
                    th.number { "p99.9" }
                    th.number { "Min" }
                    th.number { "Max" }
                }
            }
            tbody { @for version in &model.versions { (row(version)) } }
        }
    }
}

fn row(version: &VersionStats) -> Markup {
    let Numbers { calls, requests, failed, expired, overloaded, duration, batches, .. } = &version.numbers;
    html! {
        tr {
            th scope="row" {
                (version.version)
                @if let Some(last) = &version.last_used { small { "last used " (instant(last)) } }
            }
            td.number data-label="Requests" { (tally(*requests)) }
            td.number data-label="Failed" { (tally(*failed)) }
            td.number data-label="Refused" { (tally(expired + overloaded)) }
            td.number data-label="Calls" { @match calls { Some(calls) => (brief(*calls)), None => (words::NOTHING) } }
            td.number data-label="Batch" {
                @match batches {
                    Some(batches) => { (words::decimal(batches.mean, 1)) small { "at most " (batches.max) } },
                    None => (words::NOTHING),
                }
            }
            td.number data-label="p50" { (time(duration.p50_us)) }
            td.number data-label="p90" { (time(duration.p90_us)) }
            td.number data-label="p99" { (time(duration.p99_us)) }
            td.number data-label="p99.9" { (time(duration.p999_us)) }
            td.number data-label="Min" { (time(duration.min_us)) }
            td.number data-label="Max" { (time(duration.max_us)) }
        }
    }
}

fn instant(rfc3339: &str) -> String {
    rfc3339.replace('T', " ").replace('Z', " UTC")
}

//! One request: its receipt as a picture, why this answer and no other, and what more time would have changed.
//!
//! Law: every sentence about it is the explanation's own, so the page says what `hedgerow explain` says.

mod picture;
mod search;

use maud::{Markup, html};
use models::Lineage;
use policies::{ExecutorTold, Explanation, VerdictTold};
use serde_json::Value;

use super::{
    Page, paths,
    telling::{coded, sentence},
};
use crate::{
    prose::{cut_to, plain},
    words,
};

pub use search::{SearchFields, Searched, request_search};

/// So much of an answer is shown; the whole is in the JSON.
const ANSWER: usize = 1_200;

/// Returns the page of a request; `models` tells where the published ones among those come from that answered, `trace` is
/// where its trace can be looked at, if somebody keeps it.
#[must_use]
pub fn request(explanation: &Explanation, models: &[Lineage], trace: Option<&str>) -> Page {
    let id = plain(&explanation.id);
    let main = html! {
        p.over { "Request · rendezvous " (plain(&explanation.rendezvous)) }
        (hero(explanation))
        (facts(explanation, trace))
        section #timeline { h2 { "What happened when" } (picture::inside(explanation)) }
        section #why { h2 { "Why this answer" } (clauses(explanation)) }
        section #said { h2 { "What each said" } (said(explanation)) }
        @if !models.is_empty() { section #models { h2 { "Where the models come from" } (lineage(models)) } }
        section #more-time { h2 { "What more time would have changed" } (with_more(explanation)) }
        (search::again(&explanation.rendezvous))
    };
    Page::new(&format!("Request {id}"), &main)
}

fn hero(explanation: &Explanation) -> Markup {
    let (class, badge) = match &explanation.verdict {
        Some(verdict) => kind(verdict),
        None => ("open", "No result yet"),
    };
    html! {
        header class={ "hero " (class) } {
            span class={ "badge " (class) } { (badge) }
            h1 {
                @match &explanation.verdict {
                    Some(verdict) => code.answer { (json(&verdict.answer)) },
                    None => { "It is not decided, or its result is not in the log." },
                }
            }
            @if let Some(verdict) = &explanation.verdict {
                p { "After " (words::micros(words::exact(verdict.elapsed_us))) ", " (coded(&verdict.source())) "." }
                p.soft { (coded(&verdict.why())) "." }
            }
            p.soft.small { "Request " code { (plain(&explanation.id)) } }
        }
    }
}

fn kind(verdict: &VerdictTold) -> (&'static str, &'static str) {
    match verdict.kind {
        "prediction" => ("no-worse", "Prediction"),
        "default" => ("apart", "Default, no prediction"),
        _ => ("worse", "Error, no prediction"),
    }
}

fn facts(explanation: &Explanation, trace: Option<&str>) -> Markup {
    let born = explanation.born.as_ref().map(|born| born.replace('T', " ").replace('Z', " UTC"));
    let version = explanation.policy.rsplit_once('@').and_then(|(_, version)| version.parse().ok());
    html! {
        dl.facts {
            (fact("Taken in", &html! { @match born { Some(born) => (born), None => { "unknown" small { "the request is no longer in the log" } } } }))
            (fact("Budget", &html! { (words::micros(words::exact(explanation.budget_us))) }))
            (fact("Decided by", &html! {
                @match version {
                    Some(version) => a href=(paths::version(&explanation.rendezvous, version, None)) { (plain(&explanation.policy)) },
                    None => (plain(&explanation.policy)),
                }
                @if let Some(case) = &explanation.case { small { "case " (plain(case)) } }
            }))
            @if let Some(key) = &explanation.key { (fact("About", &html! { (cut_to(&plain(key), 120)) })) }
            @if !explanation.attributes.is_empty() {
                (fact("The caller said", &html! {
                    @for (name, value) in &explanation.attributes { (plain(name)) "=" (cut_to(&plain(value), 120)) " " }
                }))
            }
            @if let Some(id) = &explanation.trace_id {
                (fact("Trace", &html! {
                    @match trace {
                        Some(trace) => a href=(trace) rel="noreferrer" { code { (id) } },
                        None => code { (id) },
                    }
                }))
            }
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn clauses(explanation: &Explanation) -> Markup {
    html! {
        @if explanation.clauses.is_empty() {
            p { "Which clauses were tried is not known." }
        } @else {
            p.how { b { "How to read it: " } "clauses are tried in this order, each until its time; the first that is satisfied decides." }
            div.scroll role="region" tabindex="0" aria-label="Clauses" {
                table.stack {
                    thead { tr { th { "Clause" } th.number { "Until" } th { "What came of it" } } }
                    tbody {
                        @for (place, clause) in explanation.clauses.iter().enumerate() {
                            tr.decided[clause.outcome == "decided"] {
                                th scope="row" { (place + 1) " " code { (clause.kind.as_str()) } }
                                td.number data-label="Until" {
                                    (words::micros(words::exact(clause.until_us)))
                                    @if let Some(extra) = clause.extra_until_us {
                                        small { "its extra wait ended at " (words::micros(words::exact(extra))) }
                                    }
                                }
                                td data-label="What came of it" { (coded(&clause.told())) }
                            }
                        }
                    }
                }
            }
        }
        p.soft { (coded(&sentence(&explanation.replayed()))) }
    }
}

fn said(explanation: &Explanation) -> Markup {
    let verdict = explanation.verdict.as_ref().map(|verdict| verdict.elapsed_us);
    html! {
        @if explanation.executors.is_empty() {
            p { "Who was asked is no longer in the log." }
        } @else {
            div.scroll role="region" tabindex="0" aria-label="What each executor said" {
                table.stack {
                    thead {
                        tr { th { "Executor" } th { "Came to stand as" } th.number { "After" } th.number { "Waited" } th.number { "Worked" } th { "Said" } th { "Beside the answer given" } }
                    }
                    tbody { @for executor in &explanation.executors { (executor_row(executor, verdict)) } }
                }
            }
        }
    }
}

fn executor_row(executor: &ExecutorTold, verdict: Option<u64>) -> Markup {
    let time =
        |micros: Option<u64>| micros.map_or_else(|| words::NOTHING.to_owned(), |us| words::micros(words::exact(us)));
    html! {
        tr {
            th scope="row" { (plain(&executor.executor)) @if let Some(model) = &executor.model { small { (plain(model)) } } }
            td data-label="Came to stand as" { (executor.standing(verdict)) }
            td.number data-label="After" { (time(executor.after_us)) }
            td.number data-label="Waited" { (time(executor.queued_us)) }
            td.number data-label="Worked" { (time(executor.scored_us)) }
            td.said data-label="Said" {
                @match executor.says() {
                    Some(said) => code { (cut_to(&plain(&said), ANSWER)) },
                    None => (words::NOTHING),
                }
            }
            td data-label="Beside the answer given" { (if executor.remark().is_empty() { words::NOTHING } else { executor.remark() }) }
        }
    }
}

fn lineage(models: &[Lineage]) -> Markup {
    html! {
        @for model in models {
            h3 { (plain(&model.model)) }
            dl.facts {
                (fact("Published", &html! { (plain(&model.published.replace('T', " ").replace('Z', " UTC"))) small { "by " (plain(&model.author)) } }))
                @if !model.message.is_empty() { (fact("Why", &html! { (cut_to(&plain(&model.message), 240)) })) }
                (fact("Trained on", &html! { @match &model.trained_on { Some(data) => (cut_to(&plain(data), 240)), None => { "not said" } } }))
                (fact("Quality", &html! {
                    @if model.metrics.is_empty() { "not said" }
                    @for (place, (name, value)) in model.metrics.iter().enumerate() { @if place > 0 { ", " } (plain(name)) " " (plain(value)) }
                }))
                (fact("Its bytes", &html! {
                    @match &model.source { Some(source) => (cut_to(&plain(source), 240)), None => { "in the log" } }
                    small { "SHA-256 " code { (model.sha256.get(..12).unwrap_or(&model.sha256)) "…" } }
                }))
            }
        }
    }
}

fn with_more(explanation: &Explanation) -> Markup {
    html! {
        @match &explanation.with_more {
            Some(more) => {
                p { (coded(&sentence(&more.outcome()))) }
                p { (coded(&sentence(&more.least()))) }
                p.soft.small { "Answers that nobody computed are not known: whoever gave up stays silent in this." }
            },
            None => p { "That cannot be known: " (coded(explanation.replay.why.as_deref().unwrap_or("it was refused and never evaluated"))) "." },
        }
    }
}

/// Returns an answer on one line, cut where nobody would read on.
fn json(answer: &Value) -> String {
    cut_to(&plain(&answer.to_string()), ANSWER)
}

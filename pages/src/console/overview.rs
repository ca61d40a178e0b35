//! How every rendezvous does, the worst first.

use maud::{Markup, html};
use measures::Overview;

use super::{
    Page, decided,
    over_time::{Depth, latency},
    parts::{fact, percentiles, rate, windows},
    paths,
    state::{self, Standing},
};
use crate::{charts::bar, outside::cleaned, prose::Prose, words};

/// From so many on, a list of all stands above them.
const MANY: usize = 4;

/// Returns the first page: every rendezvous, the worst first.
#[must_use]
pub fn overview(all: &[Overview]) -> Page {
    let all: Vec<Overview> = all.iter().map(cleaned).collect();
    let mut all: Vec<&Overview> = all.iter().collect();
    all.sort_by(|one, other| state::order(one, other));
    let bad = all.iter().filter(|overview| Standing::of(overview).is_bad()).count();
    let title = if bad > 0 { format!("{bad} to look at · Overview") } else { "Overview".to_owned() };
    let worst = all.first().map_or(Standing::Quiet, |worst| Standing::of(worst));
    Page::new(
        &title,
        &html! {
            header class={ "hero " (worst.class()) } {
                h1 { (headline(&all, bad)) }
                @if let (Some(first), true) = (all.first(), bad > 0) { p { (state::sentence(first)) } }
            }
            @if let Some(first) = all.first() { (windows(paths::OVERVIEW, first.window_us)) } @else { (nothing()) }
            @if all.len() >= MANY { (contents(&all)) }
            @for one in &all { (card(one)) }
        },
    )
}

fn headline(all: &[&Overview], bad: usize) -> Prose {
    let quiet = all.iter().filter(|overview| Standing::of(overview) == Standing::Quiet).count();
    match (all, bad) {
        ([], _) => Prose::text("No rendezvous is there yet."),
        ([one], 0) => state::sentence(one),
        ([one], _) => Prose::name(&one.rendezvous).and(" needs somebody’s eyes."),
        (all, 0) if quiet == all.len() => {
            Prose::text(format!("None of {} rendezvous gave any results yet.", all.len()))
        }
        (all, 0) => Prose::text(format!("All {} rendezvous keep what they promise.", all.len())),
        (all, 1) => Prose::text(format!("One of {} rendezvous needs somebody’s eyes.", all.len())),
        (all, bad) => Prose::text(format!("{bad} of {} rendezvous need somebody’s eyes.", all.len())),
    }
}

/// Returns what to do where there is nothing.
fn nothing() -> Markup {
    html! {
        section {
            h2 { "What to do" }
            p { "A rendezvous is one policy file. Apply one to these brokers, and it is here a moment later:" }
            pre { "hedgerow apply policies/wine.yaml --brokers HOST:PORT" }
            p { "Or start everything in one process, without a broker, with a policy and models that come along:" }
            pre { "hedgerow up policies/wine.yaml" }
        }
    }
}

fn contents(all: &[&Overview]) -> Markup {
    html! {
        nav.contents aria-label="Every rendezvous" {
            ul {
                @for one in all {
                    @let standing = Standing::of(one);
                    li { a href={ "#" (id(one)) } { (one.rendezvous) } " " span class={ "small " (standing.class()) } { (standing.word()) } }
                }
            }
        }
    }
}

/// Returns what a card is called: by its name, so that it is the same one where it stands somewhere else a moment later.
fn id(one: &Overview) -> String {
    format!("of-{}", paths::part(&one.rendezvous))
}

fn card(one: &Overview) -> Markup {
    let (standing, id) = (Standing::of(one), id(one));
    html! {
        section.card #(id) aria-labelledby={ (id) "-name" } {
            div.head {
                h2 id={ (id) "-name" } { a href=(paths::rendezvous(&one.rendezvous)) { (one.rendezvous) } }
                (standing.badge())
                p.soft.small { "version " a href=(paths::policy(&one.rendezvous)) { (one.version) } }
            }
            @if one.results == 0 { (quiet(one)) } @else {
                div.split {
                    (latency(one, &format!("{id}-latency"), Depth::Glance))
                    div {
                        (facts(one))
                        (decided::picture(one, &format!("{id}-decided")))
                        (decided::list(one))
                    }
                }
            }
        }
    }
}

fn facts(one: &Overview) -> Markup {
    let over = words::window(one.window_us);
    html! {
        dl.facts {
            (fact("Results a second", &html! { (rate(one.rate)) }, &html! { (words::count(one.results)) " in the last " (over) }))
            @if let Some(promise) = state::worst(one) {
                @let attained = promise.attained.map_or_else(|| words::NOTHING.to_owned(), words::nearly_all);
                (fact("Attained", &html! { (attained) }, &html! { "of " (state::promised(promise)) }))
                (fact("Error budget", &html! { (state::left(promise)) }, &budget(one)))
            }
            (fact("Degraded", &html! { (one.degraded_share.map_or_else(|| words::NOTHING.to_owned(), words::share)) }, &html! { "defaults, last known, errors" }))
            (fact("From request to result", &percentiles(&one.latency), &html! {}))
        }
    }
}

fn budget(one: &Overview) -> Markup {
    let Some(promise) = state::worst(one) else { return html! {} };
    let class = if Standing::of(one).is_bad() { "s-worse bar" } else { "s-better bar" };
    let others = one.objectives.len() - 1;
    html! {
        (bar(promise.budget_left.unwrap_or_default().clamp(0.0, 1.0), class))
        @if others == 1 { "one other objective stands better" } @else if others > 1 { (others) " other objectives stand better" }
    }
}

fn quiet(one: &Overview) -> Markup {
    html! {
        p { "No results in the last " (words::window(one.window_us)) ". Ask it something, or " a href=(paths::playground(&one.rendezvous)) { "try it in the playground" } ":" }
        pre { "curl -s localhost:8080/v2/models/" (one.rendezvous) "/infer -d '{ … }'" }
        p.soft.small { "with the fields that its policy’s " code { "input:" } " names, at the address of " code { "--listen" } "." }
    }
}

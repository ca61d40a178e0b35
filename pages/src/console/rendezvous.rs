//! How one rendezvous does, and why: what it promises, how long it takes, what decides, where time goes, who did what.

mod blame;
mod executors;
mod lag;
mod objectives;
mod value_of_time;

use alarms::Lags;
use maud::{Markup, html};
use measures::Overview;
use policies::TimeCurveReport;

use super::{
    Page, decided,
    over_time::{self, Depth},
    parts::{fact, percentiles, rate, scrolling, windows},
    paths,
    state::{self, Standing},
};
use crate::{outside::cleaned, words};

/// Returns the page of one rendezvous; `time` is what more or less time would have been worth, once that is known.
#[must_use]
pub fn rendezvous(overview: &Overview, lags: &Lags, time: Option<&TimeCurveReport>) -> Page {
    let (overview, lags) = (&cleaned(overview), &cleaned(lags));
    let standing = Standing::of(overview);
    let title = if standing.is_bad() {
        format!("{}: {}", standing.word(), overview.rendezvous)
    } else {
        overview.rendezvous.clone()
    };
    let inside = html! {
        (hero(overview, standing))
        (windows(&paths::rendezvous(&overview.rendezvous), overview.window_us))
        (section("objectives", "What is promised", &objectives::inside(overview)))
        @if overview.results == 0 { (quiet(overview)) } @else {
            div.pair {
                (section("latency", "How long results take", &over_time::latency(overview, "latency-course", Depth::Full)))
                (section("rate", "How many there are", &over_time::rate(overview, "rate-course")))
            }
            div.pair {
                (section("decided", "What decided", &html! { (decided::picture(overview, "decided-shares")) (scrolling("What decided", &decided::table(overview))) }))
                (section("blame", "Where time goes", &blame::inside(overview)))
            }
        }
        (section("executors", "Who did what", &executors::inside(overview)))
        div.pair {
            (section("time", "What time is worth", &value_of_time::inside(overview, time)))
            (section("lag", "Who is behind", &lag::inside(lags)))
        }
    };
    Page::new(&title, &inside)
}

fn section(id: &str, heading: &str, inside: &Markup) -> Markup {
    html! {
        section #(id) aria-labelledby={ (id) "-heading" } {
            h2 id={ (id) "-heading" } { (heading) }
            (inside)
        }
    }
}

fn hero(overview: &Overview, standing: Standing) -> Markup {
    let over = words::window(overview.window_us);
    html! {
        header class={ "hero " (standing.class()) } {
            (standing.badge())
            h1 { (state::sentence(overview)) }
            dl.facts {
                (fact("Results a second", &html! { (rate(overview.rate)) }, &html! { (words::count(overview.results)) " in the last " (over) }))
                (fact("From request to result", &percentiles(&overview.latency), &html! {}))
                (fact("Degraded", &html! { (overview.degraded_share.map_or_else(|| words::NOTHING.to_owned(), words::share)) }, &html! { (words::count(overview.degraded)) " in all: defaults, last known answers, errors" }))
                (fact("Misses", &html! { (words::count(overview.misses)) }, &html! { "degraded, or later than their budget" }))
                (fact("Live version", &html! { a href=(paths::policy(&overview.rendezvous)) { (overview.version) } }, &html! { "as of " (words::instant(overview.at_us)) }))
            }
        }
    }
}

fn quiet(overview: &Overview) -> Markup {
    html! {
        section {
            h2 { "Nothing was asked" }
            p { "There were no results in the last " (words::window(overview.window_us)) ". Ask something, or " a href=(paths::playground(&overview.rendezvous)) { "try it in the playground" } ":" }
            pre { "curl -s localhost:8080/v2/models/" (overview.rendezvous) "/infer -d '{ … }'" }
            p.soft.small { "with the fields that its policy’s " code { "input:" } " names, at the address of " code { "--listen" } "." }
        }
    }
}

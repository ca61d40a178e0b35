//! What is promised, how much of it is kept, and how fast budgets burn.

use maud::{Markup, html};
use measures::{Overview, Promise, Rate};

use crate::{
    charts::bar,
    console::{parts::scrolling, state},
    words,
};

pub(super) fn inside(overview: &Overview) -> Markup {
    if overview.objectives.is_empty() {
        return html! {
            p { "Nothing. With these lines in the policy file it would have an error budget, and tell when that burns too fast:" }
            pre { "objectives: [{ within: 50ms, share: 99.9%, window: 30d }]" }
        };
    }
    html! { @for promise in &overview.objectives { (one(promise)) } }
}

fn one(promise: &Promise) -> Markup {
    html! {
        div.objective {
            h3 { (state::promised(promise)) }
            p.soft.small {
                @if promise.degraded_is_good { "A degraded result is good too if it comes in time." } @else { "A degraded result is bad however soon it comes." }
            }
            div.split {
                dl.facts {
                    (super::fact("Attained", &html! { (promise.attained.map_or_else(|| words::NOTHING.to_owned(), words::nearly_all)) }, &html! { (words::count(promise.good)) " of " (words::count(promise.results)) " were good" }))
                    (super::fact("Error budget", &html! { (state::left(promise)) }, &meter(promise)))
                }
                @if promise.burns.is_empty() {
                    p.soft.small { "Its window is too short for alerts on how fast it burns." }
                } @else { (scrolling("How fast the budget burns", &burns(promise))) }
            }
        }
    }
}

fn meter(promise: &Promise) -> Markup {
    let class = if state::is_spent(promise) || promise.alert.is_some() { "s-worse bar" } else { "s-better bar" };
    bar(promise.budget_left.unwrap_or_default().clamp(0.0, 1.0), class)
}

fn burns(promise: &Promise) -> Markup {
    let rate =
        |rate: Option<f64>| rate.map_or_else(|| words::NOTHING.to_owned(), |rate| format!("{}×", words::short(rate)));
    let over = |seconds: u64| words::window(seconds * 1_000_000);
    html! {
        table.burns {
            thead { tr { th { "Alert" } th.number { "Fires from" } th.number { "Over the long" } th.number { "Over the short" } th { "Now" } } }
            tbody {
                @for burn in &promise.burns {
                    tr {
                        th scope="row" { (burn.alert.as_str()) }
                        td.number { (words::short(burn.threshold)) "×" }
                        td.number { (rate(burn.over_long)) small { "in " (over(burn.long_s)) } }
                        td.number { (rate(burn.over_short)) small { "in " (over(burn.short_s)) } }
                        td { (now(burn)) }
                    }
                }
            }
        }
    }
}

fn now(burn: &Rate) -> Markup {
    html! {
        @if burn.fires { b.worse { "▲ fires" } }
        @else if burn.over_long.is_none() { span.soft { "… nothing yet" } }
        @else { span.soft { "✓ quiet" } }
    }
}

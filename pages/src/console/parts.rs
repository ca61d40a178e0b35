//! What several pages of the console are made of.

use maud::{Markup, html};
use measures::Latency;

use super::paths;
use crate::words;

/// Returns a fact among others.
pub(super) fn fact(called: &str, value: &Markup, beside: &Markup) -> Markup {
    html! { div { dt { (called) } dd { (value) small { (beside) } } } }
}

/// Over how long numbers can be counted, in seconds.
const WINDOWS: [u64; 3] = [3_600, 86_400, 30 * 86_400];

/// Returns links to the same page over other times.
pub(super) fn windows(page: &str, window_us: u64) -> Markup {
    html! {
        nav.windows aria-label="Over how long" {
            ul {
                @for window in WINDOWS {
                    @let is_this = window_us == window * 1_000_000;
                    li { a href=(paths::over(page, window)) aria-current=[is_this.then_some("true")] { "last " (words::window(window * 1_000_000)) } }
                }
            }
        }
    }
}

/// Returns a table that moves inside of its own box where it is too wide, by keys too.
pub(super) fn scrolling(called: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" tabindex="0" aria-label=(called) { (table) } }
}

/// Returns microseconds as people read them.
pub(super) fn time(micros: Option<u64>) -> String {
    micros.map_or_else(|| words::NOTHING.to_owned(), |micros| words::micros(words::exact(micros)))
}

/// Returns three percentiles as a fact has them.
pub(super) fn percentiles(latency: &Latency) -> Markup {
    html! {
        dl.percentiles {
            @for (called, value) in [("p50", latency.p50_us), ("p99", latency.p99_us), ("p99.9", latency.p999_us)] {
                div { dt { (called) } dd { (time(value)) } }
            }
        }
    }
}

/// Returns how many a second.
pub(super) fn rate(rate: f64) -> String {
    // Tenths of many a second say nothing, and move all the time.
    if rate >= 100.0 { words::short_count(rate.round()) } else { words::short(rate) }
}

/// Returns a count that is only worth seeing if there is any.
pub(super) fn tally(count: u64) -> Markup {
    html! { @if count == 0 { span.soft { "0" } } @else { (brief(count)) } }
}

/// Returns a count as short as a column is narrow, with all of it beside.
pub(super) fn brief(count: u64) -> Markup {
    html! { @if count < 10_000 { (words::count(count)) } @else { span title=(words::count(count)) { (words::short_count(words::exact(count))) } } }
}

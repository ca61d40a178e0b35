//! Which requests were not compared, and why.

use canary::Report;
use maud::{Markup, html};

use crate::{canary::verdict::reason, words};

pub(super) fn inside(report: &Report) -> Markup {
    let requests = &report.requests;
    html! {
        @if requests.excluded.is_empty() {
            p { "Nothing: every request that asked both was compared." }
        } @else {
            p {
                (words::share(requests.excluded_share)) " of " (words::count(requests.asked)) " requests had no two answers to compare. "
                "Whoever fails has no answer, and is counted under failures instead."
            }
            div.scroll {
                table.fit {
                    thead { tr { th { "Why" } th.number { "Requests" } } }
                    tbody { @for (why, count) in &requests.excluded { tr { th scope="row" { (reason(why)) } td.number { (words::count(*count)) } } } }
                }
            }
        }
        @if requests.warm_up_us > 0 {
            p.soft { "The first " (words::span(requests.warm_up_us)) " were warm-up and count for nothing." }
        }
        @if requests.late > 0 {
            p.soft { (words::count(requests.late)) " answers of the canary came after the verdict. They are compared like any other." }
        }
        @if requests.strays > 0 {
            p.soft { (words::count(requests.strays)) " responses of the canary were to requests that nobody knows." }
        }
    }
}

//! Who failed when, and what would have become of results.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{Shown, behind, how};
use crate::{
    canary::verdict::{self, reason},
    words,
};

pub(super) fn inside(shown: &Shown) -> Markup {
    let failures = &shown.report.failures;
    let (canary, reference) = (&failures.canary_said.said, &failures.reference_said.said);
    let kinds: BTreeSet<&String> = canary.keys().chain(reference.keys()).collect();
    let told = |count: Option<&u64>| words::count(count.copied().unwrap_or_default());
    let all = failures.both + failures.canary + failures.reference + failures.neither;
    html! {
        p {
            "Of " (words::count(all)) " requests the canary alone failed " b { (words::count(failures.canary)) } ", the reference alone "
            b { (words::count(failures.reference)) } ", both " (words::count(failures.both)) "."
        }
        (how("failed, expired and silent count as failures. Only requests that one failed and the other did not tell them apart. Whoever abstains does not fail."))
        div.scroll {
            table.fit {
                thead { tr { th { "What it did" } th.number { "Reference" } th.number { "Canary" } } }
                tbody {
                    @for kind in kinds {
                        tr { th scope="row" { (reason(kind)) } td.number { (told(reference.get(kind))) } td.number { (told(canary.get(kind))) } }
                    }
                }
            }
        }
        (behind::requests(shown, &failures.examples, "that the canary alone failed"))
    }
}

pub(super) fn impact(shown: &Shown) -> Markup {
    let impact = &shown.report.impact;
    let share = |count: u64| if impact.known == 0 { 0.0 } else { words::exact(count) / words::exact(impact.known) };
    if impact.known == 0 {
        return html! { p { "No request could be decided about again." } };
    }
    let line = |role: &str, count: u64, surely: String| {
        html! {
            tr {
                th scope="row" { (role) }
                td.number data-label="Other results" { (words::count(count)) }
                td.number data-label="Share" { (words::share(share(count))) }
                td.number data-label="Surely between" { (surely) }
                td data-label="" { (meter(share(count))) }
            }
        }
    };
    html! {
        p {
            "Had the canary been first in rank, callers would have got another result in " b { (words::share(share(impact.as_first))) }
            " of " (words::count(impact.known)) " requests."
        }
        (how("each request was decided again by its own policy from the answers that were recorded, with the canary as one more candidate, and as the first of all. The result that callers got was never touched."))
        div.scroll {
            table.stack {
                thead { tr { th { "Had it been" } th.number { "Other results" } th.number { "Share" } th.number { "Surely between" } th { } } }
                tbody {
                    (line("A candidate", impact.as_candidate, words::NOTHING.to_owned()))
                    (line("First in rank", impact.as_first, verdict::between(impact.as_first_interval, words::share)))
                }
            }
        }
        @if !impact.unknown.is_empty() {
            p.soft.small {
                "Not decided again: "
                @for (place, (why, count)) in impact.unknown.iter().enumerate() { @if place > 0 { ", " } (reason(why)) " " (words::count(*count)) }
                "."
            }
        }
        (behind::requests(shown, &impact.examples, "whose result would be another"))
    }
}

fn meter(share: f64) -> Markup {
    let width = format!("{:.1}", (share.clamp(0.0, 1.0) * 200.0).max(if share > 0.0 { 1.0 } else { 0.0 }));
    html! {
        svg.meter viewBox="0 0 200 8" preserveAspectRatio="none" aria-hidden="true" {
            rect class="none" width="200" height="8" {}
            rect class="of-canary bar" width=(width) height="8" {}
        }
    }
}

//! How alike the lists are that both answered.

use canary::{LikenessTold, ListsTold};
use maud::{Markup, html};

use super::{Shown, behind, how};
use crate::{
    canary::{lists, verdict},
    charts::{About, histogram_of_shares},
    words,
};

pub(super) fn inside(shown: &Shown, told: &ListsTold) -> Markup {
    if told.n == 0 {
        return html! { p { "No two lists about the same request could be compared." } };
    }
    let measures = lists::measures(told);
    let has_floor = measures.iter().any(|measure| measure.of_itself.is_some());
    html! {
        p {
            "Both lists in " code { (told.field) } " were compared in " b { (words::count(told.n)) } " requests"
            @if let Some(item) = &told.item { ", an item being known by its " code { (item) } }
            "."
        }
        div.scroll {
            table.stack {
                thead {
                    tr {
                        th { "Lists" } th.number { "Seen" } th.number { "Surely between" }
                        @if has_floor { th.number { "Reference with itself" } }
                    }
                }
                tbody {
                    @for measure in &measures {
                        tr {
                            th scope="row" { (measure.called) small { (measure.note) } }
                            td.number data-label="Seen" { (measure.seen) }
                            td.number data-label="Surely between" { (measure.surely) }
                            @if has_floor {
                                td.number data-label="Reference with itself" { (measure.of_itself.as_deref().unwrap_or(words::NOTHING)) }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(repeats) = lists::repeats(told) { p.soft { (repeats) } }
        (how("a bar counts requests by how alike both lists were. Lists that share nothing stand at the left end, equal ones at 100 %."))
        (one(&format!("Overlap of the first {}", told.top), "lists-overlap", &told.overlap))
        (one("Rank-biased overlap", "lists-ranking", &told.ranking))
        (behind::requests(shown, &told.examples, "whose lists rank least alike"))
    }
}

fn one(heading: &str, id: &str, likeness: &LikenessTold) -> Markup {
    let mean = likeness.mean.map_or_else(|| words::NOTHING.to_owned(), words::share);
    let told = format!("On average {mean}, surely {}.", verdict::between(likeness.interval, words::share));
    html! {
        h3 { (heading) }
        (histogram_of_shares(&About { id, title: heading, told }, &likeness.bars, "how alike both lists are"))
    }
}

//! How every rendezvous does, the worst first.

use maud::html;
use measures::Overview;

use super::{Page, paths};
use crate::words;

/// Returns the first page: every rendezvous, the worst first.
#[must_use]
pub fn overview(all: &[Overview]) -> Page {
    Page::new(
        "Overview",
        &html! {
            h1 { "Overview" }
            @for one in all {
                section {
                    h2 { a href=(paths::rendezvous(&one.rendezvous)) { (one.rendezvous) } }
                    p { (words::count(one.results)) " results" }
                }
            }
        },
    )
}

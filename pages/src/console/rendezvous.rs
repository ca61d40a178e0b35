//! How one rendezvous does, and why.

use alarms::Lags;
use maud::html;
use measures::Overview;
use policies::TimeCurveReport;

use super::Page;
use crate::words;

/// Returns the page of one rendezvous; `time` is what more or less time would have been worth, once that is known.
#[must_use]
pub fn rendezvous(overview: &Overview, lags: &Lags, time: Option<&TimeCurveReport>) -> Page {
    let _ = (lags, time);
    Page::new(
        &overview.rendezvous,
        &html! {
            h1 { (overview.rendezvous) }
            p { (words::count(overview.results)) " results" }
        },
    )
}

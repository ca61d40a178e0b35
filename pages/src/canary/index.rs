//! Several canaries, worst first.

use canary::Report;
use maud::{DOCTYPE, html};

use super::verdict;

/// Returns a page with a line for each of these canaries, worst first.
#[must_use]
pub fn index(reports: &[Report]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Canaries" } }
            body { ul { @for report in reports { li { (report.canary) ": " (report.verdict.word()) ". " (verdict::why(report)) } } } }
        }
    };
    page.into_string()
}

//! The report as one self-contained page.

use canary::Report;
use maud::{DOCTYPE, html};

use super::{Examples, Made, verdict};

/// Returns the report as one HTML file that asks for nothing and runs nothing.
#[must_use]
pub fn html(report: &Report, examples: &Examples, made: &Made) -> String {
    let _ = (examples, made);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (verdict::headline(report.verdict)) ": " (report.canary) }
            }
            body {
                h1 { (verdict::headline(report.verdict)) ". " (verdict::why(report)) }
                p { (verdict::sentence(&report.because)) }
            }
        }
    };
    page.into_string()
}

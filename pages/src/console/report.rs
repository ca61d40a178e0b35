//! The report about one canary: what `hedgerow canary report --format html` writes, within the console.

use canary::Report;
use maud::html;

use super::Page;
use crate::canary::{Examples, Made, parts};

/// Returns the page.
#[must_use]
pub fn report(report: &Report, examples: &Examples, made: &Made) -> Page {
    let (title, inside, footer) = parts(report, examples, made);
    Page::new(&title, &html! { (inside) (footer) })
}

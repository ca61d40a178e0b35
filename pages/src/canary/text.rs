//! The report for a terminal.

use canary::Report;

use super::verdict;

/// Returns the report as lines of at most `width` characters.
#[must_use]
pub fn text(report: &Report, width: usize) -> String {
    let _ = width;
    let (sign, headline) = (verdict::sign(report.verdict), verdict::headline(report.verdict));
    format!("{sign} {headline}. {}\n", verdict::why(report).plain())
}

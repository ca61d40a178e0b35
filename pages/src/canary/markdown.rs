//! The report for a pull request.

use canary::Report;

use super::verdict;

/// Returns the report in Markdown: the verdict, what was measured, and the rest folded away.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let (sign, headline) = (verdict::sign(report.verdict), verdict::headline(report.verdict));
    format!("**{sign} {headline}.** {}\n", verdict::why(report).markdown())
}

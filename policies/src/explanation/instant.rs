//! An instant as people write it: RFC 3339, in UTC, to the microsecond.

use wire::Timestamp;

/// Returns `2026-11-21T08:28:15.123456Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    humantime::format_rfc3339_micros(at.into()).to_string()
}

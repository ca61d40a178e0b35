//! An instant as people write it: RFC 3339, in UTC, to the microsecond.

use wire::Timestamp;

/// Returns `2026-11-21T08:28:15.123456Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    humantime::format_rfc3339_micros(at.into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_says_an_instant_of_no_year_is_told_of_all_the_same() {
        assert_eq!(rfc3339(Timestamp::from_micros(i64::MAX)), "9999-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339(Timestamp::from_micros(i64::MIN)), "1970-01-01T00:00:00.000000Z");
    }
}

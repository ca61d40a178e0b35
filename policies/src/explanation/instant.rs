//! An instant as people write it: RFC 3339, in UTC, to the microsecond.

use wire::Timestamp;

/// Returns `2026-11-21T08:28:15.123456Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let (seconds, micros) = (at.as_micros().div_euclid(1_000_000), at.as_micros().rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Year, month and day of the day that is `days` after 1970-01-01: Howard Hinnant's `civil_from_days`, whose years
/// begin in March so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(micros: i64, expected: &str) {
        assert_eq!(rfc3339(Timestamp::from_micros(micros)), expected);
    }

    #[test]
    fn an_instant_reads_as_a_calendar_says() {
        check(0, "1970-01-01T00:00:00.000000Z");
        check(1_709_210_096_000_007, "2024-02-29T12:34:56.000007Z");
        check(1_795_249_695_123_456, "2026-11-21T08:28:15.123456Z");
        check(4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z");
    }
}

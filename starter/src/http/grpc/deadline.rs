//! PURE: what is left of a call's deadline as a budget.

use std::time::Duration;

use axum::http::HeaderMap;
use wire::Budget;

use crate::input::InvalidInput;

/// The longest budget, as everywhere.
const LONGEST: Duration = Duration::from_hours(1);
/// So much of a deadline is left for the way back, a tenth or this: what comes at the deadline comes too late.
const WAY_BACK: Duration = Duration::from_millis(10);

/// Returns the budget that a call's deadline leaves; `None` if it has none.
pub(super) fn budget(headers: &HeaderMap) -> Result<Option<Budget>, InvalidInput> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let expected = "at most eight digits and one of H, M, S, m, u and n";
    let timeout = read(&text).ok_or_else(|| InvalidInput::parameter("`grpc-timeout`", expected, &text))?;
    let left = timeout.saturating_sub((timeout / 10).min(WAY_BACK)).min(LONGEST);
    // One that has passed already leaves the least there is: it is answered, and its caller is gone.
    Ok(Some(Budget::from_micros(u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1))))
}

fn read(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=8).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| is_number)?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(text: &'static str, expected: Result<u64, &str>) {
        let headers = HeaderMap::from_iter([("grpc-timeout".parse().unwrap(), HeaderValue::from_static(text))]);
        let found = budget(&headers).map(|budget| budget.unwrap().as_micros()).map_err(|refusal| refusal.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn every_unit_is_read_and_a_part_is_kept_for_the_way_back() {
        check("2S", Ok(1_990_000));
        check("50m", Ok(45_000));
        check("50000u", Ok(45_000));
        check("1000000n", Ok(900));
        check("3M", Ok(179_990_000));
        check("99999999H", Ok(3_600_000_000));
        check("0n", Ok(1));
        assert_eq!(budget(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn what_is_no_deadline_is_refused() {
        for text in ["", "S", "5", "5s", "-5S", "123456789S", "1.5S"] {
            let sentence = "`grpc-timeout` must be at most eight digits and one of H, M, S, m, u and n, not ";
            check(text, Err(&format!("{sentence}`{text}`")));
        }
    }
}

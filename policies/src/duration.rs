//! Durations as people write them, in policies and on the command line.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDuration {
    /// It is a number alone.
    #[error("`{0}` has no unit: write `{0}ms` or `{0}s`")]
    WithoutUnit(String),
    /// It is a number with something else behind it.
    #[error("`{0}` is not a unit of time: there are us, ms, s, m, h, d")]
    Unit(String),
    /// It is something else.
    #[error("`{0}` is not a duration: write a number and a unit: `15ms`, `1.5s`, `30d`")]
    Other(String),
    /// It is more than some thousands of years.
    #[error("`{0}` is too long a time")]
    TooLong(String),
}

/// The units there are.
pub(crate) const UNITS: [&str; 6] = ["us", "ms", "s", "m", "h", "d"];

/// Reads `250us`, `10ms`, `1.5s`, `30m`, `24h` or `7d`.
pub fn duration(text: &str) -> Result<Duration, NoDuration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros = match unit.trim() {
        "us" | "µs" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        "h" => 3_600e6,
        "d" => 86_400e6,
        "" if !number.is_empty() => return Err(NoDuration::WithoutUnit(text.to_owned())),
        other if number.parse::<f64>().is_ok() => return Err(NoDuration::Unit(other.to_owned())),
        _ => return Err(NoDuration::Other(text.to_owned())),
    };
    let number: f64 = number.parse().map_err(|_| NoDuration::Other(text.to_owned()))?;
    let micros = number * micros;
    if micros >= 1e17 {
        return Err(NoDuration::TooLong(text.to_owned()));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and below 1e17")]
    Ok(Duration::from_micros(micros.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, micros) in
            [("250us", 250), ("10ms", 10_000), ("1.5s", 1_500_000), ("30m", 1_800_000_000), ("7d", 604_800_000_000)]
        {
            assert_eq!(duration(text).map(|duration| duration.as_micros()), Ok(micros), "{text}");
        }
    }

    #[test]
    fn whatever_else_is_said_why_it_is_none() {
        let owned = str::to_owned;
        for (text, why) in [
            ("10", NoDuration::WithoutUnit(owned("10"))),
            ("10sec", NoDuration::Unit(owned("sec"))),
            ("", NoDuration::Other(owned(""))),
            ("ms", NoDuration::Other(owned("ms"))),
            ("-1s", NoDuration::Other(owned("-1s"))),
            ("1.2.3s", NoDuration::Other(owned("1.2.3s"))),
            ("99999999999999d", NoDuration::TooLong(owned("99999999999999d"))),
        ] {
            assert_eq!(duration(text), Err(why), "{text}");
        }
    }
}

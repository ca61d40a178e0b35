//! Durations as the command line takes them: the way policies write them.

use std::time::Duration;

use ::policies::duration::{micros_of, number_and_unit};

/// Reads `250us`, `10ms`, `1.5s`, `30m`, `24h` or `7d`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let (number, unit) = number_and_unit(text);
    let micros = micros_of(unit).ok_or("write a number and a unit: 10ms, 1.5s, 30m, 24h, 7d")?;
    let number: f64 = number.parse().map_err(|_| format!("`{number}` is not a number"))?;
    Duration::try_from_secs_f64(number * micros / 1e6).map_err(|_| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_policies_write_them() {
        for (text, micros) in
            [("250us", 250), ("10ms", 10_000), ("1.5s", 1_500_000), ("30m", 1_800_000_000), ("7d", 604_800_000_000)]
        {
            assert_eq!(parse(text).map(|duration| duration.as_micros()), Ok(micros), "{text}");
        }
        for text in ["", "10", "ms", "1.2.3s", "-1s", "10 ms", "1e9d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

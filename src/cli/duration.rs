//! Durations as the command line takes and shows them: the way policies write them.

use std::time::Duration;

use ::policies::duration::{micros_of, number_and_unit};

use crate::measuring::WINDOW_MAX;

/// Reads `250us`, `10ms`, `1.5s`, `30m`, `24h` or `7d`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let (number, unit) = number_and_unit(text);
    let micros = micros_of(unit).ok_or("write a number and a unit: 10ms, 1.5s, 30m, 24h, 7d")?;
    let number: f64 = number.parse().map_err(|_| format!("`{number}` is not a number"))?;
    Duration::try_from_secs_f64(number * micros / 1e6).map_err(|_| "that is too long".to_owned())
}

/// Reads over how long a time to count.
pub(super) fn window(text: &str) -> Result<Duration, String> {
    let window = parse(text)?;
    if (Duration::from_secs(1)..=WINDOW_MAX).contains(&window) {
        Ok(window)
    } else {
        Err(format!("counts are told over 1s to {}", shown(WINDOW_MAX)))
    }
}

/// Writes it in the largest unit that makes it a whole number.
pub(super) fn shown(duration: Duration) -> String {
    let micros = duration.as_micros();
    let units =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];
    let whole = units.into_iter().find(|(_, of)| micros >= *of && micros.is_multiple_of(*of));
    whole.map_or_else(|| "0s".to_owned(), |(unit, of)| format!("{}{unit}", micros / of))
}

/// Writes microseconds as short as a column is narrow.
pub(super) fn brief(micros: Option<u64>) -> String {
    let Some(micros) = micros else { return "–".to_owned() };
    let millis = Duration::from_micros(micros).as_secs_f64() * 1_000.0;
    match millis {
        ..1.0 => format!("{micros} µs"),
        ..100.0 => format!("{millis:.1} ms"),
        ..10_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1_000.0),
    }
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

    #[test]
    fn nothing_is_counted_over_longer_than_it_is_kept() {
        assert_eq!(window("31d").map(|window| window.as_secs()), Ok(31 * 86_400));
        for text in ["0s", "999ms", "32d"] {
            assert_eq!(window(text), Err("counts are told over 1s to 31d".to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_are_read() {
        for text in ["250us", "10ms", "1500ms", "30m", "24h", "30d", "0s"] {
            let shown = shown(parse(text).expect("a duration"));
            assert_eq!(shown, if text == "24h" { "1d" } else { text });
        }
    }
}

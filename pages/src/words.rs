//! Numbers, durations and instants as people read them; between a number and its unit no line breaks.

use std::time::SystemTime;

use wire::Timestamp;

/// What stands where nothing is known.
pub(crate) const NOTHING: &str = "–";

/// Returns a count with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with so many decimals and a true minus; what rounds to nothing has no sign.
pub(crate) fn decimal(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let is_nothing = text.chars().all(|letter| matches!(letter, '0' | '.'));
    if number < 0.0 && !is_nothing { format!("−{text}") } else { text }
}

/// Returns a share in per cent with as many digits as it is worth.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent.abs() {
        // Whole ones are mostly somebody's choice: a margin, a tick.
        whole if (whole - whole.round()).abs() < 1e-9 => 0,
        tenth if (tenth * 10.0 - (tenth * 10.0).round()).abs() < 1e-9 || tenth >= 10.0 => 1,
        tiny if tiny < 0.1 => 3,
        _ => 2,
    };
    format!("{}\u{a0}%", decimal(percent, decimals))
}

/// Returns a share of which only what is missing from the whole says anything: with two digits of that, and never more
/// than it is.
pub(crate) fn nearly_all(share: f64) -> String {
    let missing = (1.0 - share) * 100.0;
    if missing < 1e-7 {
        return "100\u{a0}%".to_owned();
    }
    let decimals = (1..7).find(|decimals| missing * libm::exp10(f64::from(*decimals)) > 9.9999).unwrap_or(7);
    let scale = libm::exp10(f64::from(decimals));
    let floor = (share * 100.0 * scale + 1e-4).floor() / scale;
    format!(
        "{}\u{a0}%",
        format!("{floor:.*}", usize::try_from(decimals).unwrap_or(7)).trim_end_matches('0').trim_end_matches('.')
    )
}

/// Returns microseconds in the unit that fits.
pub(crate) fn micros(micros: f64) -> String {
    let size = micros.abs();
    if size >= 1e6 {
        format!("{}\u{a0}s", short(micros / 1e6))
    } else if size >= 1e3 {
        format!("{}\u{a0}ms", short(micros / 1e3))
    } else if size < 0.5 {
        "0\u{a0}ms".to_owned()
    } else {
        format!("{}\u{a0}µs", decimal(micros, 0))
    }
}

/// Returns a number with three digits or so.
pub(crate) fn short(number: f64) -> String {
    let size = number.abs();
    let decimals = match size {
        _ if size >= 100.0 || size == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ if size >= 0.01 => 3,
        _ => 5,
    };
    let text = decimal(number, decimals);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Returns a count that is drawn, so that it came to be a number.
pub(crate) fn short_count(number: f64) -> String {
    if (1e3..1e4).contains(&number) {
        // Whole, and less than 10,000.
        format!("{},{:03.0}", (number / 1e3).floor(), number % 1e3)
    } else if number >= 1e6 {
        format!("{} M", short(number / 1e6))
    } else if number >= 1e4 {
        format!("{} k", short(number / 1e3))
    } else {
        short(number)
    }
}

/// Returns an instant in microseconds since the epoch, to the second, in UTC.
pub(crate) fn instant(at_us: i64) -> String {
    let at = SystemTime::from(Timestamp::from_micros(at_us));
    humantime::format_rfc3339_seconds(at).to_string().replace('T', " ").replace('Z', " UTC")
}

/// Returns from when to when, the day once if it is one.
pub(crate) fn period(first_us: i64, last_us: i64) -> String {
    let [first, last] = [first_us, last_us].map(instant);
    let from = first.trim_end_matches(" UTC");
    match (first.get(..11), last.get(..11)) {
        (Some(one), Some(other)) if one == other => format!("{from} to {}", &last[11..]),
        _ => format!("{from} to {last}"),
    }
}

/// Returns a span of microseconds in the two largest units of it.
pub(crate) fn span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 0 => self::micros(exact(micros)),
        (0, 0, 0) => format!("{seconds}\u{a0}s"),
        (0, 0, _) => format!("{minutes}\u{a0}min\u{a0}{}\u{a0}s", seconds % 60),
        (0, ..) => format!("{hours}\u{a0}h\u{a0}{minutes}\u{a0}min"),
        _ => format!("{days}\u{a0}d\u{a0}{hours}\u{a0}h"),
    }
}

/// Returns how long a window is: in the largest unit of which it is so many.
pub(crate) fn window(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let whole = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    match whole {
        Some((unit, called)) => format!("{}\u{a0}{called}", seconds / unit),
        None => self::micros(exact(micros)),
    }
}

/// Returns how much work something was.
pub(crate) fn work(micros: u64) -> String {
    if micros < 60_000_000 { self::micros(exact(micros)) } else { span(micros) }
}

/// Returns a count as a number to draw or divide by; above 2^53 its last digits are lost.
#[expect(clippy::cast_precision_loss, reason = "nobody sees the seventeenth digit")]
pub(crate) fn exact(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn shares_have_as_many_digits_as_they_are_worth() {
        let told = [0.0, 0.01, 0.6123, 0.000_45, -0.0345, 1.0, 0.1].map(|number| share(number).replace('\u{a0}', " "));
        assert_eq!(told, ["0 %", "1 %", "61.2 %", "0.045 %", "−3.45 %", "100 %", "10 %"]);
    }

    #[test]
    fn what_is_nearly_all_never_reads_as_all() {
        let told = [0.999, 0.9995, 0.999_71, 0.999_996_4, 0.95, 0.974, 0.5, 0.0, 1.0, 0.999_999_97]
            .map(|share| nearly_all(share).replace('\u{a0}', " "));
        assert_eq!(
            told,
            ["99.9 %", "99.95 %", "99.971 %", "99.99964 %", "95 %", "97.4 %", "50 %", "0 %", "100 %", "99.999997 %"]
        );
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        assert_eq!(
            [0.0, 850.0, 1_234.0, -45_600.0, 2_500_000.0].map(|number| micros(number).replace('\u{a0}', " ")),
            ["0 ms", "850 µs", "1.23 ms", "−45.6 ms", "2.5 s"]
        );
        assert_eq!(
            [10_000_000, 61_000_000, 7_380_000_000, 90_000_000_000].map(|micros| span(micros).replace('\u{a0}', " ")),
            ["10 s", "1 min 1 s", "2 h 3 min", "1 d 1 h"]
        );
        assert_eq!(
            [500_000, 90_000_000, 3_600_000_000, 86_400_000_000 * 30]
                .map(|micros| window(micros).replace('\u{a0}', " ")),
            ["500 ms", "90 s", "1 h", "30 d"]
        );
    }

    #[test]
    fn instants_are_to_the_second_in_utc() {
        assert_eq!(instant(1_795_249_695_000_000), "2026-11-21 08:28:15 UTC");
        assert_eq!(instant(i64::MIN), "1970-01-01 00:00:00 UTC");
    }
}

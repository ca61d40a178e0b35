//! Durations as people write them, in policies and on the command line: the units there are.

use std::time::Duration;

/// The units of time, and how many microseconds each is.
const UNITS: [(&str, f64); 6] = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6), ("h", 3_600e6), ("d", 86_400e6)];

/// Splits `1.5s` into its number and its unit; either may be empty, or what it should not be.
#[must_use]
pub fn number_and_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len()))
}

/// Returns how many microseconds `unit` is; `None` if there is no such unit.
#[must_use]
pub fn micros_of(unit: &str) -> Option<f64> {
    let unit = if unit == "µs" { "us" } else { unit };
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, micros)| *micros)
}

/// Returns the names of the units.
pub(crate) fn units() -> impl Iterator<Item = &'static str> {
    UNITS.iter().map(|(name, _)| *name)
}

/// Writes a duration in the largest unit in which it is whole: `1500ms`, and `2s`.
#[must_use]
pub fn written(duration: Duration) -> String {
    let micros = duration.as_micros();
    let units = [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];
    match units.into_iter().find(|(_, unit)| micros > 0 && micros.is_multiple_of(*unit)) {
        Some((unit, size)) => format!("{}{unit}", micros / size),
        None if micros == 0 => "0ms".to_owned(),
        None => format!("{micros}us"),
    }
}

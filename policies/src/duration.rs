//! Durations as people write them, in policies and on the command line: the units there are.

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

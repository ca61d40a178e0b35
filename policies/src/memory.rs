//! Sizes as people write them: a number and a unit, `64MiB`.

use std::{fmt, str::FromStr};

/// So many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(pub u64);

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidMemory {
    /// A number alone.
    NoUnit,
    /// A number, and behind it something else.
    Unit(String),
    /// Anything else, or more than there is.
    Nothing,
}

/// The units, and how many bytes each is; the largest first.
const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

// === impl Memory ===

impl Memory {
    /// How much a component may have, unless the policy says.
    pub const USUAL: Self = Self::mebi(256);

    /// Returns so many mebibytes.
    #[must_use]
    pub const fn mebi(count: u64) -> Self {
        Self(count << 20)
    }

    /// Returns the names of the units.
    pub(crate) fn units() -> impl Iterator<Item = &'static str> {
        UNITS.iter().map(|(name, _)| *name)
    }
}

impl FromStr for Memory {
    type Err = InvalidMemory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
        let count = number.parse::<u64>().map_err(|_| InvalidMemory::Nothing)?;
        let unit = unit.trim();
        if unit.is_empty() {
            return Err(InvalidMemory::NoUnit);
        }
        let found = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, size) = found.ok_or_else(|| InvalidMemory::Unit(unit.to_owned()))?;
        count.checked_mul(*size).map(Self).ok_or(InvalidMemory::Nothing)
    }
}

/// In the largest unit in which it is whole.
impl fmt::Display for Memory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(out, "{}{unit}", self.0 / size),
            None => write!(out, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_in_their_units() {
        for text in ["64MiB", "1GiB", "1536KiB"] {
            assert_eq!(text.parse::<Memory>().unwrap().to_string(), text);
        }
        assert_eq!("2048 MiB".parse(), Ok(Memory(2 << 30)));
        assert_eq!("64".parse::<Memory>(), Err(InvalidMemory::NoUnit));
        assert_eq!("64MB".parse::<Memory>(), Err(InvalidMemory::Unit("MB".to_owned())));
        for nothing in ["", "MiB", "-1MiB", "99999999999999GiB"] {
            assert_eq!(nothing.parse::<Memory>(), Err(InvalidMemory::Nothing), "{nothing}");
        }
    }
}

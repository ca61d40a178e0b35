//! When two answers say the same: on which fields, and how closely.
//!
//! Law: every way but `within` is transitive, so answers fall into groups of their own; `within` needs a middle.

use serde_json::{Number, Value};

use crate::evidence::{Facts, Field, canonical_eq};

/// A field that is compared.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub(crate) field: Field,
    pub(crate) equality: Equality,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Equality {
    /// Written the same: `1` is not `1.0`.
    Exact,
    /// The same JSON value: members in any order, `1` is `1.0`.
    CanonicalJson,
    /// The same label: `1`, `1.0` and `"1"` are one, and neither case nor space around counts.
    Class,
    /// Numbers no further apart than `abs`, or than `rel` of the larger one. Not transitive.
    Within { abs: f64, rel: f64 },
    /// Numbers in the same bucket of this width, counted from 0.
    Bucket { width: f64 },
}

/// A label, however written.
#[derive(Debug)]
enum Label<'value> {
    Number(Number),
    Text(&'value str),
    /// Neither: a list is no label, and the same as itself.
    Other(&'value Value),
}

// === impl Compared ===

impl Compared {
    /// Returns whether an answer has what is compared: otherwise it abstains.
    pub(super) fn is_in(&self, facts: &Facts) -> bool {
        match self.equality {
            Equality::Within { .. } | Equality::Bucket { .. } => self.field.number(facts).is_some(),
            Equality::Exact | Equality::CanonicalJson | Equality::Class => self.field.of(facts).is_some(),
        }
    }

    /// Returns whether two answers say the same here; only of answers that have it.
    pub(super) fn same(&self, left: &Facts, right: &Facts) -> bool {
        let values = || self.field.of(left).zip(self.field.of(right));
        let numbers = || self.field.number(left).zip(self.field.number(right));
        match self.equality {
            Equality::Exact => self.field.text(left).is_some_and(|text| self.field.text(right) == Some(text)),
            Equality::CanonicalJson => values().is_some_and(|(left, right)| canonical_eq(left, right)),
            Equality::Class => values().is_some_and(|(left, right)| Label::of(left).is(&Label::of(right))),
            Equality::Within { .. } => self.distance(left, right).is_finite(),
            Equality::Bucket { width } => {
                numbers().is_some_and(|(left, right)| bucket(left, width).total_cmp(&bucket(right, width)).is_eq())
            }
        }
    }

    /// Returns how far apart two answers are here, as a share of what is tolerated; infinitely if further than that.
    pub(super) fn distance(&self, left: &Facts, right: &Facts) -> f64 {
        let Equality::Within { abs, rel } = self.equality else { return 0.0 };
        let Some((left, right)) = self.field.number(left).zip(self.field.number(right)) else { return f64::INFINITY };
        let larger = left.abs().max(right.abs());
        let (apart, tolerated) = ((left - right).abs(), abs.max(rel * larger));
        if apart <= ROUNDING * larger {
            0.0
        } else if apart <= tolerated + ROUNDING * larger {
            apart / tolerated
        } else {
            f64::INFINITY
        }
    }

    pub(super) fn is_tolerant(&self) -> bool {
        matches!(self.equality, Equality::Within { .. })
    }
}

/// What decimals lose by being written in binary, of their size: 0.9 and 0.85 are 0.05 apart to whoever wrote them.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// Returns which bucket a number is in: 0.3 is the first of the fourth of width 0.1, and -0.5 is not in 0.5's.
fn bucket(number: f64, width: f64) -> f64 {
    let (exact, nearest) = (number / width, (number / width).round());
    let bucket = if (exact - nearest).abs() <= ROUNDING * exact.abs() { nearest } else { exact.floor() };
    // There is one zero.
    bucket + 0.0
}

// === impl Label ===

impl<'value> Label<'value> {
    fn of(value: &'value Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(number.clone()),
            Value::Bool(true) => Self::Text("true"),
            Value::Bool(false) => Self::Text("false"),
            Value::String(text) => {
                let text = text.trim();
                let starts = |first: char| first.is_ascii_digit() || first == '-';
                // What JSON would read as a number is one: `"1"`, and not `"01"`, `"nan"` or `"inf"`.
                let number = text.starts_with(starts).then(|| serde_json::from_str(text).ok()).flatten();
                number.map_or(Self::Text(text), Self::Number)
            }
            other => Self::Other(other),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => crate::evidence::same_number(left, right),
            (Self::Text(left), Self::Text(right)) if left.is_ascii() && right.is_ascii() => {
                left.eq_ignore_ascii_case(right)
            }
            (Self::Text(left), Self::Text(right)) => left.to_lowercase() == right.to_lowercase(),
            (Self::Other(left), Self::Other(right)) => canonical_eq(left, right),
            _ => false,
        }
    }
}

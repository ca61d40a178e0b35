//! When two answers say the same: on which fields, and how closely.

use crate::evidence::Field;

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

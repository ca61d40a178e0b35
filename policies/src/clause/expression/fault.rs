//! What can be wrong with an expression, and where in it.

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The first character that is meant, and how many are; `None` is the whole expression.
    pub(crate) at: Option<(usize, usize)>,
    pub(crate) kind: FaultKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// It does not read.
    Unreadable(String),
    /// It is too long or nested too deeply to be read safely.
    TooLarge,
    /// It names something that is not there.
    UnknownName { name: String, known: Vec<String> },
    /// It names a member of something that has no such member.
    UnknownMember { of: &'static str, name: String, known: Vec<String> },
    /// It names something as if that were a value, and only its members are.
    Bare { name: &'static str, known: Vec<String> },
    /// It calls something that is not there.
    UnknownFunction(String),
    /// It calls something with too many arguments, or too few.
    Arguments { function: String, wanted: usize },
    /// It calls something for what that does not take.
    Argument { function: String, is: &'static str },
    /// An operator does not take what stands left and right of it.
    Operands { operator: String, left: &'static str, right: &'static str },
    /// An operator does not take what stands behind it.
    Operand { operator: String, is: &'static str },
    /// A whole number and one with a fraction, which do not mix.
    Mixed { operator: String },
    /// The remainder of what may not be a whole number.
    Remainder,
    /// Two things that are never the same.
    NeverEqual { left: &'static str, right: &'static str },
    /// Nothing is ever null: what is null counts as missing.
    Null,
    /// What stands before `?` is neither true nor false.
    Choice(&'static str),
    /// What stands around `:` is of two kinds.
    Branches { left: &'static str, right: &'static str },
    /// What cannot be gone through item by item.
    Items(&'static str),
    /// A macro within another over what an answer holds: answers may be long.
    Nested,
    /// A pattern that does not read.
    Pattern(String),
    /// A pattern that is not written out.
    PatternUnknown,
    /// It comes to something else than a number.
    NoNumber(&'static str),
    /// It comes to something else than true or false.
    NoTruth(&'static str),
}

//! Of what kind the parts of an expression are, as far as that can be told before any answer is there.

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};

/// A kind of value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    /// A number that may have a fraction, as all of JSON's may.
    Double,
    /// A whole number, of which there are few: sizes, and what `int` makes.
    Int,
    UInt,
    /// Whole numbers as written, which become doubles beside one.
    Written,
    Text,
    Bytes,
    Null,
    List(Box<Type>),
    Map,
    /// Whatever an answer has there; its numbers are doubles.
    Any,
    /// What an empty list has as its items.
    Nothing,
}

impl Type {
    pub(super) fn of(literal: &LiteralValue) -> Self {
        match literal {
            LiteralValue::Boolean(_) => Self::Bool,
            LiteralValue::Bytes(_) => Self::Bytes,
            LiteralValue::Double(_) => Self::Double,
            LiteralValue::Int(_) => Self::Written,
            LiteralValue::Null => Self::Null,
            LiteralValue::String(_) => Self::Text,
            LiteralValue::UInt(_) => Self::UInt,
        }
    }

    /// Says what it is, for messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Double | Self::Int | Self::UInt | Self::Written => "a number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Map => "a map",
            Self::Any | Self::Nothing => "anything",
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Double | Self::Int | Self::UInt | Self::Written)
    }

    pub(super) fn is_any(&self) -> bool {
        *self == Self::Any
    }

    pub(super) fn may_be_number(&self) -> bool {
        self.is_number() || self.is_any()
    }

    pub(super) fn may_be(&self, other: &Self) -> bool {
        self == other || self.is_any()
    }

    pub(super) fn may_be_list(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map | Self::Any)
    }

    /// Returns whether a map can be asked for it.
    pub(super) fn may_be_key(&self) -> bool {
        self.may_be_number() || matches!(self, Self::Text | Self::Bool)
    }

    /// Returns whether two values of these kinds can be the same.
    pub(super) fn may_equal(&self, other: &Self) -> bool {
        self.is_any()
            || other.is_any()
            || (self.is_number() && other.is_number())
            || matches!((self, other), (Self::List(_), Self::List(_)))
            || self == other
    }

    /// Returns what either of two is.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (left, right) if left == right => left,
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::List(left), Self::List(right)) => Self::List(Box::new(left.or(*right))),
            (left, right) if left.is_number() && right.is_number() => Self::Double,
            _ => Self::Any,
        }
    }

    /// Returns what an item of it is.
    pub(super) fn item(&self) -> Self {
        match self {
            Self::List(item) if **item != Self::Nothing => (**item).clone(),
            Self::Map => Self::Text,
            _ => Self::Any,
        }
    }
}

/// What an operator makes of two numbers, and which sides must first become doubles.
pub(super) struct Sum {
    pub(super) is: Type,
    pub(super) widen_left: bool,
    pub(super) widen_right: bool,
}

impl Sum {
    /// `None` if the two do not mix.
    pub(super) fn of(left: &Type, right: &Type) -> Option<Self> {
        use Type::{Any, Double, Int, UInt, Written};
        let (is, widen_left, widen_right) = match (left, right) {
            (Written, Written) => (Written, false, false),
            (Written, Double | Any) => (Double, true, false),
            (Double | Any, Written) => (Double, false, true),
            (Double | Any, Double | Any) => (Double, false, false),
            (Int | Written, Int | Written) => (Int, false, false),
            (UInt, UInt) => (UInt, false, false),
            _ => return None,
        };
        Some(Self { is, widen_left, widen_right })
    }
}

/// Makes doubles of the whole numbers that are written in `expression`.
pub(super) fn widen(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Literal(literal) =>
        {
            #[expect(clippy::cast_precision_loss, reason = "a score is a double")]
            if let LiteralValue::Int(whole) = literal {
                *literal = LiteralValue::Double((*whole.inner() as f64).into());
            }
        }
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => call.args.iter_mut().skip(1).for_each(widen),
        Expr::Call(call) if !call.func_name.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            call.args.iter_mut().for_each(widen);
        }
        _ => {}
    }
}

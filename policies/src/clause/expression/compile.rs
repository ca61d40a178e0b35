//! From an expression's text to its tree: every name resolved to a slot, every part of a kind that fits.
//!
//! Numbers are doubles, as JSON has them, wherever a number with a fraction may stand beside: `answer.n * 2` is the
//! same as `answer.n * 2.0`, where the plain language would fail on every answer.

use std::sync::{Arc, LazyLock};

use cel::{
    Env, IdedExpr, Program,
    common::ast::{EntryExpr, Expr},
};

use super::{
    check::Checker,
    fault::{Fault, FaultKind},
};
use crate::{
    InputSchema,
    evidence::{Field, Fields},
};

/// A checked expression.
#[derive(Debug)]
pub(in crate::clause) struct Compiled {
    pub(in crate::clause) tree: IdedExpr,
    /// What its names stand for.
    pub(in crate::clause) slots: Vec<Slot>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::clause) enum Slot {
    /// A member of the answer.
    Field(Field),
    /// Whether the answer has it.
    HasField(Field),
    /// All of the answer.
    Answer,
    Name,
    Rank,
    Family,
    Cost,
    Latency,
    /// The input's number at this place.
    Number(usize),
    /// The input's text at this place.
    Text(usize),
    Attribute(Arc<str>),
    /// Whether the caller said it.
    HasAttribute(Arc<str>),
    Budget,
}

/// What an expression may look at.
pub(in crate::clause) enum Scope<'scope> {
    /// One answer, and who gave it.
    Answer(&'scope mut Fields),
    /// One request.
    Request { input: &'scope InputSchema, attributes: &'scope [Arc<str>] },
}

/// What an expression must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::clause) enum Wanted {
    Number,
    Truth,
}

/// Longest expression, in bytes, and deepest nesting: parser, checks and interpreter recurse.
const EXPRESSION_MAX: usize = 1_000;
const NESTING_MAX: usize = 24;
/// Deepest tree: `1 + 2 + 3` is two deep.
const DEPTH_MAX: usize = 100;
/// Slots are named by characters that nobody can type, one each.
const FIRST_SLOT: u32 = 0xE000;

/// What expressions can call, macros too; anything else would fail on every response, silently.
pub(crate) const CALLABLE: [&str; 18] = [
    "all",
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "int",
    "map",
    "matches",
    "size",
    "startsWith",
    "string",
    "uint",
];

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Returns what every expression may call.
pub(in crate::clause) fn environment() -> Arc<Env> {
    Arc::clone(&STANDARD)
}

/// Returns the name of the slot at `index`.
pub(super) fn name_of(index: usize) -> String {
    // A thousand bytes of text name fewer things than there are such characters.
    u32::try_from(index).ok().and_then(|index| char::from_u32(FIRST_SLOT + index)).unwrap_or_default().to_string()
}

/// Returns the slot that `name` stands for.
pub(in crate::clause) fn slot(name: &str) -> Option<usize> {
    let index = u32::from(name.chars().next()?).checked_sub(FIRST_SLOT)?;
    usize::try_from(index).ok()
}

/// Compiles `source`, or says everything that is wrong with it.
pub(in crate::clause) fn compile(source: &str, scope: Scope<'_>, wanted: Wanted) -> Result<Compiled, Vec<Fault>> {
    if source.len() > EXPRESSION_MAX || nesting(source) > NESTING_MAX {
        return Err(vec![Fault { at: None, kind: FaultKind::TooLarge }]);
    }
    let program: Program = STANDARD.compile(source).map_err(|errors| vec![unreadable(source, &errors)])?;
    if depth(program.expression()) > DEPTH_MAX {
        return Err(vec![Fault { at: None, kind: FaultKind::TooLarge }]);
    }
    let mut tree = program.expression().clone();
    let slots = Checker::new(source, program.source_info(), scope).run(&mut tree, wanted)?;
    Ok(Compiled { tree, slots })
}

fn nesting(source: &str) -> usize {
    let depths = source.bytes().scan(0_usize, |depth, byte| {
        match byte {
            b'(' | b'[' | b'{' | b'!' | b'-' | b'?' => *depth += 1,
            b')' | b']' | b'}' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    depths.max().unwrap_or(0)
}

fn depth(expression: &IdedExpr) -> usize {
    let deepest = |inner: &mut dyn Iterator<Item = &IdedExpr>| inner.map(depth).max().unwrap_or(0);
    1 + match &expression.expr {
        Expr::Call(call) => deepest(&mut call.target.as_deref().into_iter().chain(&call.args)),
        Expr::Select(select) => depth(&select.operand),
        Expr::List(list) => deepest(&mut list.elements.iter()),
        Expr::Map(map) => deepest(&mut map.entries.iter().flat_map(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => [Some(&entry.key), Some(&entry.value)].into_iter().flatten(),
            EntryExpr::StructField(field) => [Some(&field.value), None].into_iter().flatten(),
        })),
        Expr::Comprehension(of) => {
            deepest(&mut [&of.iter_range, &of.accu_init, &of.loop_cond, &of.loop_step, &of.result].into_iter())
        }
        _ => 0,
    }
}

fn unreadable(source: &str, errors: &cel::ParseErrors) -> Fault {
    let Some(first) = errors.errors.first() else {
        return Fault { at: None, kind: FaultKind::Unreadable("it does not read".to_owned()) };
    };
    let one_line = !source.contains('\n');
    let at = usize::try_from(first.pos.1).ok().filter(|_| one_line).map(|column| (column.saturating_sub(1), 1));
    Fault { at, kind: FaultKind::Unreadable(first.msg.clone()) }
}

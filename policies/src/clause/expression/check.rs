//! Checks an expression: every name is resolved to a slot, every part is of a kind that fits.
//!
//! Numbers are doubles, as JSON has them, wherever a number with a fraction may stand beside: `answer.n * 2` is the
//! same as `answer.n * 2.0`, where the plain language would fail on every answer.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, SourceInfo, operators},
};

use super::{
    compile::{Scope, Slot, Wanted},
    fault::{Fault, FaultKind},
    names,
    types::{Sum, Type, widen},
};

pub(super) struct Checker<'check> {
    source: &'check str,
    info: &'check SourceInfo,
    pub(super) scope: Scope<'check>,
    pub(super) slots: Vec<Slot>,
    /// What macros bind, innermost last.
    pub(super) locals: Vec<(String, Type)>,
    faults: Vec<Fault>,
}

// === impl Checker ===

impl<'check> Checker<'check> {
    pub(super) fn new(source: &'check str, info: &'check SourceInfo, scope: Scope<'check>) -> Self {
        Self { source, info, scope, slots: Vec::new(), locals: Vec::new(), faults: Vec::new() }
    }

    /// Returns what its names stand for, or everything that is wrong with it.
    pub(super) fn run(mut self, tree: &mut IdedExpr, wanted: Wanted) -> Result<Vec<Slot>, Vec<Fault>> {
        let is = self.check(tree);
        let fits = match wanted {
            Wanted::Number => is.may_be_number(),
            Wanted::Truth => is.may_be(&Type::Bool),
        };
        if !fits {
            let kind = match wanted {
                Wanted::Number => FaultKind::NoNumber(is.name()),
                Wanted::Truth => FaultKind::NoTruth(is.name()),
            };
            self.faults.push(Fault { at: None, kind });
        }
        if self.faults.is_empty() { Ok(self.slots) } else { Err(self.faults) }
    }

    pub(super) fn check(&mut self, expression: &mut IdedExpr) -> Type {
        let id = expression.id;
        if let Some((root, members, tests)) = names::path(expression)
            && !self.is_local(&root)
            && let Some(is) = self.named(expression, &root, &members, tests)
        {
            return is;
        }
        match &mut expression.expr {
            Expr::Literal(literal) => Type::of(literal),
            Expr::Ident(name) => self.local(name),
            Expr::Select(select) => {
                let is = self.check(&mut select.operand);
                if !matches!(is, Type::Map | Type::Any) {
                    let (name, known) = (select.field.clone(), Vec::new());
                    self.fault(id, FaultKind::UnknownMember { of: is.name(), name, known });
                }
                if select.test { Type::Bool } else { Type::Any }
            }
            Expr::Call(call) => self.call(id, call),
            Expr::List(list) => {
                let items: Vec<Type> = list.elements.iter_mut().map(|item| self.widened(item)).collect();
                Type::List(Box::new(items.into_iter().reduce(Type::or).unwrap_or(Type::Nothing)))
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.widened(&mut entry.key);
                        self.widened(&mut entry.value);
                    }
                }
                Type::Map
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(of) => {
                let name = of.type_name.clone();
                self.fault(id, FaultKind::UnknownName { name, known: self.known() });
                Type::Any
            }
            Expr::Unspecified => Type::Any,
        }
    }

    /// A written whole number becomes a double, whatever comes to stand beside it later.
    pub(super) fn widened(&mut self, expression: &mut IdedExpr) -> Type {
        let is = self.check(expression);
        if is == Type::Written {
            widen(expression);
            return Type::Double;
        }
        is
    }

    /// A macro, taken apart: `list.exists(item, …)`.
    fn comprehension(&mut self, of: &mut ComprehensionExpr) -> Type {
        let range = self.check(&mut of.iter_range);
        if !range.may_be_list() {
            self.fault(of.iter_range.id, FaultKind::Items(range.name()));
        }
        let written_out = matches!(of.iter_range.expr, Expr::List(_)) && self.locals.len() <= 2;
        if !self.locals.is_empty() && !written_out {
            self.fault(of.iter_range.id, FaultKind::Nested);
        }
        let gathered = self.check(&mut of.accu_init);
        let outside = self.locals.len();
        self.locals.push((of.accu_var.clone(), gathered));
        self.locals.push((of.iter_var.clone(), range.item()));
        self.locals.extend(of.iter_var2.clone().map(|name| (name, Type::Any)));
        self.check(&mut of.loop_cond);
        let step = self.check(&mut of.loop_step);
        self.locals.truncate(outside + 1);
        let gathered = &mut self.locals[outside].1;
        *gathered = gathered.clone().or(step);
        let is = self.check(&mut of.result);
        self.locals.truncate(outside);
        is
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Type {
        let name = call.func_name.clone();
        match (name.as_str(), call.args.as_mut_slice()) {
            (operators::CONDITIONAL, [condition, left, right]) => self.choice(id, condition, left, right),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                for side in [left, right] {
                    self.truth(id, &name, side);
                }
                Type::Bool
            }
            (operators::LOGICAL_NOT, [of]) => {
                self.truth(id, &name, of);
                Type::Bool
            }
            (operators::NOT_STRICTLY_FALSE, [of]) => {
                self.check(of);
                Type::Bool
            }
            (operators::NEGATE, [of]) => {
                let is = self.check(of);
                if !is.may_be_number() || is == Type::UInt {
                    self.fault(id, FaultKind::Operand { operator: typed(&name), is: is.name() });
                    return Type::Any;
                }
                if is.is_any() { Type::Double } else { is }
            }
            (operators::INDEX, [list, index]) => {
                let (is, by) = (self.check(list), self.check(index));
                let fits = match is {
                    Type::List(_) => by.may_be_number(),
                    Type::Map | Type::Any => true,
                    _ => false,
                };
                if !fits {
                    let (left, right) = (is.name(), by.name());
                    self.fault(id, FaultKind::Operands { operator: "[ ]".to_owned(), left, right });
                }
                if matches!(is, Type::List(_)) { is.item() } else { Type::Any }
            }
            (operator, [left, right]) if call.target.is_none() && !is_word(operator) => {
                self.binary(id, operator, left, right)
            }
            _ => self.function(id, call),
        }
    }

    fn truth(&mut self, id: u64, operator: &str, side: &mut IdedExpr) {
        let is = self.check(side);
        if !is.may_be(&Type::Bool) {
            self.fault(id, FaultKind::Operand { operator: typed(operator), is: is.name() });
        }
    }

    fn choice(&mut self, id: u64, condition: &mut IdedExpr, left: &mut IdedExpr, right: &mut IdedExpr) -> Type {
        let is = self.check(condition);
        if !is.may_be(&Type::Bool) {
            self.fault(id, FaultKind::Choice(is.name()));
        }
        let (is, other) = (self.check(left), self.check(right));
        if !is.may_equal(&other) {
            self.fault(id, FaultKind::Branches { left: is.name(), right: other.name() });
            return Type::Any;
        }
        match (&is, &other) {
            (Type::Written, Type::Double | Type::Any) => widen(left),
            (Type::Double | Type::Any, Type::Written) => widen(right),
            _ => {}
        }
        is.or(other)
    }

    fn binary(&mut self, id: u64, operator: &str, left: &mut IdedExpr, right: &mut IdedExpr) -> Type {
        let (is, other) = (self.check(left), self.check(right));
        let (one, two) = (is.name(), other.name());
        let wrong = || FaultKind::Operands { operator: typed(operator), left: one, right: two };
        let numbers = is.may_be_number() && other.may_be_number();
        match operator {
            operators::EQUALS | operators::NOT_EQUALS => {
                if is == Type::Null || other == Type::Null {
                    self.fault(id, FaultKind::Null);
                } else if !is.may_equal(&other) {
                    self.fault(id, FaultKind::NeverEqual { left: one, right: two });
                }
                Type::Bool
            }
            operators::IN => {
                if !other.may_be_list() || (other == Type::Map && !is.may_be_key()) {
                    self.fault(id, wrong());
                }
                Type::Bool
            }
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
                let ordered = |is: &Type| is.may_be_number() || matches!(is, Type::Text | Type::Bytes | Type::Bool);
                if !is.may_equal(&other) || !ordered(&is) || !ordered(&other) {
                    self.fault(id, wrong());
                }
                Type::Bool
            }
            operators::MODULO if numbers => {
                let whole = |is: &Type| matches!(is, Type::Int | Type::Written);
                if !(whole(&is) && whole(&other)) && (is != Type::UInt || other != Type::UInt) {
                    self.fault(id, FaultKind::Remainder);
                }
                Type::Int
            }
            operators::ADD if is.is_any() && other.is_any() => Type::Any,
            operators::ADD if is.may_be(&Type::Text) && other.may_be(&Type::Text) => Type::Text,
            operators::ADD if matches!((&is, &other), (Type::List(_) | Type::Any, Type::List(_) | Type::Any)) => {
                let list = |is: Type| if is.is_any() { Type::List(Box::new(Type::Any)) } else { is };
                list(is).or(list(other))
            }
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE if numbers => {
                let Some(sum) = Sum::of(&is, &other) else {
                    self.fault(id, FaultKind::Mixed { operator: typed(operator) });
                    return Type::Double;
                };
                if sum.widen_left {
                    widen(left);
                }
                if sum.widen_right {
                    widen(right);
                }
                sum.is
            }
            _ => {
                self.fault(id, wrong());
                Type::Any
            }
        }
    }

    pub(super) fn fault(&mut self, id: u64, kind: FaultKind) {
        let at = self.info.offset_for(id).and_then(|(start, stop)| self.characters(start, stop, &kind));
        let fault = Fault { at, kind };
        // What a macro repeats is wrong once.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// The parser counts bytes; people count characters. A member stands behind its dot.
    fn characters(&self, start: u32, stop: u32, kind: &FaultKind) -> Option<(usize, usize)> {
        let (start, stop) = (usize::try_from(start).ok()?, usize::try_from(stop).ok()?);
        let (before, meant) = (self.source.get(..start)?, self.source.get(start..=stop)?);
        let (FaultKind::UnknownMember { name, .. } | FaultKind::UnknownFunction(name)) = kind else {
            return Some((before.chars().count(), meant.chars().count()));
        };
        // Calls are placed at their parenthesis, members at their dot or bracket.
        let behind = self.source.get(start..).and_then(|text| text.find(name.as_str())).filter(|skipped| *skipped <= 2);
        let found = behind.map(|skipped| start + skipped).or_else(|| before.rfind(name.as_str()))?;
        Some((self.source.get(..found)?.chars().count(), name.chars().count()))
    }
}

/// Writes an operator as people do: `_+_` is `+`.
fn typed(operator: &str) -> String {
    operator.trim_matches(|letter| letter == '_' || letter == '@').to_owned()
}

fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
}

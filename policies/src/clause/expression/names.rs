//! What expressions may name: an answer and who gave it, or a request.

use std::sync::Arc;

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};

use super::{
    check::Checker,
    compile::{Scope, Slot, name_of},
    fault::FaultKind,
    types::Type,
};
use crate::evidence::{Field, Fields, Path};

/// What is known of an executor.
const FACTS: [&str; 4] = ["name", "rank", "family", "cost"];

impl Checker<'_> {
    /// Resolves `root.member.member`; `None` if that is not one name but must be taken apart.
    pub(super) fn named(
        &mut self,
        expression: &mut IdedExpr,
        root: &str,
        members: &[String],
        tests: bool,
    ) -> Option<Type> {
        let id = expression.id;
        let (slot, is) = match (&mut self.scope, root, members) {
            (Scope::Answer(fields), "answer", []) => {
                fields.set_whole();
                (Slot::Answer, Type::Map)
            }
            (Scope::Answer(fields), "answer", members) => {
                let field = field(fields, members)?;
                if tests { (Slot::HasField(field), Type::Bool) } else { (Slot::Field(field), Type::Any) }
            }
            (Scope::Answer(_), "latency_ms", []) => (Slot::Latency, Type::Double),
            (Scope::Request { .. }, "budget_ms", []) => (Slot::Budget, Type::Double),
            (Scope::Answer(_), "executor", [fact]) if FACTS.contains(&fact.as_str()) => fact_of_executor(fact),
            (Scope::Request { input, .. }, "input", [name]) if input.members().any(|known| **known == **name) => {
                let place = |all: &[Arc<str>]| all.iter().position(|known| **known == **name);
                match place(&input.features) {
                    Some(place) => (Slot::Number(place), Type::Double),
                    None => (Slot::Text(place(&input.texts)?), Type::Text),
                }
            }
            (Scope::Request { attributes, .. }, "attributes", [name])
                if attributes.iter().any(|known| **known == **name) =>
            {
                let name: Arc<str> = name.as_str().into();
                if tests { (Slot::HasAttribute(name), Type::Bool) } else { (Slot::Attribute(name), Type::Text) }
            }
            _ => return self.unknown(id, root, members),
        };
        if tests && !matches!(slot, Slot::HasField(_) | Slot::HasAttribute(_)) {
            // A feature or a fact is always there.
            expression.expr = Expr::Literal(LiteralValue::Boolean(true.into()));
            return Some(Type::Bool);
        }
        expression.expr = Expr::Ident(self.slot_of(slot));
        Some(is)
    }

    fn slot_of(&mut self, slot: Slot) -> String {
        let index = self.slots.iter().position(|known| *known == slot).unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        name_of(index)
    }

    /// Says what is wrong with a name; `None` if its root may still be one.
    fn unknown(&mut self, id: u64, root: &str, members: &[String]) -> Option<Type> {
        let (of, known): (&'static str, Vec<String>) = match (&self.scope, root) {
            (Scope::Answer(_), "executor") => ("executor", FACTS.map(str::to_owned).to_vec()),
            (Scope::Request { input, .. }, "input") => ("input", names(input.members())),
            (Scope::Request { attributes, .. }, "attributes") => ("attributes", names(attributes.iter())),
            // Its members are looked at in turn, until only the root is left.
            _ if !members.is_empty() => return None,
            _ => {
                let (name, known) = (root.to_owned(), self.known());
                self.fault(id, FaultKind::UnknownName { name, known });
                return Some(Type::Any);
            }
        };
        match members {
            [] => self.fault(id, FaultKind::Bare { name: of, known }),
            [name] => self.fault(id, FaultKind::UnknownMember { of, name: name.clone(), known }),
            _ => return None,
        }
        Some(Type::Any)
    }

    pub(super) fn known(&self) -> Vec<String> {
        let known: &[&str] = match self.scope {
            Scope::Answer(_) => &["answer", "executor", "latency_ms"],
            Scope::Request { .. } => &["input", "attributes", "budget_ms"],
        };
        known.iter().map(|&name| name.to_owned()).collect()
    }

    pub(super) fn is_local(&self, name: &str) -> bool {
        name.starts_with('@') || self.locals.iter().any(|(local, _)| local == name)
    }

    pub(super) fn local(&self, name: &str) -> Type {
        self.locals.iter().rev().find(|(local, _)| local == name).map_or(Type::Any, |(_, is)| is.clone())
    }
}

fn fact_of_executor(fact: &str) -> (Slot, Type) {
    match fact {
        "name" => (Slot::Name, Type::Text),
        "rank" => (Slot::Rank, Type::Double),
        "family" => (Slot::Family, Type::Text),
        _ => (Slot::Cost, Type::Double),
    }
}

fn names<'all>(all: impl Iterator<Item = &'all Arc<str>>) -> Vec<String> {
    all.map(ToString::to_string).collect()
}

/// Finds the field under `members`: `value` and `confidence` are where the policy says. `None` if the path must be
/// taken apart.
fn field(fields: &mut Fields, members: &[String]) -> Option<Field> {
    let alias = match members[0].as_str() {
        "value" => fields.value().cloned(),
        "confidence" => fields.confidence().cloned(),
        _ => None,
    };
    match (alias, members) {
        (Some(alias), [_]) => Some(alias),
        (Some(_), _) => None,
        (None, members) if members.iter().any(|name| name.contains('.')) => None,
        (None, members) => Path::parse(&members.join(".")).map(|path| fields.add(&path)),
    }
}

/// Reads `root.member['member']`, and whether it only asks if that is there.
pub(super) fn path(expression: &IdedExpr) -> Option<(String, Vec<String>, bool)> {
    let mut members = Vec::new();
    let (mut at, mut tests) = (expression, false);
    loop {
        at = match &at.expr {
            Expr::Ident(root) => {
                members.reverse();
                return Some((root.clone(), members, tests));
            }
            Expr::Select(select) if !select.test || members.is_empty() => {
                tests |= select.test;
                members.push(select.field.clone());
                &select.operand
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [of, index] = call.args.as_slice() else { return None };
                let Expr::Literal(LiteralValue::String(name)) = &index.expr else { return None };
                members.push(name.inner().to_owned());
                of
            }
            _ => return None,
        };
    }
}

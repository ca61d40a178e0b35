//! What expressions call by name, and what that takes.

use std::sync::Arc;

use cel::{
    Context, IdedExpr, Value,
    common::ast::{CallExpr, Expr, LiteralValue},
};

use super::{check::Checker, compile::environment, fault::FaultKind, types::Type};

/// Whether a function takes a value of some kind.
type Takes = fn(&Type) -> bool;

impl Checker<'_> {
    /// Calls by name, as `size(list)` or `list.size()`.
    pub(super) fn function(&mut self, id: u64, call: &mut CallExpr) -> Type {
        let name = call.func_name.clone();
        let mut arguments: Vec<(u64, Type)> = Vec::new();
        for argument in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
            let is = if name == "dyn" { self.widened(argument) } else { self.check(argument) };
            arguments.push((argument.id, is));
        }
        let (takes, is): (&[Takes], Type) = match name.as_str() {
            "size" => (&[has_size], Type::Int),
            "contains" | "startsWith" | "endsWith" | "matches" => (&[text, text], Type::Bool),
            "double" => (&[convertible], Type::Double),
            "int" => (&[convertible], Type::Int),
            "uint" => (&[convertible], Type::UInt),
            "string" => (&[writable], Type::Text),
            "bytes" => (&[text], Type::Bytes),
            "bool" => (&[truth_or_text], Type::Bool),
            "dyn" => (&[anything], Type::Any),
            _ => {
                self.fault(id, FaultKind::UnknownFunction(name));
                return Type::Any;
            }
        };
        if arguments.len() != takes.len() {
            let wanted = takes.len() - usize::from(call.target.is_some() && !takes.is_empty());
            self.fault(id, FaultKind::Arguments { function: name, wanted });
            return is;
        }
        for ((at, argument), takes) in arguments.iter().zip(takes) {
            if !takes(argument) {
                self.fault(*at, FaultKind::Argument { function: name.clone(), is: argument.name() });
            }
        }
        if name == "matches" {
            self.pattern(call.args.last());
        }
        is
    }

    /// A pattern is compiled for each answer, so it is no place for what answers say.
    fn pattern(&mut self, pattern: Option<&IdedExpr>) {
        let Some(IdedExpr { id, expr }) = pattern else { return };
        let Expr::Literal(LiteralValue::String(written)) = expr else {
            self.fault(*id, FaultKind::PatternUnknown);
            return;
        };
        let mut context = Context::with_env(environment());
        context.add_variable_from_value("pattern", Value::String(Arc::new(written.inner().to_owned())));
        let tried = environment().compile("''.matches(pattern)").map(|program| program.execute(&context));
        if let Ok(Err(error)) = tried {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.fault(*id, FaultKind::Pattern(why));
        }
    }
}

fn text(is: &Type) -> bool {
    is.may_be(&Type::Text)
}

fn has_size(is: &Type) -> bool {
    matches!(is, Type::Text | Type::Bytes | Type::List(_) | Type::Map | Type::Any)
}

fn convertible(is: &Type) -> bool {
    is.may_be_number() || *is == Type::Text
}

fn writable(is: &Type) -> bool {
    convertible(is) || matches!(is, Type::Bytes | Type::Bool)
}

fn truth_or_text(is: &Type) -> bool {
    is.may_be(&Type::Bool) || *is == Type::Text
}

fn anything(_: &Type) -> bool {
    true
}

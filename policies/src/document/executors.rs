//! `executors:` as written.

use std::{num::NonZeroUsize, time::Duration};

use super::{
    StartEntry,
    breaker::BreakerEntry,
    canaries::CanaryEntry,
    read::{self, Members},
    starts,
    tree::Node,
};
use crate::{
    Memory, Protocol,
    diagnostic::{Report, Span, Spanned},
};

/// One executor.
#[derive(Debug)]
pub(crate) struct ExecutorEntry {
    pub(crate) name: Spanned<String>,
    pub(crate) kind: Option<KindEntry>,
    /// Whether `canary` was written, be it wrongly.
    pub(crate) is_canary: bool,
    pub(crate) canary: Option<CanaryEntry>,
    pub(crate) start: Option<StartEntry>,
    pub(crate) concurrency: Option<Spanned<NonZeroUsize>>,
    pub(crate) max_batch: Option<Spanned<NonZeroUsize>>,
    pub(crate) credentials: Option<CredentialsEntry>,
    pub(crate) retries: Option<Spanned<NonZeroUsize>>,
    pub(crate) family: Option<Spanned<String>>,
    pub(crate) cost: Option<Spanned<f64>>,
    pub(crate) hears: Option<HearsEntry>,
    pub(crate) wait: Option<Spanned<Duration>>,
    pub(crate) breaker: Option<BreakerEntry>,
    pub(crate) state: Option<StateEntry>,
    pub(crate) memory: Option<Spanned<Memory>>,
}

/// What belongs to its state.
#[derive(Debug)]
pub(crate) struct StateEntry {
    pub(crate) at: Span,
    pub(crate) settings: Option<Spanned<String>>,
    pub(crate) commands: Option<Spanned<String>>,
}

/// Whose answers it is given.
#[derive(Debug)]
pub(crate) struct HearsEntry {
    pub(crate) at: Span,
    pub(crate) names: Vec<Spanned<String>>,
}

/// Where the secret is that its server wants to be told.
#[derive(Debug)]
pub(crate) struct CredentialsEntry {
    pub(crate) at: Span,
    pub(crate) env: Option<Spanned<String>>,
    pub(crate) file: Option<Spanned<String>>,
    pub(crate) header: Option<Spanned<String>>,
}

/// What it runs.
#[derive(Debug)]
pub(crate) enum KindEntry {
    Onnx(Spanned<String>),
    Server(Protocol, Spanned<String>),
    Python(Spanned<String>),
    Wasm(Spanned<String>),
    Model(Spanned<String>),
    Elsewhere,
    Rust(Spanned<String>),
    Echo,
    Constant { answer: String, delay: Duration },
}

const KINDS: [&str; 12] =
    ["onnx", "http", "grpc", "tensorflow", "pmml", "python", "wasm", "model", "elsewhere", "rust", "echo", "constant"];

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Vec<ExecutorEntry> {
    let entries = read::entries(node, "the executors", report);
    if matches!(&node.value, super::tree::Value::Map(members) if members.is_empty()) {
        report.error(node.at, "there are no executors").hint("name at least one: `forest: { onnx: forest.onnx }`");
    }
    entries.iter().map(|(name, node)| ExecutorEntry::read(name, node, report)).collect()
}

impl ExecutorEntry {
    fn read(name: &Spanned<String>, node: &Node, report: &mut Report<'_>) -> Self {
        let nothing = Self {
            name: name.clone(),
            kind: None,
            is_canary: false,
            canary: None,
            start: None,
            concurrency: None,
            max_batch: None,
            credentials: None,
            retries: None,
            family: None,
            cost: None,
            hears: None,
            wait: None,
            breaker: None,
            state: None,
            memory: None,
        };
        let Some(mut executor) = Members::of(node, "an executor", report) else { return nothing };
        let entry = Self {
            kind: kind(name, &mut executor, report),
            is_canary: executor.take("canary").is_some(),
            canary: executor.take("canary").and_then(|node| CanaryEntry::read(node, report)),
            start: executor.take("start").and_then(|node| starts::read(node, report)),
            concurrency: executor.take("concurrency").and_then(|node| read::count(node, "`concurrency`", report)),
            max_batch: executor.take("max_batch").and_then(|node| read::count(node, "`max_batch`", report)),
            credentials: executor.take("credentials").and_then(|node| CredentialsEntry::read(node, report)),
            retries: executor.take("retries").and_then(|node| read::count(node, "`retries`", report)),
            family: executor.take("family").and_then(|node| read::text(node, "a family", report)),
            cost: executor.take("cost").and_then(|node| read::number(node, "`cost`", report)),
            hears: executor.take("hears").map(|node| HearsEntry::read(node, report)),
            wait: executor.take("wait").and_then(|node| read::duration(node, report)),
            breaker: executor.take("breaker").map(|node| BreakerEntry::read(node, report)),
            state: executor.take("state").and_then(|node| StateEntry::read(node, report)),
            memory: executor.take("memory").and_then(|node| read::memory(node, report)),
            ..nothing
        };
        executor.finish(report);
        entry
    }
}

fn kind(name: &Spanned<String>, executor: &mut Members<'_>, report: &mut Report<'_>) -> Option<KindEntry> {
    let kinds = executor.any_of(&KINDS);
    match kinds.as_slice() {
        [(kind, node)] => KindEntry::read(&kind.is, node, report),
        [] => {
            report
                .error(name.at, format!("executor `{}` does not say what it runs", name.is))
                .hint("add `onnx: model.onnx` or `http: \"http://…/infer\"`");
            None
        }
        [_, (second, _), ..] => {
            report.error(second.at, format!("executor `{}` runs two things", name.is)).hint("make it two executors");
            None
        }
    }
}

impl KindEntry {
    fn read(kind: &str, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        match kind {
            "onnx" => read::text(node, "a model's file", report).map(Self::Onnx),
            "python" => read::text(node, "a Python file", report).map(Self::Python),
            "wasm" => read::text(node, "a WebAssembly component", report).map(Self::Wasm),
            "model" => read::text(node, "a published model", report).map(Self::Model),
            "elsewhere" => nothing(node, "`elsewhere`", report).map(|()| Self::Elsewhere),
            "echo" => nothing(node, "`echo`", report).map(|()| Self::Echo),
            "rust" => read::text(node, "what was compiled in", report).map(Self::Rust),
            "constant" => {
                let mut constant = Members::of(node, "`constant`", report)?;
                let answer =
                    constant.require("answer", report).and_then(|node| read::object(node, "a constant answer", report));
                let delay = constant.take("delay").and_then(|node| read::duration(node, report));
                constant.finish(report);
                Some(Self::Constant { answer: answer?.is, delay: delay.map_or(Duration::ZERO, |delay| delay.is) })
            }
            server => {
                let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == server)?;
                read::text(node, "a server's URL", report).map(|url| Self::Server(protocol, url))
            }
        }
    }
}

/// Reads a kind that has nothing to say of itself.
fn nothing(node: &Node, what: &'static str, report: &mut Report<'_>) -> Option<()> {
    if !node.is_null() {
        Members::of(node, what, report)?.finish(report);
    }
    Some(())
}

impl CredentialsEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut credentials = Members::of(node, "`credentials`", report)?;
        let mut text = |name: &'static str, what: &'static str| {
            credentials.take(name).and_then(|node| read::text(node, what, report))
        };
        let entry = Self {
            at: node.at,
            env: text("env", "an environment variable"),
            file: text("file", "a file with a secret"),
            header: text("header", "a header"),
        };
        credentials.finish(report);
        Some(entry)
    }
}

impl StateEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        if node.is_null() {
            return Some(Self { at: node.at, settings: None, commands: None });
        }
        let mut state = Members::of(node, "`state`", report)?;
        let mut topic = |name: &'static str| state.take(name).and_then(|node| read::text(node, "a topic", report));
        let entry = Self { at: node.at, settings: topic("settings"), commands: topic("commands") };
        state.finish(report);
        Some(entry)
    }
}

impl HearsEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Self {
        Self { at: node.at, names: read::texts(node, "`hears`", "an executor that is heard", report) }
    }
}

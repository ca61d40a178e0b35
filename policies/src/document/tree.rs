//! YAML as a tree whose every node knows its place; bounded in depth and in what aliases may add up to.

use std::{collections::HashMap, mem};

use serde_saphyr::granit_parser::{self as yaml, Event, Parser, ScalarStyle};

use crate::diagnostic::{Report, Span, Spanned};

/// A value, and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Span,
    pub(crate) value: Value,
}

/// What was written.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Text; `plain` if it had no quotes, and so may mean a number, a truth value or nothing.
    Scalar { text: String, plain: bool },
    /// `[…]` or `- …`.
    List(Vec<Node>),
    /// `{…}` or `name: …`, in the order written.
    Map(Vec<(Spanned<String>, Node)>),
}

/// Largest file, in bytes: a thousand times a long policy.
pub(crate) const FILE_MAX: usize = 1024 * 1024;
/// Deepest nesting; policies need eight.
const DEPTH_MAX: usize = 32;
/// Most values, aliases counted in full, and a value more for each 64 bytes of text.
const WEIGHT_MAX: usize = 50_000;

/// Reads the one document of `text`; `None` if the report says why not.
pub(crate) fn parse(text: &str, report: &mut Report<'_>) -> Option<Node> {
    let start = Span { line: 1, column: 1, width: 1 };
    if text.len() > FILE_MAX {
        too_large(report);
        return None;
    }
    let mut builder = Builder { report, open: Vec::new(), anchors: HashMap::new(), root: None, weight: 0 };
    for event in Parser::new_from_str(text) {
        let proceed = match event {
            Ok((event, span)) => builder.on_event(event, place(&span)),
            Err(error) => {
                let at = Span { line: error.marker().line().max(1), column: error.marker().col() + 1, width: 1 };
                builder.report.error(at, format!("this is not YAML: {}", error.info()));
                None
            }
        };
        proceed?;
    }
    let root = builder.root;
    if root.is_none() {
        report.error(start, "the file is empty").hint("start with `rendezvous:` and a name");
    }
    root
}

/// Says that a file is larger than any policy.
pub(crate) fn too_large(report: &mut Report<'_>) {
    let start = Span { line: 1, column: 1, width: 1 };
    report.error(start, "the file is larger than 1 MiB").hint("a policy is a few kilobytes; is this the right file?");
}

/// Anything that spans lines is marked where it starts.
fn place(span: &yaml::Span) -> Span {
    let (start, end) = (span.start, span.end);
    let width = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Span { line: start.line().max(1), column: start.col() + 1, width: width.max(1) }
}

struct Builder<'report, 'text> {
    report: &'report mut Report<'text>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    root: Option<Node>,
    weight: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    node: Node,
    key: Option<Spanned<String>>,
    anchor: usize,
    /// What everything weighed before it.
    weight: usize,
    height: usize,
    /// The names so far, and in which line each stands: files of one long map must not take quadratic time.
    names: HashMap<String, usize>,
}

struct Anchored {
    node: Node,
    weight: usize,
    height: usize,
}

// === impl Builder ===

impl Builder<'_, '_> {
    /// Returns `None` when there is no point in reading on.
    fn on_event(&mut self, event: Event<'_>, at: Span) -> Option<()> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                self.report.error(at, "a policy file is one document").hint("split the file at `---`");
                None
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                let plain = style == ScalarStyle::Plain;
                self.weigh(1 + text.len() / 64, at)?;
                let weight = 1 + text.len() / 64;
                let node = Node { at, value: Value::Scalar { text: text.into_owned(), plain } };
                self.remember(anchor, &node, weight, 0);
                self.put(node, 0)
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Value::List(Vec::new()), anchor, tag.is_some(), at),
            Event::MappingStart(_, anchor, tag) => self.open(Value::Map(Vec::new()), anchor, tag.is_some(), at),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.repeat(anchor, at),
            _ => Some(()),
        }
    }

    fn open(&mut self, value: Value, anchor: usize, tagged: bool, at: Span) -> Option<()> {
        self.refuse_tag(tagged, at);
        let weight = self.weight;
        self.weigh(1, at)?;
        self.check_depth(self.open.len() + 1, at)?;
        self.open.push(Open { node: Node { at, value }, key: None, anchor, weight, height: 0, names: HashMap::new() });
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let Open { node, anchor, weight, height, .. } = self.open.pop()?;
        self.remember(anchor, &node, self.weight - weight, height + 1);
        self.put(node, height + 1)
    }

    fn repeat(&mut self, anchor: usize, at: Span) -> Option<()> {
        let Some(Anchored { node, weight, height }) = self.anchors.get(&anchor) else {
            self.report.error(at, "this alias stands inside what it names");
            return None;
        };
        let (mut node, weight, height) = (node.clone(), *weight, *height);
        self.check_depth(self.open.len() + height, at)?;
        self.weigh(weight, at)?;
        node.at = at;
        self.put(node, height)
    }

    /// Adds a finished node to what it stands in.
    fn put(&mut self, node: Node, height: usize) -> Option<()> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        parent.height = parent.height.max(height);
        match (&mut parent.node.value, parent.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(members), Some(key)) => {
                if let Some(line) = parent.names.insert(key.is.clone(), key.at.line) {
                    let label = format!("first in line {line}");
                    self.report.error(key.at, format!("`{}` is written twice", key.is)).label(label);
                }
                members.push((key, node));
            }
            (Value::Map(_), None) => {
                let Value::Scalar { text, .. } = node.value else {
                    self.report.error(node.at, "a name must be text").hint("names stand before a `:`");
                    return None;
                };
                parent.key = Some(Spanned { is: text, at: node.at });
            }
            (Value::Scalar { .. }, _) => {}
        }
        Some(())
    }

    fn remember(&mut self, anchor: usize, node: &Node, weight: usize, height: usize) {
        // Zero is the parser's word for no anchor.
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, height });
        }
    }

    fn weigh(&mut self, more: usize, at: Span) -> Option<()> {
        self.weight = self.weight.saturating_add(more);
        if self.weight <= WEIGHT_MAX {
            return Some(());
        }
        self.report.error(at, "the file holds too many values").label("aliases count as often as they are used");
        None
    }

    fn check_depth(&mut self, depth: usize, at: Span) -> Option<()> {
        if depth <= DEPTH_MAX {
            return Some(());
        }
        self.report.error(at, format!("the file nests more than {DEPTH_MAX} levels deep"));
        None
    }

    fn refuse_tag(&mut self, tagged: bool, at: Span) {
        if tagged {
            self.report.error(at, "tags such as `!!str` mean nothing here").hint("quote the text instead");
        }
    }
}

// === impl Node ===

impl Node {
    /// Returns the text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Returns whether nothing was written: `name:` alone, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Returns the value as JSON; NaN and the infinities are refused, since JSON cannot write them.
    pub(crate) fn to_json(&self, report: &mut Report<'_>) -> serde_json::Value {
        match &self.value {
            Value::Scalar { text, plain: true } => plain_json(text).unwrap_or_else(|| {
                report.error(self.at, format!("`{text}` cannot be written in JSON")).hint("quote it if it is text");
                serde_json::Value::Null
            }),
            Value::Scalar { text, plain: false } => text.clone().into(),
            Value::List(items) => items.iter().map(|item| item.to_json(report)).collect(),
            Value::Map(members) => serde_json::Value::Object(
                members.iter().map(|(name, node)| (name.is.clone(), node.to_json(report))).collect(),
            ),
        }
    }

    /// Says what it is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { text, plain: true } if plain_number(text).is_some() => "a number",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// YAML 1.2's core schema: what text without quotes means.
fn plain_json(text: &str) -> Option<serde_json::Value> {
    Some(match text {
        "" | "~" | "null" => serde_json::Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        ".nan" | ".NaN" | ".NAN" | ".inf" | "-.inf" | "+.inf" => return None,
        _ => plain_number(text).map_or_else(|| text.into(), serde_json::Value::Number),
    })
}

fn plain_number(text: &str) -> Option<serde_json::Number> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'));
    let whole = || text.parse::<i64>().map(Into::into).or_else(|_| text.parse::<u64>().map(Into::into)).ok();
    let float = || text.parse().ok().and_then(serde_json::Number::from_f64);
    if is_number { whole().or_else(float) } else { None }
}

// Keeps `Node` small enough to move about while the tree is built.
const _: () = assert!(mem::size_of::<Node>() <= 64);

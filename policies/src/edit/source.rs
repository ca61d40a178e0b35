//! The text of a policy as a tree whose every node knows its bytes: what is read once to be edited in place.
//!
//! It deliberately does not know what policies are. The text has been read as one before (`document`), so depth and size are
//! bounded, and what is wrong with it was said.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, Span};

/// A value, and its bytes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) bytes: Range<usize>,
    pub(super) kind: Kind,
}

/// What was written.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar(String),
    List {
        flow: bool,
        items: Vec<Node>,
    },
    Map {
        flow: bool,
        members: Vec<(Node, Node)>,
    },
    /// Something that stands elsewhere.
    Alias,
}

/// Reads `text`, which is one document; `None` if it is not.
pub(super) fn read(text: &str) -> Option<Node> {
    let (mut open, mut root): (Vec<(Node, Option<Node>)>, Option<Node>) = (Vec::new(), None);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        let (start, end) = bytes(&span)?;
        let flow = text.get(start..)?.starts_with(['{', '[']);
        let node = match event {
            Event::Scalar(is, ..) => {
                let written = text.get(start..end)?;
                Node { bytes: start..start + written.trim_end().len(), kind: Kind::Scalar(is.into_owned()) }
            }
            Event::Alias(_) => Node { bytes: start..end, kind: Kind::Alias },
            Event::SequenceStart(..) => {
                open.push((Node { bytes: start..end, kind: Kind::List { flow, items: Vec::new() } }, None));
                continue;
            }
            Event::MappingStart(..) => {
                open.push((Node { bytes: start..end, kind: Kind::Map { flow, members: Vec::new() } }, None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop()?.0.closed(end),
            _ => continue,
        };
        let Some((parent, key)) = open.last_mut() else {
            root = Some(node);
            continue;
        };
        match (&mut parent.kind, key.take()) {
            (Kind::List { items, .. }, _) => items.push(node),
            (Kind::Map { members, .. }, Some(key)) => members.push((key, node)),
            (Kind::Map { .. }, None) => *key = Some(node),
            (Kind::Scalar(_) | Kind::Alias, _) => return None,
        }
    }
    root
}

fn bytes(span: &Span) -> Option<(usize, usize)> {
    Some((span.start.byte_offset()?, span.end.byte_offset()?))
}

// === impl Node ===

impl Node {
    /// A bracket tells where it ends; what has none begins with its first part and ends with its last.
    fn closed(mut self, end: usize) -> Self {
        let (flow, first, last) = match &self.kind {
            Kind::List { flow, items } => (*flow, items.first(), items.last()),
            Kind::Map { flow, members } => (*flow, members.first().map(|it| &it.0), members.last().map(|it| &it.1)),
            Kind::Scalar(_) | Kind::Alias => return self,
        };
        self.bytes = match (first, last) {
            _ if flow => self.bytes.start..end,
            (Some(first), Some(last)) => first.bytes.start..last.bytes.end,
            _ => self.bytes.start..self.bytes.start,
        };
        self
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn members(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map { members, .. } => members,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List { items, .. } => items,
            _ => &[],
        }
    }

    pub(super) fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::List { flow: true, .. } | Kind::Map { flow: true, .. })
    }

    /// Returns which member is called `name`.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.members().iter().position(|(key, _)| key.text() == Some(name))
    }

    /// Returns the value of the member `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.members().get(self.place(name)?).map(|(_, value)| value)
    }
}

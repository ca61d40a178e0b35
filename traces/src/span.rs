//! One span, before anybody sends it.

use wire::{SpanId, Timestamp, TraceId};

/// A stretch of time in which something was done about a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Whose trace it is in.
    pub trace: TraceId,
    /// Which it is.
    pub id: SpanId,
    /// Under which it hangs; `None` where the trace begins here.
    pub parent: Option<SpanId>,
    /// Whether somebody else tells of the parent.
    pub is_parent_remote: bool,
    /// What is said to be done, in few different words.
    pub name: String,
    /// Its part in a message's way.
    pub kind: Kind,
    /// Who did it.
    pub station: Station,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; never before it began.
    pub end: Timestamp,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
    /// What happened meanwhile.
    pub events: Vec<Event>,
    /// What it heard of, without hanging under it.
    pub links: Vec<Link>,
    /// Whether it failed.
    pub status: Status,
}

/// A span's part in a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers a caller.
    Server,
    /// Hands a record over.
    Producer,
    /// Takes a record up.
    Consumer,
    /// Neither.
    Internal,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// Takes inputs in.
    Starter,
    /// Runs models.
    Executors,
    /// Decides.
    Collector,
}

/// Something that is known.
pub type Attribute = (&'static str, Value);

/// What is known of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// In words.
    Text(String),
    /// Several words.
    Texts(Vec<String>),
    /// A whole number.
    Whole(i64),
    /// A number.
    Real(f64),
    /// Whether.
    Flag(bool),
}

/// Something that happened at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What.
    pub name: &'static str,
    /// When.
    pub at: Timestamp,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
}

/// A span of the same trace that was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub span: SpanId,
}

/// Whether it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing is said against it.
    Unset,
    /// It did, and why.
    Error(String),
}

// === impl Span ===

impl Span {
    /// Returns what is known under `name`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

// === impl Kind, Station ===

impl Station {
    /// Returns its name, as `hedgerow run` takes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Executors => "executors",
            Self::Collector => "collector",
        }
    }
}

// === impl Value ===

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

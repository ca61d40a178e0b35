//! What can be wrong with an input: no two different mistakes share a sentence, and each names where it is.

use std::{fmt, sync::Arc};

/// An input that cannot become a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInput {
    /// There is nothing.
    #[error("the body is empty: send one JSON object of features")]
    Empty,
    /// There is too much.
    #[error("the body has {size} bytes, {limit} are allowed")]
    Oversized {
        /// How many bytes came.
        size: usize,
        /// How many may come.
        limit: usize,
    },
    /// It fits our limit and not the log's.
    #[error("the body of {size} bytes is larger than the log takes")]
    TooLargeForLog {
        /// How many bytes came.
        size: usize,
    },
    /// It is framed for a schema registry, and its value cannot be had.
    #[error("the body is framed for a schema registry: {0}")]
    Framed(String),
    /// It cannot be read.
    #[error("the body is not JSON: {detail} at line {line}, column {column}")]
    NotJson {
        /// What the parser says.
        detail: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in bytes.
        column: usize,
    },
    /// It is JSON of another kind.
    #[error("the body must be one JSON object of features, not {found}")]
    NotAnObject {
        /// What came instead.
        found: &'static str,
    },
    /// Features without a value.
    #[error("{}", sentence_of_missing(.fields))]
    Missing {
        /// All of them, in the schema's order.
        fields: Vec<Arc<str>>,
    },
    /// A member that is no feature.
    #[error("`{field}` is not a feature{}", did_you_mean(.similar.as_deref()))]
    Extra {
        /// Its name, shortened.
        field: String,
        /// The feature that was probably meant.
        similar: Option<Arc<str>>,
    },
    /// A feature that is no number.
    #[error("feature `{field}` must be a number, not {found}")]
    WrongType {
        /// Which.
        field: Arc<str>,
        /// What came instead.
        found: &'static str,
    },
    /// A feature that is no text.
    #[error("feature `{field}` must be a text, not {found}")]
    NotText {
        /// Which.
        field: Arc<str>,
        /// What came instead.
        found: &'static str,
    },
    /// A feature that no finite number can express.
    #[error("feature `{field}` must be a finite number, not {found}")]
    NotFinite {
        /// Which.
        field: Arc<str>,
        /// What came instead, shortened.
        found: String,
    },
    /// A feature that is null.
    #[error("feature `{field}` is null: every feature needs a number")]
    Null {
        /// Which.
        field: Arc<str>,
    },
    /// A feature twice.
    #[error("feature `{field}` is given twice")]
    Duplicate {
        /// Which.
        field: Arc<str>,
    },
    /// A body with `inputs` that is not of the Open Inference Protocol.
    #[error("the body is not of the Open Inference Protocol: {0}")]
    Protocol(String),
    /// A tensor that cannot be used.
    #[error("tensor `{tensor}` {problem}")]
    Tensor {
        /// Which, shortened.
        tensor: String,
        /// What is wrong with it.
        problem: TensorProblem,
    },
    /// An attribute that cannot be used.
    #[error("attribute `{name}` {problem}")]
    Attribute {
        /// Which, shortened.
        name: String,
        /// What is wrong with it.
        problem: AttributeProblem,
    },
    /// The result cannot be sent where its caller wants it.
    #[error("the reply topic `{topic}` {problem}")]
    Reply {
        /// Where that is, shortened.
        topic: String,
        /// What is wrong with it.
        problem: ReplyProblem,
    },
    /// What stands beside the features cannot be read: the caller's key or budget.
    #[error("{name} must be {expected}, not `{found}`")]
    Parameter {
        /// Where it stands: a header, a query or a body's parameter.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What came instead, shortened.
        found: String,
    },
}

/// What is wrong with a tensor; reads on from "tensor `x`".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorProblem {
    /// Its name says nothing to us.
    #[error("is not a feature{}", did_you_mean(.similar.as_deref()))]
    Unknown {
        /// The feature that was probably meant.
        similar: Option<Arc<str>>,
    },
    /// It is there twice.
    #[error("is given twice")]
    Duplicate,
    /// A member is not there.
    #[error("has no `{0}`")]
    Without(&'static str),
    /// It announces more bytes behind the JSON than there are.
    #[error("announces {announced} bytes of binary data, and {left} are left behind the JSON")]
    Binary {
        /// How many it announces.
        announced: usize,
        /// How many are there.
        left: usize,
    },
    /// Its bytes are no values of its datatype.
    #[error("has binary data that cannot be read: {0}")]
    Bytewise(String),
    /// Its values lie where we do not look.
    #[error("lies in shared memory, which is not supported: send its values")]
    SharedMemory,
    /// A member cannot be read.
    #[error("needs {expected} as `{member}`")]
    Malformed {
        /// Which.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Its datatype is none of the protocol's.
    #[error("has the unknown datatype `{found}`: use BOOL, INT8 to INT64, UINT8 to UINT64, FP16, BF16, FP32 or FP64")]
    Datatype {
        /// What stood there, shortened.
        found: String,
    },
    /// Text where numbers are needed.
    #[error("has datatype BYTES, and is a number: send it as FP64")]
    Bytes,
    /// Anything else where a text is needed.
    #[error("has datatype {found}, and is a text: send it as BYTES")]
    NotBytes {
        /// What stood there, shortened.
        found: String,
    },
    /// A value that is no text.
    #[error("holds {found}, which is not a text")]
    NotText {
        /// What stood there.
        found: String,
    },
    /// More rows than may come at a time.
    #[error("has a batch of {rows} rows, at most {most} may come at a time")]
    Batch {
        /// How many there are.
        rows: i64,
        /// How many there may be.
        most: usize,
    },
    /// As many rows as others have, it has not.
    #[error("has {found} rows, and the tensors before it have {others}")]
    Rows {
        /// How many it has.
        found: usize,
        /// How many the others have.
        others: usize,
    },
    /// A shape that is none of ours.
    #[error("has shape {}, expected {expected}", shape(.found))]
    Shape {
        /// What stood there.
        found: Vec<i64>,
        /// The shapes that could have stood there.
        expected: String,
    },
    /// More or fewer values than its shape says.
    #[error("holds {found} values, its shape says {expected}")]
    Count {
        /// How many its shape says.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A value that does not fit its datatype.
    #[error("holds {found}, which is not {datatype}")]
    Element {
        /// What stood there, shortened.
        found: String,
        /// The tensor's datatype.
        datatype: String,
    },
    /// A value that no finite number can express.
    #[error("holds {found}, which is not a finite number")]
    NotFinite {
        /// What stood there, shortened.
        found: String,
    },
    /// A value that is null.
    #[error("holds null: every feature needs a number")]
    Null,
}

/// What is wrong with an attribute; reads on from "attribute `x`".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeProblem {
    /// The policy says nothing of it.
    #[error("is not one that the policy declares{}", did_you_mean(.similar.as_deref()))]
    Unknown {
        /// The attribute that was probably meant.
        similar: Option<Arc<str>>,
    },
    /// Its value is no text that can travel.
    #[error("must be 1 to 256 bytes of visible text, not `{found}`")]
    Text {
        /// What stood there, shortened.
        found: String,
    },
    /// Its value as a parameter is none that reads as text.
    #[error("must be a text, a number, true or false")]
    Kind,
    /// It is said twice, and not the same.
    #[error("is said to be both `{first}` and `{second}`")]
    Conflict {
        /// What was said first, shortened.
        first: String,
        /// And then, shortened.
        second: String,
    },
}

/// Why a result cannot be sent where its caller wants it; reads on from "the reply topic `x`".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyProblem {
    /// Kafka has no topics that are called so.
    #[error("is no topic's name: 1 to 249 letters, digits, `.`, `_` and `-`")]
    Name,
    /// Nobody's is sent anywhere.
    #[error("is not allowed: no topic is, because the operator names none with --reply-topics")]
    NoneAllowed,
    /// Others are allowed.
    #[error("is not among those that the operator allows with --reply-topics")]
    NotAllowed,
    /// Its partition cannot be read.
    #[error("is given with a `kafka_replyPartition` that is not 4 bytes of a number from 0")]
    Partition,
    /// What the caller calls the question is too long.
    #[error("is given with a correlation id of more than 256 bytes")]
    Correlation,
    /// The record's key is too long.
    #[error("is given with a record's key of more than 1,024 bytes, which the reply would have too")]
    Key,
}

/// The sorts of invalid input, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvalidReason {
    /// Nothing came.
    Empty,
    /// Too much came.
    Oversized,
    /// Framed for a schema registry, and its value cannot be had.
    Framed,
    /// Not JSON.
    NotJson,
    /// JSON, and not an object.
    NotAnObject,
    /// A feature is missing.
    Missing,
    /// A member or tensor is no feature.
    Extra,
    /// A feature is no number.
    WrongType,
    /// A feature is not finite.
    NotFinite,
    /// A feature is null.
    Null,
    /// A feature is there twice.
    Duplicate,
    /// Not of the Open Inference Protocol.
    Protocol,
    /// A tensor's shape or number of values is wrong.
    Shape,
    /// A batch of more rows than may come at a time.
    Batch,
    /// An attribute is unknown, unreadable or contradicts another.
    Attribute,
    /// The result cannot be sent where its caller wants it.
    Reply,
    /// A key or budget cannot be read.
    Parameter,
}

// === impl InvalidInput ===

impl InvalidInput {
    /// Returns what sort of mistake it is.
    #[must_use]
    pub fn reason(&self) -> InvalidReason {
        match self {
            Self::Empty => InvalidReason::Empty,
            Self::Oversized { .. } | Self::TooLargeForLog { .. } => InvalidReason::Oversized,
            Self::Framed(_) => InvalidReason::Framed,
            Self::NotJson { .. } => InvalidReason::NotJson,
            Self::NotAnObject { .. } => InvalidReason::NotAnObject,
            Self::Missing { .. } => InvalidReason::Missing,
            Self::Extra { .. } => InvalidReason::Extra,
            Self::Null { .. } | Self::NotText { found: "null", .. } => InvalidReason::Null,
            Self::WrongType { .. } | Self::NotText { .. } => InvalidReason::WrongType,
            Self::NotFinite { .. } => InvalidReason::NotFinite,
            Self::Duplicate { .. } => InvalidReason::Duplicate,
            Self::Protocol(_) => InvalidReason::Protocol,
            Self::Tensor { problem, .. } => problem.reason(),
            Self::Attribute { .. } => InvalidReason::Attribute,
            Self::Reply { .. } => InvalidReason::Reply,
            Self::Parameter { .. } => InvalidReason::Parameter,
        }
    }

    pub(crate) fn parameter(name: &'static str, expected: &'static str, found: impl fmt::Display) -> Self {
        Self::Parameter { name, expected, found: shortened(&found.to_string()).to_owned() }
    }
}

// === impl TensorProblem ===

impl TensorProblem {
    fn reason(&self) -> InvalidReason {
        match self {
            Self::Unknown { .. } => InvalidReason::Extra,
            Self::Duplicate => InvalidReason::Duplicate,
            Self::Without(_)
            | Self::Binary { .. }
            | Self::Bytewise(_)
            | Self::SharedMemory
            | Self::Malformed { .. } => InvalidReason::Protocol,
            Self::Datatype { .. }
            | Self::Bytes
            | Self::NotBytes { .. }
            | Self::NotText { .. }
            | Self::Element { .. } => InvalidReason::WrongType,
            Self::Batch { .. } => InvalidReason::Batch,
            Self::Rows { .. } | Self::Shape { .. } | Self::Count { .. } => InvalidReason::Shape,
            Self::NotFinite { .. } => InvalidReason::NotFinite,
            Self::Null => InvalidReason::Null,
        }
    }

    pub(super) fn of(self, tensor: &str) -> InvalidInput {
        InvalidInput::Tensor { tensor: shortened(tensor).to_owned(), problem: self }
    }
}

// === impl AttributeProblem ===

impl AttributeProblem {
    pub(super) fn of(self, name: &str) -> InvalidInput {
        InvalidInput::Attribute { name: shortened(name).to_owned(), problem: self }
    }
}

/// Returns which of `known` is so near to `name` that it was probably meant.
pub(super) fn similar(known: &[Arc<str>], name: &str) -> Option<Arc<str>> {
    let name = shortened(name).to_lowercase();
    let distance = |known: &Arc<str>| strsim::damerau_levenshtein(&known.to_lowercase(), &name);
    let nearest = known.iter().map(|known| (distance(known), known)).min_by_key(|(far, _)| *far);
    nearest.filter(|(far, known)| *far <= (known.chars().count() / 3).max(1)).map(|(_, it)| Arc::clone(it))
}

/// Returns at most 60 bytes of a caller's text: errors are read by people.
pub(crate) fn shortened(text: &str) -> &str {
    let end = (0..=text.len().min(60)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Five names are enough to see the pattern; a model may have a thousand features.
fn sentence_of_missing(fields: &[Arc<str>]) -> String {
    let names: Vec<String> = fields.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = fields.len().saturating_sub(names.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (noun, verb) = if fields.len() == 1 { ("feature", "is") } else { ("features", "are") };
    format!("{noun} {}{rest} {verb} missing", names.join(", "))
}

fn did_you_mean(similar: Option<&str>) -> String {
    similar.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

fn shape(dimensions: &[i64]) -> String {
    let shown: Vec<String> = dimensions.iter().take(8).map(i64::to_string).collect();
    let dots = if dimensions.len() > shown.len() { ", …" } else { "" };
    format!("[{}{dots}]", shown.join(", "))
}

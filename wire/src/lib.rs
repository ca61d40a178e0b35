//! What travels on the topics: records, their headers, identities and instants.
//!
//! Pure: no clock, no I/O, no async runtime. Everything here takes values and returns values, and builds for
//! `wasm32-unknown-unknown`. It deliberately does not know how records move (`bus`) nor what a policy means (`policies`).

mod attributes;
mod change;
mod comparison;
mod envelope;
mod headers;
mod id;
mod measured;
mod model;
pub mod mutation;
mod plan;
mod reader;
mod record;
mod reply;
mod time;
mod topic;
mod trace;

pub use attributes::Attributes;
pub use change::{
    ActedOn, Action, Apply, ApplyMode, CONTROL_TOPIC, CanaryAct, Change, ControlError, ControlRecord, Deed, Speeds,
    Tally,
};
pub use comparison::ComparisonRecord;
pub use envelope::{
    DeadLetter, Decoder, Envelope, EnvelopeError, Failure, FailureKind, Fence, Fencing, Reply, Request, Response,
    ResultKind, ResultRecord,
};
pub use headers::Headers;
pub use id::{ExecutorId, InvalidName, ModelName, ModelVersion, PolicyRef, RendezvousName, RequestId};
pub use measured::Measured;
pub use model::{
    BY_VALUE_MAX, Controlled, Descriptor, MODELS_TOPIC, ModelAction, ModelChange, ModelKind, ModelPart, Publish,
    Source, TensorSpec,
};
pub use plan::{Asked, Plan, Role};
pub use reader::{LEAD, Reading, ResultsEntry, ResultsReader, TopicReader};
pub use record::Record;
pub use reply::{Address, InvalidAddress, InvalidReplyTopics, ReplyTo, ReplyTopics};
pub use time::{Budget, Timestamp};
pub use topic::Topics;
pub use trace::{SpanId, SpanOf, TraceId, TraceParent};

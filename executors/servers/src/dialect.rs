//! What a kind of server has of its own: how it is asked about its model and about inputs. Everything else, `server` does
//! alike for all.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use executor::Input;
use wire::TraceParent;

use crate::{layout::Takes, secrets::Secret};

/// How long a server may take to describe its model, and to take a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer that is read.
pub(crate) const LONGEST: usize = 4 << 20;

/// A kind of server.
pub(crate) trait Dialect: Send + Sync + 'static {
    /// How it wants rows, and whatever else its description says.
    type Layout: Send + Sync + 'static;

    /// Whether answers do not say by which version of the model they are: then its description is asked for now and then.
    const IS_SILENT_ABOUT_VERSIONS: bool;

    /// Whether a server takes much longer over its first call than over any other, because it loads and compiles what it
    /// needs for it: then that call is about a made-up input, which nobody waits for. Others may be paid by the call.
    const IS_COLD_AT_FIRST: bool = false;

    /// Returns how a server that says nothing of itself is asked.
    fn assumed(&self, takes: &Takes) -> Self::Layout;

    /// Asks the server about its model.
    fn describe(
        &self,
        takes: &Takes,
        call: Call,
    ) -> impl Future<Output = Result<Description<Self::Layout>, Silence>> + Send;

    /// Returns why nothing can be asked about `input`, if so.
    fn check(&self, layout: &Self::Layout, input: &Input) -> Result<(), String>;

    /// Asks about `rows`, at least one, in one call.
    fn ask(
        &self,
        layout: &Self::Layout,
        rows: &[&Input],
        call: Call,
    ) -> impl Future<Output = Result<Answers, Problem>> + Send;
}

/// What goes with every call, whatever it is about.
#[derive(Clone)]
pub(crate) struct Call {
    /// How long it may take.
    pub(crate) left: Duration,
    /// What the server is told so that it lets us in.
    pub(crate) secret: Option<Arc<Secret>>,
    /// Under which span its own are to hang.
    pub(crate) parent: Option<TraceParent>,
}

/// What a server says of its model.
pub(crate) struct Description<Layout> {
    pub(crate) layout: Layout,
    /// Which version it has; `None` if it does not say.
    pub(crate) version: Option<String>,
}

/// What a server says about inputs: one answer for each, in their order.
pub(crate) struct Answers {
    pub(crate) bodies: Vec<Bytes>,
    /// By which version; `None` if it does not say.
    pub(crate) version: Option<String>,
}

/// Why there is no description of a model.
pub(crate) enum Silence {
    /// The server cannot be reached.
    Away(String),
    /// It does not know us.
    Barred(String),
    /// It is there, and describes nothing.
    Mute(String),
    /// It describes a model that is not for the policy's input.
    Misfit(String),
}

/// Why there is no answer to a call.
pub(crate) enum Problem {
    /// The server does not like what it was asked, or answers something else: of several rows, one may be to blame, or
    /// that they are several.
    Refused(String),
    /// It does not know us.
    Barred(String),
    /// It cannot answer now, and did nothing: it may be asked again, if it says so after a while.
    Later { words: String, after: Option<Duration> },
    /// Anything else: it is slow, it is broken.
    Failed(String),
}

// === impl Problem ===

impl Problem {
    pub(crate) fn into_words(self) -> String {
        let (Self::Refused(words) | Self::Barred(words) | Self::Later { words, .. } | Self::Failed(words)) = self;
        words
    }
}

// === impl Silence ===

impl Silence {
    /// Returns the silence that a call about a model ends with as `problem`.
    pub(crate) fn of(problem: Problem) -> Self {
        match problem {
            Problem::Refused(words) => Self::Mute(words),
            Problem::Barred(words) => Self::Barred(words),
            Problem::Later { words, .. } | Problem::Failed(words) => Self::Away(words),
        }
    }
}

/// Returns the beginning of a body, for people to read.
pub(crate) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned()
}

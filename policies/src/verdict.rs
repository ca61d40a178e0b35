//! What was decided, and why: the closed set of outcomes, and the receipt that explains each.

mod body;

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use wire::{Asked, ExecutorId, FailureKind, ModelVersion, ResultKind, Role, Timestamp};

pub use body::{ClauseBody, DecisionBody, LastKnownBody, PatienceBody, ReceiptBody, ResultBody};

use crate::{
    clause::{Choice, Why},
    evidence::{Evidence, Fields, Said, Seats, Speech},
};

/// What was decided about one request. There is one per request, and it never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The clause kind that decided.
    pub decided_by: DecidedBy,
    /// How many of the candidates had been heard.
    pub completeness: Completeness,
    /// Why then.
    pub reason: Reason,
    /// The answer: one JSON object.
    pub answer: Bytes,
    /// The executors whose answer it is; none for a default.
    pub executors: Vec<ExecutorId>,
    /// What kind of default it is; `None` for a prediction.
    pub fallback: Option<Fallen>,
    /// When, on the clock of the events.
    pub at: Timestamp,
    /// Everything that explains it.
    pub receipt: Receipt,
}

/// What a request fell back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallen {
    /// What the policy always says.
    Constant,
    /// The last prediction about the request's key, which was that old.
    LastKnown {
        /// Since the log took it in.
        age: Duration,
    },
    /// An error.
    Error,
}

/// The kind of clause that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecidedBy {
    /// The first usable answer.
    First,
    /// The best-ranked answer.
    Prefer,
    /// Enough that agree.
    Agree,
    /// The highest score.
    Best,
    /// An answer made of several.
    Combine,
    /// The policy's default.
    Default,
}

/// How many of the candidates had been heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completeness {
    /// Every candidate had answered.
    Full,
    /// Some had.
    Partial,
    /// None had.
    None,
}

/// Why a verdict came when it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing outstanding could change it any more.
    Early,
    /// Time was up.
    Deadline,
    /// Everyone had answered or failed.
    AllAnswered,
    /// A default: too few answered.
    TooFew,
    /// A default: enough answered, but they disagree.
    Dispute,
    /// A default: every candidate failed.
    AllFailed,
    /// A default: the request was dead when it arrived.
    StaleOnArrival,
    /// A default: refused under overload.
    Shed,
}

/// Everything that explains a verdict.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Receipt {
    /// Each executor that was asked, in the plan's order.
    pub entries: Vec<ReceiptEntry>,
    /// Each clause that was tried, in order; the last is the one that decided.
    pub clauses: Vec<ClauseNote>,
}

/// What was known of one executor when the verdict fell.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiptEntry {
    /// Which.
    pub executor: ExecutorId,
    /// What for.
    pub role: Role,
    /// How far it was.
    pub state: ReceiptState,
    /// When its response counted, since the request's birth; `None` while pending.
    pub after: Option<Duration>,
    /// How long the request took from the log to the executor; nothing while pending. A result does not show it.
    pub fetched: Duration,
    /// How long it waited in the executor, rounded down by less than a sixty-fourth; nothing while pending. A result does not show it.
    pub queued: Duration,
    /// How long its work took, rounded down by less than a 256th; nothing while pending. A result does not show it.
    pub scored: Duration,
    /// Which model answered.
    pub model: Option<ModelVersion>,
    /// The `confidence` field of its answer, if the policy names one and the answer has it.
    pub confidence: Option<f64>,
    /// Its answer, whatever it was. A result shows a canary's whole, and a candidate's by its digest.
    pub answer: Option<Bytes>,
    /// Why there is no answer.
    pub failure: Option<String>,
    /// What sort of failure that is, if it is one.
    pub failed: Option<FailureKind>,
    /// How long after the request's birth it could start.
    pub starts: Duration,
    /// Whether nothing was heard of it though it was waited for until a clause ended: results do not say so.
    pub in_vain: bool,
}

/// How far an executor was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiptState {
    /// Nothing heard yet.
    Pending,
    /// Answered usably.
    Answered,
    /// Answered without what the policy needs, or chose not to answer.
    Abstained,
    /// Failed, expired or was overloaded.
    Failed,
    /// Its breaker was open when the request was opened: it was asked and not waited for.
    BreakerOpen,
}

/// How one clause fared.
#[derive(Clone, Debug, PartialEq)]
pub struct ClauseNote {
    /// Its kind.
    pub kind: ClauseKind,
    /// Until when it was tried, since the request's birth.
    pub until: Duration,
    /// Whether it decided.
    pub decided: bool,
    /// When the extra wait after the first usable answer ended it, since birth, where that is earlier.
    pub extra_until: Option<Duration>,
    /// Why, or why not.
    pub(crate) why: Why,
    /// Until when each rank was waited for, since the request's birth, where ranks have a patience of their own.
    pub patience: Vec<(ExecutorId, Duration)>,
}

/// The kinds of clause are the ways to decide.
pub type ClauseKind = DecidedBy;

// === impl Verdict ===

impl Verdict {
    /// Returns whether the answer is a prediction, the policy's default, or its error.
    #[must_use]
    pub fn kind(&self) -> ResultKind {
        match self.fallback {
            None => ResultKind::Prediction,
            Some(Fallen::Constant | Fallen::LastKnown { .. }) => ResultKind::Default,
            Some(Fallen::Error) => ResultKind::Error,
        }
    }

    /// Returns whether the answer was made of several, and is nobody's own.
    #[must_use]
    pub fn is_synthesised(&self) -> bool {
        self.decided_by == DecidedBy::Combine
    }
}

// === impl ClauseNote ===

impl ClauseNote {
    /// Returns why it decided, or did not: one short sentence.
    #[must_use]
    pub fn why(&self) -> String {
        self.why.to_string()
    }
}

// === impl Ruling ===

/// A verdict without its explanation.
#[derive(Debug)]
pub(crate) struct Ruling {
    pub(crate) decided_by: DecidedBy,
    pub(crate) completeness: Completeness,
    pub(crate) reason: Reason,
    pub(crate) choice: Choice,
    pub(crate) at: Timestamp,
    /// For whom was waited until a clause ended.
    pub(crate) in_vain: Seats,
}

impl Ruling {
    /// Adds what was known when it fell: the evidence is spent.
    pub(crate) fn explained(self, evidence: &mut Evidence, fields: &Fields, clauses: Vec<ClauseNote>) -> Verdict {
        let Self { decided_by, completeness, reason, choice, at, in_vain } = self;
        let executors = choice.seats.into_iter().map(|seat| evidence.name(seat).clone()).collect();
        let voices = evidence.spend().into_iter().zip(evidence.roster.asked());
        let entry = |(seat, (said, asked)): (usize, (Option<Said>, &Asked))| match said {
            Some(said) => ReceiptEntry::heard(asked, said, fields),
            None if evidence.is_struck(seat) => ReceiptEntry::struck(asked),
            None => ReceiptEntry { in_vain: in_vain.contains(seat), ..ReceiptEntry::pending(asked) },
        };
        let entries = voices.enumerate().map(entry).collect();
        let receipt = Receipt { entries, clauses };
        let (answer, fallback) = (choice.answer, choice.fallen);
        Verdict { decided_by, completeness, reason, answer, executors, fallback, at, receipt }
    }
}

// === impl ReceiptEntry ===

impl ReceiptEntry {
    fn pending(asked: &Asked) -> Self {
        Self {
            executor: asked.executor.clone(),
            role: asked.role,
            state: ReceiptState::Pending,
            after: None,
            fetched: Duration::ZERO,
            queued: Duration::ZERO,
            scored: Duration::ZERO,
            model: None,
            confidence: None,
            answer: None,
            failure: None,
            failed: None,
            starts: asked.start_after,
            in_vain: false,
        }
    }

    fn struck(asked: &Asked) -> Self {
        let failure = Some("its breaker was open: it was not waited for".to_owned());
        Self { state: ReceiptState::BreakerOpen, failure, ..Self::pending(asked) }
    }

    fn heard(asked: &Asked, said: Said, fields: &Fields) -> Self {
        let (state, after) = (said.state(), Some(said.after()));
        let (fetched, queued, scored) = (said.fetched(), said.queued(), said.scored());
        let Said { model, speech, .. } = said;
        let mut entry = Self { state, after, fetched, queued, scored, model: Some(model), ..Self::pending(asked) };
        match speech {
            Speech::Usable(bytes, facts) => {
                entry.confidence = fields.confidence().and_then(|field| field.number(&facts));
                entry.answer = Some(bytes);
            }
            Speech::Shown(bytes) => {
                let facts = fields.confidence().and_then(|field| Some((field, fields.read(&bytes).ok()?)));
                entry.confidence = facts.and_then(|(field, facts)| field.number(&facts));
                entry.answer = Some(bytes);
            }
            Speech::Abstained(bytes, why) => (entry.answer, entry.failure) = (bytes, Some(why)),
            Speech::Failed(kind, why) => (entry.failed, entry.failure) = (Some(kind), Some(why)),
        }
        entry
    }

    /// Returns the answer's digest, as 16 hexadecimal digits (FNV-1a, 64 bits, to compare, not to protect).
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        self.answer.as_deref().map(fnv)
    }
}

/// FNV-1a, 64 bits: short, the same in every language, and nobody's protection.
fn fnv(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

// === impl DecidedBy, Completeness, Reason, ReceiptState ===

macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every one of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word for it, the same in results, YAML, metrics and pages.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Returns what `word` means.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <Cow<'_, str>>::deserialize(deserializer)?;
                Self::from_word(&word).ok_or_else(|| D::Error::unknown_variant(&word, &[$($word),+]))
            }
        }
    };
}

words!(DecidedBy {
    First => "first", Prefer => "prefer", Agree => "agree", Best => "best", Combine => "combine", Default => "default",
});
words!(Completeness { Full => "full", Partial => "partial", None => "none" });
words!(Reason {
    Early => "early", Deadline => "deadline", AllAnswered => "all_answered", TooFew => "too_few", Dispute => "dispute",
    AllFailed => "all_failed", StaleOnArrival => "stale_on_arrival", Shed => "shed",
});
words!(ReceiptState {
    Pending => "pending", Answered => "answered", Abstained => "abstained", Failed => "failed",
    BreakerOpen => "breaker_open",
});

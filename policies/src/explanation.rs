//! One request explained: who was asked, who said what when, how each clause fared, what was decided and why, and what
//! more time would have changed.
//!
//! Laws: what is told of the past is what the receipt says, never what a replay makes of it; what more time would have
//! changed is a replay of recorded responses, so it knows nothing of answers that nobody computed.
//! It deliberately does not know where records are read (`Recorded`) nor who prints it.

mod again;
mod instant;
mod screen;
mod witness;
mod words;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use wire::{Attributes, Role, TraceId};

use again::replayed;

pub use instant::rfc3339;

use crate::{
    ClauseBody, Completeness, DecidedBy, Definition, Given, Reason, Recorded, Verdict, evidence::canonical_eq,
};

/// One request, explained. As JSON its fields are documented in `docs/explain.md`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The request's id.
    pub id: String,
    /// The trace that it is part of: its caller's, or its own; `null` if the request is no longer in the log.
    pub trace_id: Option<String>,
    /// The rendezvous.
    pub rendezvous: String,
    /// The version that decided: `wine@3`.
    pub policy: String,
    /// Which of the policy's cases it was; `null` is the policy's own ladder.
    pub case: Option<String>,
    /// Whom or what it is about, where the policy says so.
    pub key: Option<String>,
    /// What the caller said beside the input.
    pub attributes: BTreeMap<String, String>,
    /// When it was taken in, as RFC 3339 in UTC; `null` if the request is no longer in the log.
    pub born: Option<String>,
    /// When it stood in the log for executors to read, in microseconds since birth; `null` if it is no longer there.
    pub asked_us: Option<u64>,
    /// How long its answer could take, in microseconds.
    pub budget_us: u64,
    /// When its result stood in the log, in microseconds since birth; `null` if there is none, or its birth is not known.
    pub answered_us: Option<u64>,
    /// What was decided; `null` if there is no result yet.
    pub verdict: Option<VerdictTold>,
    /// Everybody who was asked, in the plan's order.
    pub executors: Vec<ExecutorTold>,
    /// Every clause of the ladder, in order, those that were not reached included if the policy's text is known.
    pub clauses: Vec<ClauseTold>,
    /// What more time would have changed; `null` if that cannot be known, and `replay` says why.
    pub with_more: Option<WithMore>,
    /// Whether the recorded responses give the same verdict again.
    pub replay: ReplayTold,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictTold {
    /// `prediction`, `default` or `error`.
    pub kind: &'static str,
    /// The answer: one JSON object.
    pub answer: Value,
    /// The clause kind that decided.
    pub decided_by: DecidedBy,
    /// How many of the candidates had been heard.
    pub completeness: Completeness,
    /// Why then.
    pub reason: Reason,
    /// Whose answer it is; none for a default.
    pub executors: Vec<String>,
    /// From birth to verdict, in microseconds.
    pub elapsed_us: u64,
}

/// One executor that was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExecutorTold {
    /// Which.
    pub executor: String,
    /// `candidate` or `canary`.
    pub role: &'static str,
    /// How it stood at the verdict, or `late` if it answered after that.
    pub state: StateTold,
    /// When its response counted, or came if it was late, in microseconds since birth.
    pub after_us: Option<u64>,
    /// When its response stood in the log, in microseconds since birth; `null` if it is no longer there.
    pub appended_us: Option<u64>,
    /// How long after birth it was free to start, in microseconds.
    pub start_after_us: u64,
    /// How long the request took from the log to the executor, in microseconds.
    pub fetched_us: Option<u64>,
    /// How long the request waited in the executor, in microseconds.
    pub queued_us: Option<u64>,
    /// How long the work took, in microseconds.
    pub scored_us: Option<u64>,
    /// Which model answered.
    pub model: Option<String>,
    /// What it answered, and would have answered alone; `null` if it did not or the response is no longer in the log.
    pub answer: Option<Value>,
    /// Whether that is the answer that was given; `null` without an answer.
    pub same: Option<bool>,
    /// Whether the answer that was given is its own, alone or with others.
    pub chosen: bool,
    /// Why there is no usable answer.
    pub failure: Option<String>,
}

/// How an executor stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StateTold {
    /// It never answered.
    Pending,
    /// It answered usably.
    Answered,
    /// It answered without what the policy needs, or chose not to answer.
    Abstained,
    /// It failed, the request had expired for it, or it was overloaded.
    Failed,
    /// Its response was read after the verdict.
    Late,
    /// Its breaker was open: whatever it says, it was not waited for and holds no vote.
    BreakerOpen,
}

/// One clause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClauseTold {
    /// Its kind.
    pub kind: DecidedBy,
    /// Until when it was tried, in microseconds since birth.
    pub until_us: u64,
    /// When the extra wait after the first usable answer ended it, in microseconds since birth, where that was earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_until_us: Option<u64>,
    /// `decided`, `refused` (it was tried and did not decide) or `not_reached`.
    pub outcome: &'static str,
    /// Why, or why not; `null` if it was not reached.
    pub why: Option<String>,
}

/// What more time would have changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WithMore {
    /// So much more time for the budget, each clause and each patience, in microseconds.
    pub more_us: u64,
    /// What would have been decided.
    pub verdict: VerdictTold,
    /// Whether its answer is the one that was given.
    pub same_answer: bool,
    /// The least that would have changed the answer, in microseconds; `null` if no recorded response could.
    pub least_us: Option<u64>,
    /// Whose response would have been the one to change it.
    pub least_by: Option<String>,
}

/// Whether the recorded responses give the same verdict again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayTold {
    /// `same`, `different` (a mistake in hedgerow, please report it) or `impossible`.
    pub outcome: &'static str,
    /// What differs, or why it is impossible.
    pub why: Option<String>,
}

// === impl Explanation ===

impl Explanation {
    /// Explains what was `recorded`, by the text of the version that decided if that is known, and says what `more`
    /// time would have changed. `None` if nothing was recorded.
    #[must_use]
    pub fn of(recorded: &Recorded, definition: Option<&Definition>, more: Duration) -> Option<Self> {
        let (id, name) = (recorded.id()?, name(recorded, definition));
        let request = recorded.request.as_ref().map(|(request, _)| request);
        let given = recorded.result.as_ref();
        let replayed = replayed(recorded, definition, more);
        let attributes = request.map(|request| &request.attributes);
        Some(Self {
            id: id.to_string(),
            trace_id: request.map(|request| TraceId::of(request).to_string()),
            rendezvous: name.0,
            policy: name.1,
            case: case(recorded).map(str::to_owned),
            key: request.and_then(|request| request.key.as_deref()).map(str::to_owned),
            attributes: attributes.map(told).unwrap_or_default(),
            born: request.map(|request| instant::rfc3339(request.born)),
            asked_us: since_birth(recorded, recorded.request.as_ref().map(|(_, appended)| *appended)),
            budget_us: budget(recorded, definition),
            answered_us: since_birth(recorded, given.map(|given| given.appended)),
            verdict: given.map(VerdictTold::given),
            executors: executors(recorded, definition),
            clauses: clauses(recorded, definition),
            with_more: replayed.as_ref().ok().and_then(|replayed| replayed.with_more.clone()),
            replay: replayed.map_or_else(|why| ReplayTold::impossible(&why), |replayed| replayed.told),
        })
    }
}

/// Rendezvous, and the version that decided, or was to decide.
fn name(recorded: &Recorded, definition: Option<&Definition>) -> (String, String) {
    let policy = recorded.policy().or(definition.map(|definition| &definition.policy_ref));
    policy.map_or_else(Default::default, |policy| (policy.rendezvous.to_string(), policy.to_string()))
}

fn told(attributes: &Attributes) -> BTreeMap<String, String> {
    attributes.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Which case it was: the request's header says, and the result.
fn case(recorded: &Recorded) -> Option<&str> {
    let of_request = recorded.request.as_ref().and_then(|(request, _)| request.case.as_deref());
    of_request.or_else(|| recorded.result.as_ref()?.body.decision.case.as_deref())
}

/// The request's, unless its policy's is shorter.
fn budget(recorded: &Recorded, definition: Option<&Definition>) -> u64 {
    let request = recorded.request.as_ref().map(|(request, _)| request);
    let of_result = recorded.result.as_ref().map(|given| given.body.decision.budget_us);
    let asked = of_result.or(request.map(|request| request.budget.as_micros())).unwrap_or_default();
    let policy = definition.and_then(|definition| definition.policy_for(case(recorded)));
    policy.map_or(asked, |policy| asked.min(policy.budget().as_micros()))
}

/// Everybody in the plan; without the request, everybody in the receipt.
fn executors(recorded: &Recorded, definition: Option<&Definition>) -> Vec<ExecutorTold> {
    let decision = recorded.result.as_ref().map(|given| &given.body.decision);
    if let Some((request, _)) = &recorded.request {
        let asked = request.plan.asked().iter();
        return asked.map(|asked| ExecutorTold::asked(asked, recorded, decision, definition)).collect();
    }
    let receipt = decision.map(|decision| decision.receipt.as_slice()).unwrap_or_default();
    let asked = |entry: &crate::ReceiptBody| {
        let role = if entry.role == "canary" { Role::Canary } else { Role::Candidate };
        let executor = wire::ExecutorId::new(&entry.executor).ok()?;
        Some(wire::Asked { executor, role, start_after: Duration::ZERO })
    };
    let asked = receipt.iter().filter_map(asked);
    asked.map(|asked| ExecutorTold::asked(&asked, recorded, decision, definition)).collect()
}

/// Those that were tried, as the result tells; behind them those that were not reached, as the policy tells.
fn clauses(recorded: &Recorded, definition: Option<&Definition>) -> Vec<ClauseTold> {
    let decision = recorded.result.as_ref().map(|given| &given.body.decision);
    let tried = decision.map(|decision| decision.clauses.as_slice()).unwrap_or_default();
    let ladder = definition.and_then(|definition| definition.policy_for(case(recorded)));
    let rest = ladder.map(|policy| policy.ladder.get(tried.len()..).unwrap_or_default()).unwrap_or_default();
    let not_reached = rest.iter().map(|rung| ClauseTold {
        kind: rung.clause.kind(),
        until_us: micros(rung.until),
        extra_until_us: None,
        outcome: "not_reached",
        why: None,
    });
    tried.iter().map(ClauseTold::tried).chain(not_reached).collect()
}

// === impl VerdictTold ===

impl VerdictTold {
    fn given(given: &Given) -> Self {
        let decision = &given.body.decision;
        Self {
            kind: given.record.kind.as_str(),
            answer: given.body.answer.clone(),
            decided_by: decision.decided_by,
            completeness: decision.completeness,
            reason: decision.reason,
            executors: decision.executors.clone(),
            elapsed_us: decision.elapsed_us,
        }
    }

    fn replayed(verdict: &Verdict, born: wire::Timestamp) -> Self {
        Self {
            kind: verdict.kind().as_str(),
            answer: value(&verdict.answer),
            decided_by: verdict.decided_by,
            completeness: verdict.completeness,
            reason: verdict.reason,
            executors: verdict.executors.iter().map(ToString::to_string).collect(),
            elapsed_us: micros(verdict.at.since(born)),
        }
    }

    /// Returns the first thing in which `other` is another verdict, in words.
    fn difference(&self, other: &Self) -> Option<String> {
        let pairs = [
            ("decided_by", self.decided_by.as_str().to_owned(), other.decided_by.as_str().to_owned()),
            ("reason", self.reason.as_str().to_owned(), other.reason.as_str().to_owned()),
            ("completeness", self.completeness.as_str().to_owned(), other.completeness.as_str().to_owned()),
            ("executors", self.executors.join(", "), other.executors.join(", ")),
            ("kind", self.kind.to_owned(), other.kind.to_owned()),
            ("elapsed_us", self.elapsed_us.to_string(), other.elapsed_us.to_string()),
        ];
        if !canonical_eq(&self.answer, &other.answer) {
            return Some(format!("the answer was {}, a replay gives {}", self.answer, other.answer));
        }
        let differing = pairs.into_iter().find(|(_, given, again)| given != again);
        differing.map(|(what, given, again)| format!("{what} was {given}, a replay gives {again}"))
    }
}

// === impl ClauseTold ===

impl ClauseTold {
    fn tried(clause: &ClauseBody) -> Self {
        let outcome = if clause.decided { "decided" } else { "refused" };
        let ClauseBody { kind, until_us, extra_until_us, .. } = *clause;
        Self { kind, until_us, extra_until_us, outcome, why: Some(clause.why.clone()) }
    }
}

/// Returns how long after the request's birth `at` was, in microseconds.
fn since_birth(recorded: &Recorded, at: Option<wire::Timestamp>) -> Option<u64> {
    Some(micros(at?.since(recorded.born()?)))
}

/// Whether two answers say the same where the policy's `answer: { value }` points, or altogether if it does not say.
fn same(definition: Option<&Definition>, left: &Value, right: &Value) -> bool {
    let value = |answer: &Value| definition?.policy.value_of(answer.to_string().as_bytes());
    match (value(left), value(right)) {
        (Some(left), Some(right)) => canonical_eq(&left, &right),
        _ => canonical_eq(left, right),
    }
}

/// An answer as JSON; what is none (a canary may say anything) as text.
fn value(answer: &Bytes) -> Value {
    serde_json::from_slice(answer).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(answer).into_owned()))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

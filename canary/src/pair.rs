//! One request, two who were asked: what both said, and what that would have changed.
//!
//! Laws: an answer counts whether it came before the verdict or after; the first response of an executor is its word;
//! whoever failed has no answer that could be compared, and is counted for that.
//! Whether a result would have been another is asked of `policies::Rehearing`, never worked out here.

use std::{borrow::Cow, sync::Arc, time::Duration};

use policies::{Definition, Recorded, Rehearing, Standing, canonical_eq};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::{ExecutorId, FailureKind, Reply, Request, RequestId, Response, Timestamp};

use crate::{
    Matchup,
    ranking::{Likeness, Ranking},
};

/// What one request shows of a canary and its reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Which.
    pub request: RequestId,
    /// When the log took it in.
    pub at: Timestamp,
    /// What the canary did.
    pub canary: Side,
    /// What its reference did.
    pub reference: Side,
    /// Whether both gave the same answer; `None` if their answers cannot be compared, or one has none.
    pub agree: Option<bool>,
    /// How alike both lists are, where answers are compared and have lists.
    pub likeness: Option<Likeness>,
    /// What would have become of the result; an error says why nobody knows.
    pub impact: Result<Impact, &'static str>,
    /// What the request is one of, by dimension: text, or a number.
    pub facts: Vec<(Arc<str>, Value)>,
}

/// What one of the two did.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// What it came to.
    pub said: Said,
    /// From its start to its response in the log.
    pub latency: Option<Duration>,
    /// How long the work took.
    pub scored: Option<Duration>,
    /// How long after the verdict its response came, where it came after it.
    pub late: Option<Duration>,
    /// Which model.
    pub model: Option<String>,
    /// What it answered: the value where the policy says where that is, else the whole answer.
    pub value: Option<Value>,
    /// Its list, where the policy says where that is.
    pub list: Option<Ranking>,
    /// Its confidence, where the policy says where that is.
    pub confidence: Option<f64>,
    /// Whether it was right, where the truth was told.
    pub right: Option<bool>,
}

/// What a response came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// An answer, with what the policy compares.
    Answered,
    /// An answer without it.
    Unreadable,
    /// It chose not to answer.
    Abstained,
    /// Its model or server raised an error.
    Failed,
    /// It had no time left, or no room.
    Expired,
    /// Nothing was heard of it, however long one waited.
    Silent,
}

/// Why an answer was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// The canary was new: it, or what it runs on, was not warm.
    WarmUp,
    /// Too many requests were open at once; the oldest was given up.
    Evicted,
    /// The version of the policy that decided is not known any more.
    PolicyUnknown,
    /// The request was shed or came too late to be asked anybody.
    Refused,
    /// The reference was not asked about this request.
    ReferenceNotAsked,
    /// Nothing was heard of the reference.
    ReferenceSilent,
    /// The reference failed.
    ReferenceFailed,
    /// The reference chose not to answer.
    ReferenceAbstained,
    /// The canary had no time or no room.
    CanaryExpired,
    /// Nothing was heard of the canary.
    CanarySilent,
    /// The canary failed.
    CanaryFailed,
    /// The canary chose not to answer.
    CanaryAbstained,
    /// One of two answers has nothing that the policy compares.
    NotComparable,
}

/// Whether the result would have been another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impact {
    /// Had the canary been a candidate.
    pub candidate: bool,
    /// Had it been the first in rank.
    pub first: bool,
}

// === impl Pair ===

impl Pair {
    /// Returns what `recorded` shows of `canary` and `reference`, `truth` being what turned out to be right, or why it
    /// shows nothing of them. `None` if the canary was not asked.
    #[must_use]
    pub fn of(
        recorded: &Recorded,
        definition: &Definition,
        (canary, matchup): (&ExecutorId, &Matchup),
        truth: Option<&Value>,
    ) -> Option<Result<Self, Excluded>> {
        let (request, appended) = recorded.request.as_ref()?;
        request.plan.find(canary)?;
        if recorded.result.as_ref().is_some_and(|given| was_refused(given.body.decision.reason)) {
            return Some(Err(Excluded::Refused));
        }
        if request.plan.find(&matchup.reference).is_none() {
            return Some(Err(Excluded::ReferenceNotAsked));
        }
        let Some(policy) = definition.policy_for(request.case.as_deref()) else {
            return Some(Err(Excluded::PolicyUnknown));
        };
        let side = |executor| Side::of(recorded, (request, *appended), executor, (policy, matchup), truth);
        let (canary_side, reference) = (side(canary), side(&matchup.reference));
        let agree = canary_side.value.as_ref().zip(reference.value.as_ref());
        Some(Ok(Self {
            request: request.id,
            at: *appended,
            likeness: agree.and_then(|_| likeness(&canary_side, &reference, matchup)),
            agree: agree.map(|(said, other)| same(said, other, matchup.within)),
            impact: impact(recorded, definition, canary),
            facts: facts(request, definition, &reference),
            canary: canary_side,
            reference,
        }))
    }

    /// Returns how alike both lists are, and whether the canary's and the reference's had an item more than once.
    pub(crate) fn lists(&self) -> Option<(Likeness, (bool, bool))> {
        Some((self.likeness?, (self.canary.repeats(), self.reference.repeats())))
    }

    /// Returns why the answers were not compared, if they were not.
    #[must_use]
    pub fn excluded(&self) -> Option<Excluded> {
        // The reference first: without it there is nothing that a canary could be held against.
        match (self.reference.said, self.canary.said) {
            (Said::Silent, _) => Some(Excluded::ReferenceSilent),
            (Said::Failed | Said::Expired, _) => Some(Excluded::ReferenceFailed),
            (Said::Abstained, _) => Some(Excluded::ReferenceAbstained),
            (_, Said::Silent) => Some(Excluded::CanarySilent),
            (_, Said::Expired) => Some(Excluded::CanaryExpired),
            (_, Said::Failed) => Some(Excluded::CanaryFailed),
            (_, Said::Abstained) => Some(Excluded::CanaryAbstained),
            (Said::Answered | Said::Unreadable, Said::Answered | Said::Unreadable) => {
                self.agree.is_none().then_some(Excluded::NotComparable)
            }
        }
    }
}

/// How alike the lists of two who answered are, if the policy names one.
fn likeness(canary: &Side, reference: &Side, matchup: &Matchup) -> Option<Likeness> {
    let (canary, reference) = canary.list.as_ref().zip(reference.list.as_ref())?;
    let compared_by = matchup.list.as_ref()?;
    Some(canary.likeness(reference, compared_by.top, compared_by.persistence))
}

fn was_refused(reason: policies::Reason) -> bool {
    matches!(reason, policies::Reason::Shed | policies::Reason::StaleOnArrival)
}

/// Numbers by how far apart they are, everything else as labels are: `"1"` is not 1.
fn same(said: &Value, other: &Value, within: f64) -> bool {
    match (said.as_f64(), other.as_f64()) {
        (Some(said), Some(other)) => (said - other).abs() <= within,
        _ => canonical_eq(said, other),
    }
}

fn impact(recorded: &Recorded, definition: &Definition, canary: &ExecutorId) -> Result<Impact, &'static str> {
    let rehearing = Rehearing::of(recorded).map_err(|why| why.kind())?;
    let given = recorded.result.as_ref().ok_or("no result yet")?;
    let case = given.body.decision.case.as_deref();
    let policy = definition.policy_for(case).ok_or("its case is unknown")?;
    let changes = |standing| -> Result<bool, &'static str> {
        let verdict = rehearing.with_standing(definition, canary, standing).map_err(|why| why.kind())?;
        let answer: Value = serde_json::from_slice(&verdict.answer).unwrap_or_default();
        Ok(verdict.kind() != given.record.kind || !policy.same_answer(&given.body.answer, &answer))
    };
    Ok(Impact { candidate: changes(Standing::Candidate)?, first: changes(Standing::First)? })
}

/// What was asked, what the caller said beside it, and what the reference answered, where that is a label.
fn facts(request: &Request, definition: &Definition, reference: &Side) -> Vec<(Arc<str>, Value)> {
    let body: serde_json::Map<String, Value> = serde_json::from_slice(&request.body).unwrap_or_default();
    let features = definition.input.features.iter();
    let inputs = features.filter_map(|name| Some((format!("input.{name}").into(), body.get(&**name)?.clone())));
    let attributes = definition.attributes.iter();
    let said = attributes.filter_map(|name| {
        let said = request.attributes.get(name)?;
        Some((format!("attributes.{name}").into(), Value::from(said)))
    });
    let case = request.case.iter().map(|case| ("case".into(), Value::from(&**case)));
    let label = reference.value.as_ref().filter(|value| value.is_string() || value.is_boolean());
    inputs.chain(said).chain(case).chain(label.map(|label| ("reference says".into(), label.clone()))).collect()
}

// === impl Side ===

impl Side {
    fn of(
        recorded: &Recorded,
        (request, appended): (&Request, Timestamp),
        executor: &ExecutorId,
        (policy, matchup): (&policies::Policy, &Matchup),
        truth: Option<&Value>,
    ) -> Self {
        let mut side = Self {
            said: Said::Silent,
            latency: None,
            scored: None,
            late: None,
            model: None,
            value: None,
            list: None,
            confidence: None,
            right: None,
        };
        let first = recorded.responses.iter().find(|(response, _)| response.executor == *executor);
        let Some((response, at)) = first else { return side };
        let start = request.plan.find(executor).map_or(Duration::ZERO, |asked| asked.start_after);
        side.model = Some(response.model.as_str().to_owned());
        side.late = recorded.result.as_ref().and_then(|given| {
            let verdict = recorded.born()?.after(Duration::from_micros(given.body.decision.elapsed_us));
            (*at > verdict).then(|| at.since(verdict))
        });
        side.said = match &response.reply {
            Reply::Failure(failure) => Said::of(failure.kind),
            Reply::Answer(answer) => {
                side.latency = Some(at.since(appended.after(start)));
                side.scored = Some(response.scored);
                side.list = matchup.list.as_ref().and_then(|list| Ranking::read(list, answer));
                // An answer without the list lacks what the policy compares, as one without the value does.
                let lacks_list = matchup.list.is_some() && side.list.is_none();
                side.value = policy.answer_proper(answer).filter(|_| !lacks_list);
                side.confidence = policy.confidence_of(answer);
                if side.value.is_some() { Said::Answered } else { Said::Unreadable }
            }
        };
        side.right = truth.zip(side.value.as_ref()).map(|(truth, said)| same(said, truth, 0.0));
        side
    }

    /// Returns whether its list had an item more than once.
    fn repeats(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.has_repeats)
    }

    /// Returns whether it failed where the other may have answered. Whoever abstains does not fail.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self.said, Said::Failed | Said::Expired | Said::Silent)
    }

    /// Returns the answer as one number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.value.as_ref()?.as_f64().filter(|number| number.is_finite())
    }

    /// Returns the answer as a label, if it is text or yes or no.
    #[must_use]
    pub fn label(&self) -> Option<Cow<'_, str>> {
        match self.value.as_ref()? {
            Value::String(text) => Some(text.into()),
            Value::Bool(yes) => Some(if *yes { "true" } else { "false" }.into()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string().into()),
            _ => None,
        }
    }
}

// === impl Said ===

impl Said {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unreadable => "unreadable",
            Self::Abstained => "abstained",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Silent => "silent",
        }
    }

    fn of(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Abstained => Self::Abstained,
            FailureKind::Failed => Self::Failed,
            FailureKind::Expired | FailureKind::Overloaded => Self::Expired,
        }
    }
}

// === impl Excluded ===

impl Excluded {
    /// Returns the word for it, the same in reports, metrics and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WarmUp => "warm_up",
            Self::Evicted => "evicted",
            Self::PolicyUnknown => "policy_unknown",
            Self::Refused => "refused",
            Self::ReferenceNotAsked => "reference_not_asked",
            Self::ReferenceSilent => "reference_silent",
            Self::ReferenceFailed => "reference_failed",
            Self::ReferenceAbstained => "reference_abstained",
            Self::CanaryExpired => "canary_expired",
            Self::CanarySilent => "canary_silent",
            Self::CanaryFailed => "canary_failed",
            Self::CanaryAbstained => "canary_abstained",
            Self::NotComparable => "not_comparable",
        }
    }
}

/// Returns the size of what is kept of a response until its request is settled.
pub(crate) fn size(response: &Response) -> usize {
    let said = match &response.reply {
        Reply::Answer(answer) => answer.len(),
        Reply::Failure(failure) => failure.message.len(),
    };
    size_of::<(Response, Timestamp)>() + said
}

#[cfg(test)]
mod tests;

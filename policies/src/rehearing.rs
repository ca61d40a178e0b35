//! Plays recorded responses again: under the version that decided, under it with more time, under another policy.
//!
//! Law: under the version that decided, without more time, the verdict is the recorded one. To that end a response
//! counts when the receipt says that it counted; one that the verdict did not know counts when the log took it in, but
//! not before the verdict, because whoever decided had not read it by then.
//! It deliberately does not know what would have been computed otherwise: executors are not asked again.

mod standing;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use wire::{Budget, ExecutorId, Plan, Request, Response, Timestamp};

use crate::{
    Circumstances, DecisionBody, Definition, Evaluation, LastKnown, Policy, Reason, ReceiptState, Recorded, ResultBody,
    Verdict,
};

pub use standing::Standing;

/// One recorded request, ready to be decided about again.
#[derive(Debug)]
pub struct Rehearing<'recorded> {
    request: &'recorded Request,
    decision: &'recorded DecisionBody,
    born: Timestamp,
    /// In the order in which they are told.
    arrivals: Vec<Arrival<'recorded>>,
    circumstances: Circumstances,
}

/// One response, and when it counts.
#[derive(Clone, Copy, Debug)]
struct Arrival<'recorded> {
    response: &'recorded Response,
    at: Timestamp,
    /// Whether the verdict that was given knew it.
    known: bool,
}

/// Why a recorded request cannot be decided about again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreplayable {
    /// There is no request.
    #[error("the request is no longer in the log")]
    RequestGone,
    /// There is no result, so nobody knows what was heard in time.
    #[error("there is no result yet")]
    NoResult,
    /// These answered in time, and what they said is not there.
    #[error("the responses of {} are no longer in the log", .0.join(", "))]
    ResponsesGone(Vec<String>),
    /// The result was too large for the log and stands there without its receipt.
    #[error("the result was too large for the log and was written without its receipt")]
    Shrunk,
    /// The version has no such case.
    #[error("the policy has no case `{0}`")]
    NoCase(String),
}

// === impl Unreplayable ===

impl Unreplayable {
    /// Returns why in a few words, the same for all requests that it is true of.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RequestGone => "the request is no longer in the log",
            Self::NoResult => "no result yet",
            Self::ResponsesGone(_) => "responses are no longer in the log",
            Self::Shrunk => "the result was too large for the log",
            Self::NoCase(_) => "its case is unknown",
        }
    }
}

// === impl Rehearing ===

impl<'recorded> Rehearing<'recorded> {
    /// Prepares what was `recorded` to be played again.
    pub fn of(recorded: &'recorded Recorded) -> Result<Self, Unreplayable> {
        let (request, appended) = recorded.request.as_ref().ok_or(Unreplayable::RequestGone)?;
        let body = &recorded.result.as_ref().ok_or(Unreplayable::NoResult)?.body;
        let decision = &body.decision;
        if decision.receipt.is_empty() && !request.plan.asked().is_empty() {
            return Err(Unreplayable::Shrunk);
        }
        let born = born(request, *appended);
        let arrivals = arrivals(recorded, decision, born);
        let gone: Vec<String> = decision
            .receipt
            .iter()
            .filter(|entry| !matches!(entry.state, ReceiptState::Pending | ReceiptState::BreakerOpen))
            .filter(|entry| !arrivals.iter().any(|arrival| arrival.response.executor.as_str() == entry.executor))
            .map(|entry| entry.executor.clone())
            .collect();
        if !gone.is_empty() {
            return Err(Unreplayable::ResponsesGone(gone));
        }
        Ok(Self { request, decision, born, arrivals, circumstances: circumstances(body, born) })
    }

    /// Returns when the request was born, as its verdict counted.
    #[must_use]
    pub fn born(&self) -> Timestamp {
        self.born
    }

    /// Returns whether the request was refused and never evaluated: shed, or stale on arrival.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        matches!(self.decision.reason, Reason::Shed | Reason::StaleOnArrival)
    }

    /// Decides again from what was known then.
    pub fn again(&self, definition: &Definition) -> Result<Verdict, Unreplayable> {
        let policy = self.policy(definition)?;
        let plan = &self.request.plan;
        if self.was_refused() {
            let at = self.born.after(Duration::from_micros(self.decision.elapsed_us));
            return Ok(Evaluation::refuse(policy, plan, self.born, self.decision.reason, at, &self.circumstances));
        }
        let known = self.arrivals.iter().filter(|arrival| arrival.known);
        let times = (self.request.budget, self.lead(policy));
        Ok(self.play(&self.pinned(policy), plan, times, &self.circumstances, known))
    }

    /// Decides again as if the budget, each clause and each patience had lasted `more` longer.
    pub fn with_more(&self, definition: &Definition, more: Duration) -> Result<Verdict, Unreplayable> {
        let policy = self.policy(definition)?;
        let (longer, lead) = (Arc::new(self.pinned(policy).prolonged(more)), self.lead(policy));
        let budget = self.request.budget.as_micros().saturating_add(micros(more));
        let arrivals = self.arrivals.iter();
        let times = (Budget::from_micros(budget), lead);
        Ok(self.play(&longer, &self.request.plan, times, &self.circumstances, arrivals))
    }

    /// Decides again as if the budget, each clause and each patience had lasted `less` less long: what counted later than
    /// they would have ended was not heard.
    pub fn with_less(&self, definition: &Definition, less: Duration) -> Result<Verdict, Unreplayable> {
        let policy = self.policy(definition)?;
        let (shorter, lead) = (Arc::new(self.pinned(policy).shortened(less)), self.lead(policy));
        let budget = self.request.budget.as_micros().saturating_sub(micros(less));
        let times = (Budget::from_micros(budget), lead);
        Ok(self.play(&shorter, &self.request.plan, times, &self.circumstances, self.arrivals.iter()))
    }

    /// Decides under another policy, `definition`: its cases, its executors, its times. Whose breaker was open then is
    /// not waited for, unless this policy switches it off. A caller who had asked for
    /// less time than the policy of then, `old`, gets no more now.
    #[must_use]
    pub fn under(&self, definition: &Definition, old: Option<&Definition>) -> Verdict {
        let old = old.and_then(|old| self.policy(old).ok());
        let asked = self.request.budget;
        let within = (asked < old.map_or(definition.budget, |old| old.budget())).then_some(asked);
        let route = definition.route(&self.request.body, &self.request.attributes, within);
        let policy = definition.policy_for(route.case.as_deref()).unwrap_or(&definition.policy);
        let lead = old.map_or(Duration::ZERO, |old| self.lead(old));
        let mut circumstances = self.circumstances.clone();
        let has_breaker =
            |executor: &ExecutorId| definition.executor(executor.as_str()).is_some_and(|spec| spec.breaker.is_some());
        circumstances.open_breakers.retain(has_breaker);
        self.play(policy, &route.plan, (route.budget, lead), &circumstances, self.arrivals.iter())
    }

    /// Returns the amounts of more time that could change something, ascending, each with the candidate whose response
    /// would then come before the end of a clause or of a patience that it came too late for.
    pub(crate) fn thresholds(&self, definition: &Definition) -> Result<Vec<(Duration, &ExecutorId)>, Unreplayable> {
        let policy = &self.pinned(self.policy(definition)?);
        let budget = self.request.budget.min(policy.budget()).as_duration();
        let cap = budget.saturating_sub(self.lead(policy));
        let ends = policy.ladder.iter().flat_map(|rung| rung.clause.patience().chain([rung.until]));
        let ends: BTreeSet<Duration> = ends.map(|end| end.min(cap)).collect();
        let is_candidate = |executor| {
            self.request.plan.find(executor).is_some_and(|asked: &wire::Asked| asked.role == wire::Role::Candidate)
        };
        let candidates = self.arrivals.iter().filter(|arrival| is_candidate(&arrival.response.executor));
        let missed = candidates.flat_map(|arrival| {
            let after = arrival.at.since(self.born);
            // Time comes before data at equal instants, so it takes a little more than what was missing.
            let missing = move |end: &Duration| Some(after.checked_sub(*end)? + Duration::from_micros(1));
            ends.iter().filter_map(missing).map(|missing| (missing, &arrival.response.executor))
        });
        let mut missed: Vec<_> = missed.collect();
        missed.sort_unstable();
        missed.dedup_by_key(|(missing, _)| *missing);
        Ok(missed)
    }

    fn policy<'definition>(
        &self,
        definition: &'definition Definition,
    ) -> Result<&'definition Arc<Policy>, Unreplayable> {
        let case = self.request.case.as_deref();
        definition.policy_for(case).ok_or_else(|| Unreplayable::NoCase(case.unwrap_or_default().to_owned()))
    }

    /// Returns `policy` with the patience that each rank had: what executors usually took then is in the receipt alone.
    fn pinned(&self, policy: &Arc<Policy>) -> Arc<Policy> {
        if self.decision.clauses.iter().all(|clause| clause.patience.is_empty()) {
            return Arc::clone(policy);
        }
        let mut pinned = Policy::clone(policy);
        for (rung, told) in pinned.ladder.iter_mut().zip(&self.decision.clauses) {
            rung.clause.pin(&told.patience);
        }
        Arc::new(pinned)
    }

    /// Returns how much earlier than the deadline the last clause ended. The receipt shows it where it mattered: there
    /// a clause that was tried ended before its own `until`.
    fn lead(&self, policy: &Policy) -> Duration {
        let budget = self.request.budget.min(policy.budget()).as_duration();
        let capped = self.decision.clauses.iter().zip(&policy.ladder).find_map(|(told, rung)| {
            let until = Duration::from_micros(told.until_us);
            (until < rung.until).then_some(until)
        });
        capped.map_or(Duration::ZERO, |cap| budget.saturating_sub(cap))
    }

    fn play<'arrivals>(
        &self,
        policy: &Arc<Policy>,
        plan: &Plan,
        (budget, lead): (Budget, Duration),
        circumstances: &Circumstances,
        arrivals: impl Iterator<Item = &'arrivals Arrival<'recorded>>,
    ) -> Verdict
    where
        'recorded: 'arrivals,
    {
        let step = Evaluation::open(Arc::clone(policy), plan, self.born, budget, lead, circumstances);
        step.finish(arrivals.map(|arrival| (arrival.response, arrival.at)))
    }
}

/// No request is born after the log took it in, which may be rounded down to a millisecond: the collector's own rule.
pub(crate) fn born(request: &Request, appended: Timestamp) -> Timestamp {
    request.born.min(appended.after(Duration::from_millis(1)))
}

/// What was known of the key stands in the result if it mattered: it is the answer. Whose breaker was open stands in the
/// receipt.
fn circumstances(body: &ResultBody, born: Timestamp) -> Circumstances {
    let last_known = body.decision.last_known.map(|known| LastKnown {
        answer: body.answer.to_string().into(),
        // Its age is that at the verdict.
        at: born.after(Duration::from_micros(body.decision.elapsed_us)).before(Duration::from_micros(known.age_us)),
    });
    let open = body.decision.receipt.iter().filter(|entry| entry.state == ReceiptState::BreakerOpen);
    let open_breakers = open.filter_map(|entry| ExecutorId::new(&entry.executor).ok()).collect();
    Circumstances { last_known, open_breakers, ..Circumstances::default() }
}

fn arrivals<'recorded>(
    recorded: &'recorded Recorded,
    decision: &DecisionBody,
    born: Timestamp,
) -> Vec<Arrival<'recorded>> {
    let verdict = born.after(Duration::from_micros(decision.elapsed_us));
    let mut spoken = HashSet::new();
    let first = recorded.responses.iter().filter(|(response, _)| spoken.insert(&response.executor));
    let mut arrivals: Vec<Arrival<'_>> = first
        .map(|(response, appended)| {
            let entry = decision.receipt.iter().find(|entry| entry.executor == response.executor.as_str());
            let counted = entry.and_then(|entry| entry.after_us).map(|us| born.after(Duration::from_micros(us)));
            let at = counted.unwrap_or_else(|| verdict.max(*appended));
            Arrival { response, at, known: counted.is_some() }
        })
        .collect();
    // Stable: what counted at the same instant keeps the log's order.
    arrivals.sort_by_key(|arrival| arrival.at);
    arrivals
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;

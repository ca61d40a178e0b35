//! What spans there are, and how they hang together:
//!
//! ```text
//! infer wine                          SERVER    from the request's birth to its result in the log
//! ├ send wine.requests                PRODUCER  the starter writes the request
//! │ └ process wine.requests (forest)  CONSUMER  one for each executor that said something, late ones too
//! │   ├ queue forest                            it waited there
//! │   └ compute forest                          the work itself
//! └ process wine.responses            CONSUMER  the collector waits, decides and writes
//!   └ send wine.results               PRODUCER  from the verdict to the result in the log
//! ```
//!
//! Laws, each tested by name: every parent is told or the caller's; nothing ends before it begins; whatever does not
//! answer a `PRODUCER` lies within its parent; the same records give the same spans. The collector's part links to the
//! answers it heard, because it hangs under none of them.
//!
//! A response does not say when its request was read: the way there and back is told together, before the executor's part.

use std::time::Duration;

use measures::Split;
use policies::{ClauseBody, DecisionBody, Recorded};
use wire::{
    ExecutorId, FailureKind, Reply, Request, RequestId, Response, ResultKind, Role, SpanId, SpanOf, Timestamp, Topics,
    TraceId, TraceParent,
};

use crate::{
    conventions::{CONVERSATION, DESTINATION, ERROR, GROUP, OPERATION, OPERATION_TYPE, PARTITION, SYSTEM, name},
    sampling::{Kept, Miss},
    span::{Attribute, Event, Kind, Link, Span, Station, Status, Value},
};

/// Where a request's records lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// What carries the log: `kafka`, or `hedgerow` for the embedded one.
    pub system: &'static str,
    /// The partition of all three topics.
    pub partition: i32,
}

/// What all spans of a request share.
struct Trace<'a> {
    request: &'a Request,
    id: TraceId,
    caller: Option<TraceParent>,
    topics: Topics,
    place: Place,
    born: Timestamp,
    /// When the log took the request in; by a log that rounds down, not before it was born.
    asked: Timestamp,
}

/// Spans of a whole trace besides two or three for each response.
const FRAME: usize = 4;

/// Returns the spans of what was recorded of a request; none if the request itself was not. `kept` says why.
#[must_use]
pub fn spans(recorded: &Recorded, place: Place, kept: Kept) -> Vec<Span> {
    let (Some((request, asked)), Some(born)) = (&recorded.request, recorded.born()) else { return Vec::new() };
    let trace = Trace::of(request, born, *asked, place);
    let mut all = Vec::with_capacity(FRAME + 3 * recorded.responses.len());
    all.push(trace.root(recorded, kept));
    all.push(trace.sent());
    let decision = recorded.result.as_ref().map(|given| &given.body.decision);
    for (response, appended) in first_of_each(request, &recorded.responses) {
        trace.executor(response, *appended, decision, &mut all);
    }
    all.extend(trace.decided(recorded));
    all
}

/// Returns the spans of a response that came after the rest was told.
#[must_use]
pub fn late(request: &Request, asked: Timestamp, said: (&Response, Timestamp), place: Place) -> Vec<Span> {
    let (response, appended) = said;
    let mut all = Vec::with_capacity(3);
    let trace = Trace::of(request, request.born.min(asked.after(Duration::from_millis(1))), asked, place);
    trace.executor(response, appended, None, &mut all);
    if let Some(span) = all.first_mut() {
        span.attributes.push(("hedgerow.late", true.into()));
    }
    all
}

/// Returns how many spans `spans` gives of a request with a result.
pub(crate) fn size(request: &Request, responses: &[(Response, Timestamp)]) -> usize {
    FRAME + first_of_each(request, responses).map(|(response, _)| size_of_one(response)).sum::<usize>()
}

/// Returns how many spans one response is.
pub(crate) fn size_of_one(response: &Response) -> usize {
    1 + usize::from(!response.queued.is_zero()) + usize::from(!response.scored.is_zero())
}

/// The first response of each who was asked: a second one changed nothing.
fn first_of_each<'a>(
    request: &'a Request,
    responses: &'a [(Response, Timestamp)],
) -> impl Iterator<Item = &'a (Response, Timestamp)> {
    let is_first = |index: usize, executor: &ExecutorId| {
        !responses[..index].iter().any(|(earlier, _)| earlier.executor == *executor)
    };
    let all = responses.iter().enumerate();
    let heard = all.filter(move |(index, (response, _))| {
        request.plan.find(&response.executor).is_some() && is_first(*index, &response.executor)
    });
    heard.map(|(_, said)| said)
}

// === impl Trace ===

impl<'a> Trace<'a> {
    fn of(request: &'a Request, born: Timestamp, asked: Timestamp, place: Place) -> Self {
        let (id, caller) = (TraceId::of(request), TraceParent::of(request));
        let topics = Topics::of(&request.policy.rendezvous);
        Self { request, id, caller, topics, place, born, asked: asked.max(born) }
    }

    /// The whole.
    fn root(&self, recorded: &Recorded, kept: Kept) -> Span {
        let Request { id, policy, case, budget, .. } = self.request;
        let heard = recorded.responses.iter().map(|(_, appended)| *appended);
        let given = recorded.result.as_ref();
        // Without a result the last that was heard ends it.
        let end =
            given.map_or_else(|| heard.fold(self.asked, Timestamp::max), |given| self.given(given.appended, recorded));
        // Who has a place in an input topic was read from there; everybody else came through a door.
        let kind = if is_from_topic(*id) { Kind::Consumer } else { Kind::Server };
        let name = name("infer", &policy.rendezvous);
        let mut span = self.span(SpanOf::Request, (name, kind, Station::Starter), (self.born, end));
        (span.parent, span.is_parent_remote) = (self.caller.map(|caller| caller.span), self.caller.is_some());
        span.attributes = vec![
            (CONVERSATION, id.to_string().into()),
            ("hedgerow.rendezvous", policy.rendezvous.as_str().into()),
            ("hedgerow.policy", recorded.policy().unwrap_or(policy).to_string().into()),
            ("hedgerow.budget_ms", millis(budget.as_duration()).into()),
            ("hedgerow.kept_for", kept.as_str().into()),
        ];
        span.attributes.extend(case.as_deref().map(|case| ("hedgerow.case", case.into())));
        let Some(given) = given else {
            span.fail("none", "there is no result yet".to_owned());
            return span;
        };
        span.attributes.extend(told(given.record.kind, &given.body.decision));
        let blamed = Split::of(recorded).and_then(|split| Some((split.blamed()?, split.awaited)));
        if let Some((stage, awaited)) = blamed {
            span.attributes.push(("hedgerow.slowest_stage", stage.as_str().into()));
            span.attributes.extend(awaited.map(|executor| ("hedgerow.awaited", executor.into())));
        }
        if let Some(miss) = Miss::of(self.request, given.record.kind, given.appended) {
            span.attributes.push(("hedgerow.miss", miss.as_str().into()));
            match miss {
                Miss::Late => {
                    let over = given.appended.since(self.request.deadline());
                    span.fail("late", format!("the result came {} ms after its deadline", millis(over)));
                }
                Miss::Error => span.fail("error", format!("no answer: {}", given.body.decision.reason.as_str())),
                // A default is an answer, if not the one that was hoped for.
                Miss::Default => {}
            }
        }
        span
    }

    /// The starter's writing.
    fn sent(&self) -> Span {
        let mut span = self.message("send", &self.topics.requests, SpanOf::SendRequest, (self.born, self.asked));
        span.parent = Some(self.name(SpanOf::Request));
        span
    }

    /// One executor's part.
    fn executor(&self, response: &Response, appended: Timestamp, decision: Option<&DecisionBody>, all: &mut Vec<Span>) {
        let Response { executor, model, fetched, queued, scored, reply, .. } = response;
        let end = appended.max(self.asked);
        let start = self.asked.after(*fetched).min(end);
        let mut span = self.message("process", &self.topics.requests, SpanOf::Process(executor.as_str()), (start, end));
        span.parent = Some(self.name(SpanOf::SendRequest));
        let asked = self.request.plan.find(executor);
        let role = asked.map_or(Role::Candidate, |asked| asked.role);
        span.attributes.extend([
            ("hedgerow.executor", executor.as_str().into()),
            ("hedgerow.role", role.as_str().into()),
            ("hedgerow.model", model.as_str().into()),
        ]);
        if let Some(decision) = decision {
            let chosen = decision.executors.iter().any(|chosen| chosen == executor.as_str());
            span.attributes.push(("hedgerow.chosen", chosen.into()));
            if appended > self.verdict_at(decision) {
                span.attributes.push(("hedgerow.late", true.into()));
            }
        }
        if let Reply::Failure(failure) = reply {
            if failure.kind == FailureKind::Abstained {
                span.attributes.push(("hedgerow.abstained", failure.message.as_str().into()));
            } else {
                span.fail(failure.kind.as_str(), failure.message.clone());
            }
        }
        all.push(span);
        // Whom the policy lets start later does not wait for himself until then.
        let free = asked.map_or(start, |asked| self.born.after(asked.start_after)).clamp(start, end);
        let began = free.after(*queued).min(end);
        let parts = [
            (SpanOf::Queue(executor.as_str()), "queue", *queued, (free, began)),
            (SpanOf::Compute(executor.as_str()), "compute", *scored, (began, began.after(*scored).min(end))),
        ];
        for (part, word, took, times) in parts {
            if !took.is_zero() {
                let mut span = self.span(part, (name(word, executor), Kind::Internal, Station::Executors), times);
                span.parent = Some(self.name(SpanOf::Process(executor.as_str())));
                span.attributes = vec![("hedgerow.executor", executor.as_str().into())];
                all.push(span);
            }
        }
    }

    /// The collector's part: it waits, decides and writes.
    fn decided(&self, recorded: &Recorded) -> Vec<Span> {
        let Some(given) = &recorded.result else { return Vec::new() };
        let decision = &given.body.decision;
        let (verdict, end) = (self.verdict_at(decision), self.given(given.appended, recorded));
        let mut span = self.message("process", &self.topics.responses, SpanOf::Decide, (self.asked, end));
        span.parent = Some(self.name(SpanOf::Request));
        span.attributes.extend(told(given.record.kind, decision));
        let silent = decision.receipt.iter().filter(|entry| entry.after_us.is_none());
        let silent: Vec<String> = silent.map(|entry| entry.executor.clone()).collect();
        if !silent.is_empty() {
            span.attributes.push(("hedgerow.unheard", silent.into()));
        }
        let heard = first_of_each(self.request, &recorded.responses).filter(|(_, appended)| *appended <= verdict);
        span.links =
            heard.map(|(response, _)| Link { span: self.name(SpanOf::Process(response.executor.as_str())) }).collect();
        span.events = decision.clauses.iter().map(|clause| self.clause(clause, verdict)).collect();
        let mut sent = self.message("send", &self.topics.results, SpanOf::SendResult, (verdict, end));
        sent.parent = Some(span.id);
        sent.attributes.push(("hedgerow.result", given.record.kind.as_str().into()));
        vec![span, sent]
    }

    /// A clause as it ended: with the verdict, or when its time was over.
    fn clause(&self, clause: &ClauseBody, verdict: Timestamp) -> Event {
        let until = clause.extra_until_us.map_or(clause.until_us, |extra| extra.min(clause.until_us));
        let ended = self.born.after(Duration::from_micros(until)).min(verdict).max(self.asked);
        Event {
            name: if clause.decided { "clause decides" } else { "clause passes" },
            at: if clause.decided { verdict } else { ended },
            attributes: vec![
                ("hedgerow.clause", clause.kind.as_str().into()),
                ("hedgerow.why", clause.why.as_str().into()),
            ],
        }
    }

    /// When it was decided, by the clock of events; not before the log had the request.
    fn verdict_at(&self, decision: &DecisionBody) -> Timestamp {
        self.born.after(Duration::from_micros(decision.elapsed_us)).max(self.asked)
    }

    /// When the result was in the log; by a log that rounds down, not before it was decided.
    fn given(&self, appended: Timestamp, recorded: &Recorded) -> Timestamp {
        let decision = recorded.result.as_ref().map(|given| self.verdict_at(&given.body.decision));
        appended.max(decision.unwrap_or(self.asked))
    }

    /// A span about a record that is handed over or taken up.
    fn message(&self, operation: &'static str, topic: &str, span: SpanOf<'_>, times: (Timestamp, Timestamp)) -> Span {
        let (kind, group) = match (operation, span) {
            ("send", _) => (Kind::Producer, None),
            (_, SpanOf::Decide) => (Kind::Consumer, Some(self.topics.group("collector"))),
            // Which group an executor's process is in depends on who else is in it: the log does not say.
            _ => (Kind::Consumer, None),
        };
        let station = match span {
            SpanOf::Request | SpanOf::SendRequest => Station::Starter,
            SpanOf::Process(_) | SpanOf::Queue(_) | SpanOf::Compute(_) => Station::Executors,
            SpanOf::Decide | SpanOf::SendResult => Station::Collector,
        };
        let mut told = self.span(span, (name(operation, topic), kind, station), times);
        told.attributes = vec![
            (SYSTEM, self.place.system.into()),
            (OPERATION, operation.into()),
            (OPERATION_TYPE, operation.into()),
            (DESTINATION, topic.into()),
            (PARTITION, self.place.partition.to_string().into()),
            (CONVERSATION, self.request.id.to_string().into()),
        ];
        told.attributes.extend(group.map(|group| (GROUP, group.into())));
        told
    }

    fn span(
        &self,
        span: SpanOf<'_>,
        (name, kind, station): (String, Kind, Station),
        (start, end): (Timestamp, Timestamp),
    ) -> Span {
        Span {
            trace: self.id,
            id: self.name(span),
            parent: None,
            is_parent_remote: false,
            name,
            kind,
            station,
            start,
            end,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: Status::Unset,
        }
    }

    fn name(&self, span: SpanOf<'_>) -> SpanId {
        SpanId::of(self.request.id, span)
    }
}

// === impl Span ===

impl Span {
    fn fail(&mut self, sort: &str, why: String) {
        self.attributes.push((ERROR, sort.into()));
        self.status = Status::Error(why);
    }
}

fn told(kind: ResultKind, decision: &DecisionBody) -> Vec<Attribute> {
    vec![
        ("hedgerow.result", kind.as_str().into()),
        ("hedgerow.decided_by", decision.decided_by.as_str().into()),
        ("hedgerow.reason", decision.reason.as_str().into()),
        ("hedgerow.completeness", decision.completeness.as_str().into()),
        ("hedgerow.executors", Value::Texts(decision.executors.clone())),
        ("hedgerow.verdict_ms", millis(Duration::from_micros(decision.elapsed_us)).into()),
    ]
}

/// An id that is made of a place in an input topic; see `RequestId::from_position`.
fn is_from_topic(id: RequestId) -> bool {
    id.as_uuid().get_version() == Some(uuid::Version::Custom)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests;

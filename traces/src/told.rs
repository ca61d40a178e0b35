//! What a collector hands over: everything it heard about a request whose trace is kept, or one late answer to it.
//!
//! It is told without inputs and answers: spans do not show them, and nobody holds them longer for a trace's sake.

use bytes::Bytes;
use policies::{Given, Recorded};
use wire::{Attributes, Reply, Request, Response, ResultRecord, Timestamp};

use crate::{Kept, Place, Span, late, spans, tree};

/// Part of a trace that is kept.
#[derive(Clone, Debug)]
pub enum Told {
    /// A request with its result.
    Whole(Box<Whole>),
    /// An answer that came later.
    Late(Box<Late>),
}

/// A request with its result.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The request and when the log took it in.
    pub request: (Request, Timestamp),
    /// What was heard until the result was in the log.
    pub responses: Vec<(Response, Timestamp)>,
    /// The result and when the log took it in.
    pub result: (ResultRecord, Timestamp),
    /// Where all that lies.
    pub place: Place,
    /// Why its trace is kept.
    pub kept: Kept,
}

/// An answer that came later.
#[derive(Clone, Debug)]
pub struct Late {
    /// The request and when the log took it in.
    pub request: (Request, Timestamp),
    /// The answer and when the log took it in.
    pub response: (Response, Timestamp),
    /// Where all that lies.
    pub place: Place,
}

// === impl Told ===

impl Told {
    /// Returns the spans.
    #[must_use]
    pub fn into_spans(self) -> Vec<Span> {
        match self {
            Self::Whole(whole) => whole.into_spans(),
            Self::Late(late_one) => {
                let Late { request: (request, asked), response: (response, appended), place } = *late_one;
                late(&request, asked, (&response, appended), place)
            }
        }
    }

    /// Returns how many spans it is, without telling them.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Whole(whole) => tree::size(&whole.request.0, &whole.responses),
            Self::Late(late) => tree::size_of_one(&late.response.0),
        }
    }
}

// === impl Whole ===

impl Whole {
    fn into_spans(self) -> Vec<Span> {
        let Self { request, responses, result: (record, appended), place, kept } = self;
        let Ok(given) = Given::read(record, appended) else { return Vec::new() };
        spans(&Recorded { request: Some(request), responses, result: Some(given) }, place, kept)
    }
}

// === what is told of ===

impl Told {
    /// Returns a request that counts as born at `born`, as it is told: without its input, and without what its caller
    /// said beside it.
    #[must_use]
    pub fn bare_request(request: &Request, born: Timestamp) -> Request {
        Request {
            id: request.id,
            born,
            budget: request.budget,
            policy: request.policy.clone(),
            case: request.case.clone(),
            plan: request.plan.clone(),
            key: None,
            attributes: Attributes::default(),
            traceparent: request.traceparent.clone(),
            reply: None,
            body: Bytes::new(),
        }
    }

    /// Returns a response as it is told: without the answer.
    #[must_use]
    pub fn bare_response(response: &Response) -> Response {
        let reply = match &response.reply {
            Reply::Answer(_) => Reply::Answer(Bytes::new()),
            failure @ Reply::Failure(_) => failure.clone(),
        };
        Response {
            request: response.request,
            executor: response.executor.clone(),
            model: response.model.clone(),
            fetched: response.fetched,
            queued: response.queued,
            scored: response.scored,
            reply,
        }
    }
}

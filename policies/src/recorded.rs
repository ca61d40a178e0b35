//! What the topics hold about one request, read back: the request, every response to it, and its one result.
//!
//! Law: whoever read them in the log's order can replay them, and the replay gives the verdict that was given.
//! It deliberately does not know how topics are read.

use wire::{PolicyRef, Request, RequestId, Response, ResultRecord, Timestamp};

use crate::ResultBody;

/// Everything that was read about one request.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The request and when the log took it in; the first copy.
    pub request: Option<(Request, Timestamp)>,
    /// Every response, in the log's order, and when the log took it in.
    pub responses: Vec<(Response, Timestamp)>,
    /// Its valid result (`wire::ResultsReader` says which), if there is one.
    pub result: Option<Given>,
}

/// A result that was given.
#[derive(Clone, Debug)]
pub struct Given {
    /// The record.
    pub record: ResultRecord,
    /// Its body.
    pub body: ResultBody,
    /// When the log took it in.
    pub appended: Timestamp,
}

// === impl Recorded ===

impl Recorded {
    /// Returns whose it is.
    #[must_use]
    pub fn id(&self) -> Option<RequestId> {
        let of_request = self.request.as_ref().map(|(request, _)| request.id);
        let of_response = || self.responses.first().map(|(response, _)| response.request);
        of_request.or_else(|| self.result.as_ref().map(|given| given.record.request)).or_else(of_response)
    }

    /// Returns the version that decided, or that was to decide.
    #[must_use]
    pub fn policy(&self) -> Option<&PolicyRef> {
        let of_result = self.result.as_ref().map(|given| &given.record.policy);
        of_result.or_else(|| self.request.as_ref().map(|(request, _)| &request.policy))
    }

    /// Returns when its request was born, as its verdict counted.
    #[must_use]
    pub fn born(&self) -> Option<Timestamp> {
        self.request.as_ref().map(|(request, appended)| crate::rehearing::born(request, *appended))
    }

    /// Returns whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.id().is_none()
    }
}

// === impl Given ===

impl Given {
    /// Reads a result's body.
    pub fn read(record: ResultRecord, appended: Timestamp) -> serde_json::Result<Self> {
        Ok(Self { body: ResultBody::read(&record.body)?, record, appended })
    }
}

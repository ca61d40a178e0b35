//! What is no answer, as gRPC says it: a status, and the sentence that HTTP says.

use axum::http::{HeaderMap, HeaderValue};
use tonic::{Code, Status, metadata::MetadataMap};

use super::Problem;
use crate::refusal::Refusal;

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let code = match &problem {
            Problem::Refused(refusal) => match refusal {
                Refusal::Invalid(_) => Code::InvalidArgument,
                Refusal::NotLive { .. } => Code::NotFound,
                Refusal::Conflict { .. } => Code::AlreadyExists,
                Refusal::Shed { .. } => Code::ResourceExhausted,
                Refusal::Unavailable(_) => Code::Unavailable,
                Refusal::NoResult { .. } => Code::DeadlineExceeded,
            },
            Problem::ErrorResult { .. } => Code::DeadlineExceeded,
            Problem::UnknownRendezvous(_) | Problem::UnknownVersion(_) | Problem::NoSuchPath => Code::NotFound,
            Problem::TooLarge(_) | Problem::CutOff | Problem::Encoding(_) => Code::InvalidArgument,
            Problem::Method => Code::Unimplemented,
        };
        let mut headers = HeaderMap::new();
        problem.tell(&mut headers);
        if let Some(seconds) = problem.retry_after() {
            // As gRPC's retry policies read it.
            headers.insert("grpc-retry-pushback-ms", HeaderValue::from(seconds * 1_000));
        }
        Status::with_metadata(code, problem.sentence(), MetadataMap::from_headers(headers))
    }
}

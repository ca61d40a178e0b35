//! Bodies of calls count towards what a door receives at once, as they come: nobody says beforehand how long one will be.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use crate::{
    http::{body::KIB, refusal::Problem},
    refusal::{Refusal, ShedBy},
};

/// What was received of one body. Let go with the body, which is when its message is read.
struct Received {
    bodies: Arc<Semaphore>,
    bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

/// Counts what is received of the request's body. Whose it is nobody knows before it is read, so none of the door's
/// rendezvous counts one that is refused.
pub(super) async fn received(State(bodies): State<Arc<Semaphore>>, request: Request) -> Request {
    request.map(|body| {
        let mut received = Received { bodies, bytes: 0, held: None };
        let chunks = body.into_data_stream().map(move |chunk| received.count(chunk.map_err(cut_off)?));
        Body::from_stream(chunks)
    })
}

// === impl Received ===

impl Received {
    fn count(&mut self, chunk: Bytes) -> Result<Bytes, Status> {
        self.bytes += chunk.len();
        let holds = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from((self.bytes / KIB + 1).saturating_sub(holds)).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.bodies).try_acquire_many_owned(more);
        let more = more.map_err(|_| Problem::Refused(Refusal::shed(ShedBy::Bodies)))?;
        match &mut self.held {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(chunk)
    }
}

fn cut_off(_: axum::Error) -> Status {
    Problem::CutOff.into()
}

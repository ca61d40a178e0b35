//! A caller's body, taken in only if there is room: for the request, and for the bytes.

use axum::{
    RequestExt as _,
    body::Bytes,
    extract::{FromRequest, RawPathParams, Request},
    http::{HeaderMap, header::CONTENT_LENGTH},
};
use tokio::sync::Semaphore;

use super::{Door, find, refusal::Problem};
use crate::refusal::{Refusal, ShedBy};

/// The bytes of a body, which has at most as many as an input may have.
pub(super) struct Body(pub(super) Bytes);

/// How many bytes of bodies are received at once. Whoever waits for a result holds none.
pub(super) const RECEIVED_AT_ONCE: usize = 256 << 20;

/// A body takes room for so many bytes at a time.
pub(super) const KIB: usize = 1_024;

/// Returns what bounds the bodies of one door.
pub(super) fn room() -> Semaphore {
    Semaphore::new(RECEIVED_AT_ONCE / KIB)
}

impl FromRequest<Door> for Body {
    type Rejection = Problem;

    async fn from_request(mut request: Request, door: &Door) -> Result<Self, Problem> {
        // The route has it, or there would be no call.
        let path = request.extract_parts::<RawPathParams>().await.ok();
        let named = path.iter().flatten().find(|(name, _)| *name == "rendezvous");
        let starter = find(&door.starters, named.map_or("", |(_, rendezvous)| rendezvous))?;
        let headers = request.headers();
        if !headers.contains_key("idempotency-key") {
            starter.has_room(starter.clock().now()).map_err(|refusal| starter.refused(refusal))?;
        }
        let reserved = door.bodies.try_acquire_many(kib(headers, starter.limits().body_bytes));
        let _reserved = reserved.map_err(|_| starter.refused(Refusal::shed(ShedBy::Bodies)))?;
        let received = Bytes::from_request(request, door).await;
        received.map(Self).map_err(|rejected| Problem::of_body(&rejected, starter.limits().body_bytes))
    }
}

/// Returns what a body takes at most, by what its headers say.
fn kib(headers: &HeaderMap, most: usize) -> u32 {
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    u32::try_from(said.unwrap_or(most).min(most) / KIB + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_door_has_room_for_so_many_bodies_and_a_body_that_does_not_say_its_length_may_be_the_largest() {
        let bodies = room();
        assert_eq!(bodies.available_permits() * KIB, RECEIVED_AT_ONCE);
        let small = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("100"))]);
        assert_eq!(kib(&small, 1_000_000), 1);
        assert_eq!(kib(&HeaderMap::new(), 1_000_000), 977);
        let huge = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("99999999999"))]);
        assert_eq!(kib(&huge, 1_000_000), 977, "more than may be sent is not received");
    }
}

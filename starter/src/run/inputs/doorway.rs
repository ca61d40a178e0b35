//! One input record's way: to the requests, or with the reason to the dead letters.

use std::{borrow::Cow, sync::Arc};

use bus::{Acknowledge, BusError, Clock, Received, TopicPartition};
use bytes::Bytes;
use schemas::{Frame, Look, Registry};
use wire::{DeadLetter, Headers, Request};

use super::hand::{Hand, TooLarge};
use crate::{
    input::{ATTRIBUTE_HEADER, InvalidInput, InvalidReason, Said, reply},
    metrics::Outcome,
    plan::{Origin, budget_header, key},
    refusal::Refusal,
    serving::{Incoming, Understood},
    starter::{Link, Starter},
    waiting::Noted,
};

/// Takes the records of the input topic in.
pub(super) struct Doorway<'a> {
    starter: &'a Starter,
    link: &'a Link,
    schemas: Option<&'a Registry>,
    dead_letters: Vec<TopicPartition>,
    hand: Arc<Hand>,
}

/// What became of a record for now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// It is on its way, or needs none.
    Begun,
    /// The producer takes no more now, or as much is in flight as may be, or its schema is not known yet.
    HeldBack,
}

/// Where an input leads.
enum Led {
    ToRequest(Box<Request>),
    ToDeadLetter(DeadLetter, Option<InvalidReason>),
    Nowhere,
}

// === impl Doorway ===

impl<'a> Doorway<'a> {
    pub(super) fn new(
        starter: &'a Starter,
        link: &'a Link,
        schemas: Option<&'a Registry>,
        dead_letters: Vec<TopicPartition>,
        hand: Arc<Hand>,
    ) -> Self {
        Self { starter, link, schemas, dead_letters, hand }
    }

    pub(super) fn starter(&self) -> &'a Starter {
        self.starter
    }

    pub(super) fn clock(&self) -> &'a Clock {
        self.starter.clock()
    }

    /// Takes one record in. After `HeldBack` the same record is to be brought again.
    pub(super) fn take(&self, received: &Received) -> Result<Writing, BusError> {
        let at = (received.partition.partition, received.offset);
        if !self.starter.has_room_behind() {
            return Ok(Writing::HeldBack);
        }
        let Some(body) = self.body(received).transpose() else { return Ok(Writing::HeldBack) };
        if !self.hand.state().progress.on_read(at.0, at.1) {
            return Ok(Writing::Begun);
        }
        let (sent, kind, outcome) = match self.lead(received, body) {
            Led::ToRequest(request) => (self.write(&request, at), TooLarge::Request, Outcome::Written),
            Led::ToDeadLetter(letter, invalid) => {
                let sent = self.put_aside(&letter, at);
                if let (Ok(()), Some(reason)) = (&sent, invalid) {
                    self.starter.metrics().on_invalid(reason);
                }
                (sent, TooLarge::DeadLetter, Outcome::DeadLettered)
            }
            Led::Nowhere => {
                self.hand.on_acknowledged(at, &Ok(0), TooLarge::Request);
                (Ok(()), TooLarge::Request, Outcome::Repeated)
            }
        };
        match sent {
            Ok(()) => self.starter.metrics().on_outcome(outcome),
            Err(BusError::QueueFull) => return Ok(Writing::HeldBack),
            Err(error @ BusError::Fatal(_)) => return Err(error),
            Err(error) => self.hand.on_acknowledged(at, &Err(error), kind),
        }
        Ok(Writing::Begun)
    }

    /// Returns what the record says as JSON; `None` as long as its schema is asked for.
    fn body(&self, received: &Received) -> Result<Option<Bytes>, InvalidInput> {
        let payload = received.record.payload.clone().unwrap_or_default();
        let framed = |why: String| InvalidInput::Framed(why);
        let has_header = received.record.headers.get(schemas::HEADER).is_some();
        let Some(frame) = Frame::of_record(&payload, has_header).map_err(|error| framed(error.to_string()))? else {
            return Ok(Some(payload));
        };
        let Some(schemas) = self.schemas else {
            let id = frame.id;
            return Err(framed(format!("schema {id} is in none, because the starter was given no --schema-registry")));
        };
        match schemas.look(frame.id) {
            Look::Waiting => Ok(None),
            Look::Unusable(why) => Err(framed(why.to_string())),
            Look::Schema(schema) => schema.decode(frame.payload).map(Some).map_err(|error| framed(error.to_string())),
        }
    }

    fn lead(&self, received: &Received, body: Result<Bytes, InvalidInput>) -> Led {
        let at = (received.partition.partition, received.offset);
        let too_large = self.hand.state().too_large.get(&at).copied();
        let size = received.record.payload.as_ref().map_or(0, bytes::Bytes::len);
        let understood = match too_large {
            Some(_) => Err(InvalidInput::TooLargeForLog { size }),
            None => body.and_then(|body| self.understand(received, &body)),
        };
        match understood {
            Err(invalid) => {
                let letter = dead_letter(received, &invalid.to_string(), too_large == Some(TooLarge::DeadLetter));
                Led::ToDeadLetter(letter, Some(invalid.reason()))
            }
            Ok(Understood { request, digest, .. }) => {
                match self.starter.waiting().note(request.id, digest, self.starter.clock().now()) {
                    Noted::Write => Led::ToRequest(Box::new(request)),
                    Noted::Written => Led::Nowhere,
                    Noted::Conflict => {
                        let reason = Refusal::Conflict { id: request.id }.to_string();
                        Led::ToDeadLetter(dead_letter(received, &reason, false), None)
                    }
                }
            }
        }
    }

    fn understand(&self, received: &Received, body: &Bytes) -> Result<Understood, InvalidInput> {
        let headers = &received.record.headers;
        let budget = headers.get("hedgerow-budget-ms");
        let reply = reply::read(self.starter.replies(), |name| headers.get(name), received.record.key.as_ref())?;
        let (topic, partition) = (&*received.partition.topic, received.partition.partition);
        self.starter.served().understand(Incoming {
            body,
            binary: &Bytes::new(),
            key: named(headers)?.as_deref(),
            otherwise: Origin::Position { topic, partition, offset: received.offset },
            said: &said(headers),
            parameters: &[],
            budget: budget.map(|value| budget_header("header `hedgerow-budget-ms`", value)).transpose()?,
            traceparent: headers.get("traceparent").map(Bytes::copy_from_slice),
            reply: reply.map(Arc::new),
            live: false,
            // Born when the log took it in: the time that it waited there counts.
            born: received.appended,
        })
    }

    fn write(&self, request: &Request, at: (i32, i64)) -> Result<(), BusError> {
        let (starter, id, hand) = (self.starter.clone(), request.id, Arc::clone(&self.hand));
        let acknowledge: Acknowledge = Box::new(move |outcome| {
            starter.on_acknowledged(id, &outcome);
            hand.on_acknowledged(at, &outcome, TooLarge::Request);
        });
        // Before it is sent: its result may be there before `send` returns.
        self.starter.enter_behind(request);
        let sent = self.link.producer.send(self.link.partition_of(id), request.encode(), acknowledge);
        sent.inspect_err(|_| self.starter.leave_behind(id))
    }

    fn put_aside(&self, letter: &DeadLetter, at: (i32, i64)) -> Result<(), BusError> {
        let hand = Arc::clone(&self.hand);
        let acknowledge: Acknowledge =
            Box::new(move |outcome| hand.on_acknowledged(at, &outcome, TooLarge::DeadLetter));
        let partition = usize::try_from(at.0).unwrap_or_default() % self.dead_letters.len().max(1);
        let Some(to) = self.dead_letters.get(partition) else {
            return Err(BusError::Fatal("the dead-letters topic has no partitions".to_owned()));
        };
        self.link.producer.send(to, letter.encode(), acknowledge)
    }
}

/// Returns the key that a record's writer gave it. An event's id is unique within its source only.
fn named(headers: &Headers) -> Result<Option<Cow<'_, str>>, InvalidInput> {
    if let Some(value) = headers.get("idempotency-key") {
        return Ok(Some(Cow::Borrowed(key("header `idempotency-key`", value)?)));
    }
    let Some(value) = headers.get("ce_id") else { return Ok(None) };
    let id = key("header `ce_id`", value)?;
    let Some(source) = headers.get("ce_source") else { return Ok(Some(Cow::Borrowed(id))) };
    let source = key("header `ce_source`", source)?;
    Ok(Some(Cow::Owned(format!("{source}\u{1f}{id}"))))
}

fn said(headers: &Headers) -> Vec<Said> {
    let named = |(name, value): (&str, Option<&[u8]>)| {
        Some((name.strip_prefix(ATTRIBUTE_HEADER)?.to_owned(), Bytes::copy_from_slice(value.unwrap_or_default())))
    };
    headers.iter().filter_map(named).collect()
}

fn dead_letter(received: &Received, reason: &str, is_too_large: bool) -> DeadLetter {
    let origin = format!("{}/{}", received.partition, received.offset);
    let letter = DeadLetter { origin, reason: reason.to_owned(), original: received.record.clone() };
    if is_too_large { letter.shortened() } else { letter }
}

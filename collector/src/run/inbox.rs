//! What other threads have to tell the loop: failures, and answers to its questions. Successes are not told, so that
//! acknowledgements cost no wake-up.

use std::sync::{Arc, Mutex, PoisonError};

use bus::{Acknowledge, BusError};
use tokio::sync::Notify;
use wire::{Fencing, RequestId};

use super::CollectorError;
use crate::{
    ledger::{Spans, Unwritten},
    partition::Source,
};

/// Messages for the loop. No more than are in flight: each question and each record leaves at most one.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    messages: Mutex<Vec<Message>>,
    arrived: Notify,
}

/// One message, of one partition.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) partition: i32,
    pub(super) news: News,
}

/// What it says.
#[derive(Debug)]
pub(super) enum News {
    Spans(u32, Spans),
    ResultUnwritten(RequestId, Fencing, Unwritten),
    FenceUnwritten(Fencing),
    DeadLetter { source: Source, offset: i64, written: bool },
    DeadLetterTooLarge { source: Source, offset: i64 },
    Fatal(CollectorError),
}

/// Something that was handed to the producer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Result(RequestId, Fencing),
    Fence(Fencing),
    DeadLetter(Source, i64),
    /// What others may want to know of a trial: no result depends on it.
    Control,
}

// === impl Inbox ===

impl Inbox {
    pub(super) fn put(&self, partition: i32, news: News) {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(Message { partition, news });
        self.arrived.notify_one();
    }

    pub(super) fn take(&self) -> Vec<Message> {
        std::mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there is something. Cancel-safe.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Returns what to call with the outcome of writing `item`.
    pub(super) fn acknowledge(self: &Arc<Self>, partition: i32, item: Item) -> Acknowledge {
        let inbox = self.clone();
        Box::new(move |outcome| inbox.hear(partition, item, outcome.map(|_| ())))
    }

    /// Hears the outcome of writing `item`.
    pub(super) fn hear(&self, partition: i32, item: Item, outcome: Result<(), BusError>) {
        let news = match (item, outcome) {
            (Item::Control, Err(error)) => {
                return tracing::warn!(%error, "the collector could not write into the control topic");
            }
            (_, Err(error @ BusError::Fatal(_))) => News::Fatal(error.into()),
            // Reading them back is what confirms them.
            (Item::Result(..) | Item::Fence(_) | Item::Control, Ok(())) => return,
            (Item::Result(request, by), Err(BusError::TooLarge)) => {
                News::ResultUnwritten(request, by, Unwritten::TooLarge)
            }
            (Item::Result(request, by), Err(_)) => News::ResultUnwritten(request, by, Unwritten::Uncertain),
            (Item::Fence(by), Err(_)) => News::FenceUnwritten(by),
            (Item::DeadLetter(source, offset), Err(BusError::TooLarge)) => News::DeadLetterTooLarge { source, offset },
            (Item::DeadLetter(source, offset), outcome) => {
                News::DeadLetter { source, offset, written: outcome.is_ok() }
            }
        };
        self.put(partition, news);
    }
}

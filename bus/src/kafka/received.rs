//! A record as rdkafka holds it, made ours: one buffer for the headers, and one for key and payload.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers as _, Message as _};
use wire::{Headers, Record, Timestamp};

use crate::{Received, TopicPartition};

/// Copies `message`, which lies at `partition`, out of rdkafka's memory, once.
pub(super) fn received(partition: TopicPartition, message: &BorrowedMessage<'_>) -> Received {
    Received {
        partition,
        offset: message.offset(),
        appended: Timestamp::from_micros(message.timestamp().to_millis().unwrap_or(0).saturating_mul(1_000)),
        record: record(message),
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let (key, payload) = (message.key(), message.payload());
    let both = Bytes::from([key.unwrap_or_default(), payload.unwrap_or_default()].concat());
    let between = key.map_or(0, <[u8]>::len);
    Record {
        key: key.map(|_| both.slice(..between)),
        headers: message.headers().map_or_else(Headers::default, copied),
        payload: payload.map(|_| both.slice(between..)),
    }
}

/// Returns the headers whose names can be read. rdkafka panics at a name that is not UTF-8, which any writer may put
/// into a topic; such a header is left out, and the partition goes on.
fn copied(headers: &BorrowedHeaders) -> Headers {
    let count = headers.count();
    let mut copied = Headers::with_capacity(count);
    for index in 0..count {
        let read = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
        if let Ok(Some(Header { key, value })) = read {
            copied.push(key, value);
        }
    }
    copied
}

//! A record as rdkafka holds it, made ours: one buffer for everything in it.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers as _, Message as _};
use wire::{HEADER_NAMES, Headers, Record, Timestamp};

use crate::{Received, TopicPartition};

/// Copies `message`, which lies at `partition`, out of rdkafka's memory: once, into one buffer that key, headers and
/// payload share. Names of our own headers are not allocated.
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
    let headers = message.headers().map_or_else(Vec::new, named);
    let values = headers.iter().filter_map(|header| header.value);
    let length = [key, payload].into_iter().flatten().chain(values).map(<[u8]>::len).sum();
    let mut all = Vec::with_capacity(length);
    let places = headers.iter().map(|header| append(&mut all, header.value)).collect::<Vec<_>>();
    let (key, payload) = (append(&mut all, key), append(&mut all, payload));
    let all = Bytes::from(all);
    let slice = |place: Option<(usize, usize)>| place.map(|(from, to)| all.slice(from..to));
    let mut ours = Headers::with_capacity(headers.len());
    for (header, place) in headers.iter().zip(places) {
        ours.push(name(header.key), slice(place));
    }
    Record { key: slice(key), headers: ours, payload: slice(payload) }
}

fn append(all: &mut Vec<u8>, bytes: Option<&[u8]>) -> Option<(usize, usize)> {
    let bytes = bytes?;
    let from = all.len();
    all.extend_from_slice(bytes);
    Some((from, all.len()))
}

/// Returns the headers whose names can be read. rdkafka panics at a name that is not UTF-8, which any writer may put
/// into a topic; such a header is left out, and the partition goes on.
fn named(headers: &BorrowedHeaders) -> Vec<Header<'_, &[u8]>> {
    let read = |index| catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok().flatten();
    (0..headers.count()).filter_map(read).collect()
}

fn name(name: &str) -> Cow<'static, str> {
    let ours = HEADER_NAMES.iter().find(|ours| **ours == name);
    ours.map_or_else(|| Cow::Owned(name.to_owned()), |ours| Cow::Borrowed(*ours))
}

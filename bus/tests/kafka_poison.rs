//! Records that no Rust client could write and any other may: the partition goes on.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

#[path = "contract/support.rs"]
#[allow(dead_code, reason = "shared with the contract")]
mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use broker::Broker;
use hedgerow_bus::{KafkaBus, KafkaSettings, StartAt, TopicPartition};
use support::{Reader, producer, record, send, topic};

#[tokio::test]
async fn a_header_whose_name_is_not_utf8_is_left_out_and_the_record_arrives() {
    let brokers = Broker::shared().unwrap_or_else(|error| panic!("{error}"));
    let bus = KafkaBus::connect(KafkaSettings::new(brokers)).unwrap();
    let name = topic(&bus, 1).await;
    let only = TopicPartition::new(&name, 0);
    append_raw(brokers, &name, &batch(&[(b"\xff\xfe", b"garbage"), (b"good", b"value")], b"poison"));
    send(&*producer(&bus, &name).await, &only, record("next")).await.unwrap();
    let mut tail = Reader::tail(&bus).await;
    tail.start(&only, StartAt::Beginning);
    let records = tail.read(2).await;
    assert_eq!(records[0].record.payload.as_deref(), Some(&b"poison"[..]));
    assert_eq!(records[0].record.headers.len(), 1);
    assert_eq!(records[0].record.headers.get("good"), Some(&b"value"[..]));
    assert_eq!(records[1].record, record("next"));
}

/// Sends a produce request, version 3, for partition 0 of `topic` and reads that it was taken.
fn append_raw(brokers: &str, topic: &str, batch: &[u8]) {
    let mut request = Vec::new();
    request.extend(0_i16.to_be_bytes()); // produce
    request.extend(3_i16.to_be_bytes()); // version
    request.extend(7_i32.to_be_bytes()); // correlation
    request.extend((-1_i16).to_be_bytes()); // no client id
    request.extend((-1_i16).to_be_bytes()); // no transaction
    request.extend(1_i16.to_be_bytes()); // acks
    request.extend(10_000_i32.to_be_bytes()); // timeout
    request.extend(1_i32.to_be_bytes()); // topics
    request.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1_i32.to_be_bytes()); // partitions
    request.extend(0_i32.to_be_bytes()); // partition
    request.extend(length(batch));
    request.extend(batch);
    let first = brokers.split(',').next().unwrap();
    let mut stream = TcpStream::connect(first).unwrap();
    stream.write_all(&length(&request)).unwrap();
    stream.write_all(&request).unwrap();
    // Length, correlation, one topic, its name, one partition, its index: then the error.
    let mut answer = vec![0; 4 + 4 + 4 + 2 + topic.len() + 4 + 4 + 2];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[answer.len() - 2..], [0, 0], "the broker refused the record");
}

/// Makes a batch of one record without a key.
fn batch(headers: &[(&[u8], &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut record = vec![0]; // attributes
    record.extend([0, 0]); // timestamp and offset, as differences
    record.extend(varint(-1)); // no key
    put(&mut record, payload);
    record.extend(varint(i64::try_from(headers.len()).unwrap()));
    for (name, value) in headers {
        put(&mut record, name);
        put(&mut record, value);
    }
    let mut checked = Vec::new();
    checked.extend(0_i16.to_be_bytes()); // attributes
    checked.extend(0_i32.to_be_bytes()); // last offset, as a difference
    checked.extend(1_700_000_000_000_i64.to_be_bytes()); // first timestamp
    checked.extend(1_700_000_000_000_i64.to_be_bytes()); // last timestamp
    checked.extend((-1_i64).to_be_bytes()); // no producer id
    checked.extend((-1_i16).to_be_bytes()); // no producer epoch
    checked.extend((-1_i32).to_be_bytes()); // no sequence
    checked.extend(1_i32.to_be_bytes()); // records
    put(&mut checked, &record);
    let mut rest = Vec::new();
    rest.extend((-1_i32).to_be_bytes()); // leader epoch
    rest.push(2); // magic
    rest.extend(crc32c(&checked).to_be_bytes());
    rest.extend(checked);
    [&0_i64.to_be_bytes()[..], &length(&rest), &rest].concat()
}

fn put(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend(varint(i64::try_from(bytes.len()).unwrap()));
    into.extend(bytes);
}

fn length(bytes: &[u8]) -> [u8; 4] {
    i32::try_from(bytes.len()).unwrap().to_be_bytes()
}

/// Encodes as a zigzag varint.
fn varint(value: i64) -> Vec<u8> {
    let mut left = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut encoded = Vec::new();
    while left >= 0x80 {
        encoded.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    encoded.push(u8::try_from(left).unwrap());
    encoded
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

//! Records that no station of ours would write: for every topic, and for every station's tests.

use bytes::Bytes;
use wire::{Headers, Record};

/// Returns one record of each sort, and what is wrong with it.
pub(crate) fn garbage() -> Vec<(&'static str, Record)> {
    let bytes = |bytes: &'static [u8]| Some(Bytes::from_static(bytes));
    let of = |headers: Headers, payload: Option<Bytes>| Record { key: None, headers, payload };
    let typed = |kind: &'static [u8]| with(&[("ce_type", Some(kind))]);
    let fenced = |epoch: &'static [u8]| {
        let instance: &[u8] = b"00000000-0000-0000-0000-000000000007";
        with(&[("ce_type", Some(b"dev.hedgerow.fence.v1")), ("ce_epoch", Some(epoch)), ("ce_instance", Some(instance))])
    };
    // What unpacks to gigabytes is never unpacked.
    let bomb = with(&[("content-encoding", Some(b"gzip")), ("ce_type", Some(b"dev.hedgerow.request.v1"))]);
    let mut crowd = Headers::default();
    (0..1_000).for_each(|_| crowd.push("ce_id", Some(b"again")));
    let mut huge = typed(b"dev.hedgerow.response.v1");
    huge.push("ce_id", Some(&vec![b'7'; 300_000]));
    vec![
        ("nothing at all", Record::default()),
        ("a tombstone with a key", Record { key: bytes(&[7; 16]), ..Record::default() }),
        ("an empty payload", of(Headers::default(), bytes(b""))),
        ("bytes without headers", of(Headers::default(), bytes(b"\x00\xff\xfe{\"alcohol\":"))),
        ("a type that is not UTF-8", of(typed(b"\xff\xfe\xc3\x28"), bytes(b"{}"))),
        ("a null for a type", of(with(&[("ce_type", None)]), bytes(b"{}"))),
        ("a request of a later format", of(typed(b"dev.hedgerow.request.v2"), bytes(b"{}"))),
        ("a request without anything", of(typed(b"dev.hedgerow.request.v1"), bytes(b"{}"))),
        ("a response without anything", of(typed(b"dev.hedgerow.response.v1"), bytes(b"{}"))),
        ("a result without a fence", of(typed(b"dev.hedgerow.result.v1"), bytes(b"{\"answer\":{}}"))),
        ("a fence without an epoch", of(typed(b"dev.hedgerow.fence.v1"), None)),
        ("a fence below zero", of(fenced(b"-1"), None)),
        ("a fence beyond all numbers", of(fenced(b"18446744073709551616"), None)),
        ("a header a thousand times", of(crowd, bytes(b"{}"))),
        ("a header of 300 kB", of(huge, bytes(b"{}"))),
        ("a header without a name", of(with(&[("", Some(b"\x00"))]), bytes(b"{}"))),
        ("what unpacks to more", of(bomb, bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xec\xc1\x01\x01\x00"))),
        // As large as a client of librdkafka writes by default.
        ("almost a megabyte", of(Headers::default(), Some(Bytes::from(vec![0; 990_000])))),
    ]
}

fn with(named: &[(&'static str, Option<&'static [u8]>)]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in named {
        headers.push(name, *value);
    }
    headers
}

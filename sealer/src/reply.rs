//! A result on its way to its caller: into which partition of the topic that the caller named, and how it looks there.
//!
//! Pure. Laws, each tested by name:
//! - *As Kafka's clients do it*: a key leads to the partition that a Java producer would choose.
//! - *The result itself*: a reply has the result's headers and payload, byte for byte.

use wire::{Record, ReplyTo, RequestId};

/// Where Spring's `ReplyingKafkaTemplate` looks for what it called its question.
const SPRING_CORRELATION: &str = "kafka_correlationId";

/// Returns the partition for a reply about `request` in a topic of `count`; `None` if the caller named one that is not
/// there.
#[must_use]
pub(crate) fn partition(reply: &ReplyTo, request: &RequestId, count: i32) -> Option<i32> {
    match (reply.address.partition, &reply.key) {
        (Some(named), _) => i32::try_from(named).ok().filter(|named| *named < count),
        (None, Some(key)) => i32::try_from((murmur2(key) & 0x7fff_ffff) % u32::try_from(count).ok()?).ok(),
        (None, None) => Some(request.partition(count)),
    }
}

/// Returns the reply: the result, under its caller's key where there is one, with what the caller called the question.
#[must_use]
pub(crate) fn written(result: Record, reply: &ReplyTo) -> Record {
    let Record { key, mut headers, payload } = result;
    if let Some(correlation) = &reply.correlation {
        headers.push(SPRING_CORRELATION, Some(correlation));
    }
    Record { key: reply.key.clone().or(key), headers, payload }
}

/// The hash by which Kafka's own clients choose a partition.
fn murmur2(key: &[u8]) -> u32 {
    const MIX: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let (words, rest) = key.as_chunks::<4>();
    let mut hash = SEED ^ u32::try_from(key.len()).unwrap_or(u32::MAX);
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(MIX);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MIX) ^ mixed.wrapping_mul(MIX);
    }
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::{Headers, RendezvousName};

    use super::*;

    fn reply(address: &str, key: Option<&'static str>) -> ReplyTo {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        ReplyTo { address: address.parse().unwrap(), key: key.map(bytes), correlation: Some(bytes("c")) }
    }

    fn request() -> RequestId {
        RequestId::from_key(&RendezvousName::new("wine").unwrap(), "1")
    }

    #[test]
    fn a_key_is_hashed_as_kafka_s_own_clients_do() {
        // From the tests of Kafka's `Utils.murmur2`.
        for (key, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn the_partition_is_the_caller_s_then_its_key_s_then_any() {
        assert_eq!(partition(&reply("a/2", Some("21")), &request(), 3), Some(2));
        assert_eq!(partition(&reply("a/3", Some("21")), &request(), 3), None, "there is none of that number");
        // The hash of `21`, as above, without its sign.
        let of_key = 0x45f2_f8ec % 3;
        assert_eq!(partition(&reply("a", Some("21")), &request(), 3), Some(of_key));
        assert_eq!(partition(&reply("a", None), &request(), 3), Some(request().partition(3)));
    }

    #[test]
    fn a_reply_is_the_result_under_its_caller_s_key() {
        let mut headers = Headers::default();
        headers.push("ce_id", Some(b"1"));
        let result = Record { key: Some(Bytes::from_static(b"id")), headers, payload: Some(Bytes::from_static(b"{}")) };
        let sent = written(result.clone(), &reply("a", Some("k")));
        assert_eq!((sent.key.as_deref(), &sent.payload), (Some(&b"k"[..]), &result.payload));
        assert_eq!(sent.headers.get("ce_id"), Some(&b"1"[..]));
        assert_eq!(sent.headers.get(SPRING_CORRELATION), Some(&b"c"[..]));
        assert_eq!(written(result.clone(), &ReplyTo { correlation: None, ..reply("a", None) }), result);
    }
}

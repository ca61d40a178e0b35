//! Where a caller wants the result besides: in headers of HTTP, of gRPC or of the input topic, checked against what the
//! operator lets callers name.
//!
//! Two conventions are understood beside our own: the name that `CloudEvents` gives such attributes, and the headers that
//! Spring's `ReplyingKafkaTemplate` writes.

use bytes::Bytes;
use wire::{Address, ReplyTo, ReplyTopics};

use super::{InvalidInput, ReplyProblem, problem::shortened};

/// Under which names a topic may be said; the first that is there counts.
pub(crate) const TOPIC: [&str; 3] = ["hedgerow-reply-to", "ce_replyto", "kafka_replyTopic"];
/// And what the caller calls the question.
pub(crate) const CORRELATION: [&str; 3] = ["hedgerow-correlation-id", "ce_correlationid", "kafka_correlationId"];
/// Four bytes, the highest first, as Spring writes them.
pub(crate) const PARTITION: &str = "kafka_replyPartition";

/// A longer one would be carried through three topics.
const CORRELATION_BYTES: usize = 256;
/// The same of a record's key.
const KEY_BYTES: usize = 1_024;

/// Returns where the result is to go, if `header` says so; `key` is that of the caller's record.
pub(crate) fn read<'a>(
    allowed: &ReplyTopics,
    header: impl Fn(&str) -> Option<&'a [u8]>,
    key: Option<&Bytes>,
) -> Result<Option<ReplyTo>, InvalidInput> {
    let Some(said) = TOPIC.iter().find_map(|name| header(name)) else { return Ok(None) };
    let said = String::from_utf8_lossy(said);
    let refused = |problem: ReplyProblem| InvalidInput::Reply { topic: shortened(said.trim()).to_owned(), problem };
    let mut address: Address = said.trim().parse().map_err(|_| refused(ReplyProblem::Name))?;
    if !allowed.allow(&address.topic) {
        return Err(refused(if allowed.is_empty() { ReplyProblem::NoneAllowed } else { ReplyProblem::NotAllowed }));
    }
    if let Some(bytes) = header(PARTITION) {
        let number = bytes.try_into().ok().map(i32::from_be_bytes).and_then(|number| u32::try_from(number).ok());
        address.partition = Some(number.ok_or_else(|| refused(ReplyProblem::Partition))?);
    }
    let correlation = CORRELATION.iter().find_map(|name| header(name)).map(Bytes::copy_from_slice);
    if correlation.as_ref().is_some_and(|correlation| correlation.len() > CORRELATION_BYTES) {
        return Err(refused(ReplyProblem::Correlation));
    }
    if key.is_some_and(|key| key.len() > KEY_BYTES) {
        return Err(refused(ReplyProblem::Key));
    }
    Ok(Some(ReplyTo { address, key: key.cloned(), correlation }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &str, headers: &[(&str, &[u8])], expected: Result<Option<&str>, &str>) {
        let allowed = if allowed.is_empty() { ReplyTopics::default() } else { allowed.parse().unwrap() };
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let read = read(&allowed, header, Some(&Bytes::from_static(b"k")));
        let read = read.map_err(|refused| refused.to_string()).map(|reply| {
            let ReplyTo { address, key, correlation } = reply?;
            assert_eq!(key.as_deref(), Some(&b"k"[..]));
            Some(format!("{address} {}", correlation.unwrap_or_default().escape_ascii()))
        });
        assert_eq!(read.as_ref().map(Option::as_deref).map_err(String::as_str), expected);
    }

    #[test]
    fn who_names_no_topic_gets_no_reply_whatever_else_is_said() {
        check("*", &[("kafka_correlationId", b"1"), ("ce_correlationid", b"2")], Ok(None));
    }

    #[test]
    fn ours_cloudevents_and_spring_s_headers_say_the_same() {
        check("a", &[("hedgerow-reply-to", b" a "), ("hedgerow-correlation-id", b"7")], Ok(Some("a 7")));
        check("a", &[("ce_replyto", b"a/3"), ("ce_correlationid", b"7")], Ok(Some("a/3 7")));
        let spring: [(&str, &[u8]); 3] =
            [("kafka_replyTopic", b"a"), ("kafka_correlationId", b"\0\xff"), ("kafka_replyPartition", &[0, 0, 1, 2])];
        check("a", &spring, Ok(Some("a/258 \\x00\\xff")));
    }

    #[test]
    fn a_topic_that_nobody_allowed_is_refused_with_what_to_do() {
        let off =
            "the reply topic `a` is not allowed: no topic is, because the operator names none with --reply-topics";
        check("", &[("ce_replyto", b"a")], Err(off));
        let other = "the reply topic `a` is not among those that the operator allows with --reply-topics";
        check("b,c*", &[("ce_replyto", b"a")], Err(other));
        check(
            "*",
            &[("ce_replyto", b"wine.results")],
            Err("the reply topic `wine.results` is not among those that the operator allows with --reply-topics"),
        );
    }

    #[test]
    fn what_cannot_travel_is_refused() {
        let name = "the reply topic `a b` is no topic's name: 1 to 249 letters, digits, `.`, `_` and `-`";
        check("*", &[("ce_replyto", b"a b")], Err(name));
        let partition =
            "the reply topic `a` is given with a `kafka_replyPartition` that is not 4 bytes of a number from 0";
        check("*", &[("ce_replyto", b"a"), (PARTITION, b"1")], Err(partition));
        check("*", &[("ce_replyto", b"a"), (PARTITION, &[255; 4])], Err(partition));
        let correlation = "the reply topic `a` is given with a correlation id of more than 256 bytes";
        check("*", &[("ce_replyto", b"a"), ("ce_correlationid", &[b'x'; 257])], Err(correlation));
    }
}

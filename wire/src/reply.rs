//! Where a caller wants its result besides the results topic, and which topics an operator lets callers name.
//!
//! Pure. Laws, each tested by name:
//! - *Read back*: `text.parse::<Address>()?.to_string() == text`.
//! - *Never ours*: no list lets anybody name a topic that a rendezvous or Kafka itself goes by.

use std::{fmt, str::FromStr, sync::Arc};

use bytes::Bytes;

use crate::topic;

/// Where a request's result is to go, and what its caller recognises it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// Where.
    pub address: Address,
    /// The key of the caller's record, which the reply gets too.
    pub key: Option<Bytes>,
    /// What the caller calls its question.
    pub correlation: Option<Bytes>,
}

/// A topic, and which of its partitions if that matters. As text `orders.replies`, or `orders.replies/3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which topic.
    pub topic: Arc<str>,
    /// Which partition; without one the key decides.
    pub partition: Option<u32>,
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a topic is 1 to 249 letters, digits, `.`, `_` and `-`, and a partition of it stands behind a `/`")]
pub struct InvalidAddress;

/// The topics that callers may have their results sent to: names, in which `*` stands for any letters. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyTopics(Vec<Box<str>>);

/// A list that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReplyTopics {
    /// One of them can be no topic's name.
    #[error(
        "`{0}` can be no topic's name: those are 1 to 249 letters, digits, `.`, `_` and `-`, and `*` for any of them"
    )]
    Name(String),
    /// One of them is the name of a topic of ours.
    #[error(
        "`{0}` is never written to for a caller: topics that are called so belong to a rendezvous or to Kafka itself"
    )]
    Ours(String),
}

/// The longest name that Kafka gives a topic.
const NAME_BYTES: usize = 249;

// === impl Address ===

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (topic, partition) = match text.split_once('/') {
            None => (text, None),
            // In its one spelling: no sign, no zeros in front.
            Some((topic, digits)) => {
                let number = digits.parse::<u32>().ok().filter(|number| number.to_string() == digits);
                (topic, Some(number.filter(|number| i32::try_from(*number).is_ok()).ok_or(InvalidAddress)?))
            }
        };
        let is_name = |topic: &str| is_written(topic, is_letter) && topic != "." && topic != "..";
        if is_name(topic) { Ok(Self { topic: topic.into(), partition }) } else { Err(InvalidAddress) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.topic)?;
        self.partition.map_or(Ok(()), |partition| write!(out, "/{partition}"))
    }
}

// === impl ReplyTopics ===

impl ReplyTopics {
    /// Returns whether results may be sent to `topic`.
    #[must_use]
    pub fn allow(&self, topic: &str) -> bool {
        !topic::is_reserved(topic) && self.0.iter().any(|pattern| matches(pattern, topic))
    }

    /// Returns whether no topic may be named at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for ReplyTopics {
    type Err = InvalidReplyTopics;

    /// Reads names with commas between them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |name: &str| {
            if !is_written(name, |letter| is_letter(letter) || letter == b'*') {
                Err(InvalidReplyTopics::Name(name.to_owned()))
            } else if topic::is_reserved(name) {
                Err(InvalidReplyTopics::Ours(name.to_owned()))
            } else {
                Ok(name.into())
            }
        };
        text.split(',').map(str::trim).map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn is_letter(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || b"._-".contains(&letter)
}

fn is_written(name: &str, is_letter: impl Fn(u8) -> bool) -> bool {
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(is_letter)
}

/// Returns whether `name` is what `pattern` says. Each part between stars is looked for from where the last one ended.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut name) = name.strip_prefix(first).and_then(|name| name.strip_suffix(last)) else { return false };
    middle.split('*').all(|part| {
        name.find(part).is_some_and(|at| {
            name = &name[at + part.len()..];
            true
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_was_written() {
        for text in ["orders", "orders.replies/0", "a-B_9/2147483647"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", ".", "..", "orders/", "orders/-1", "orders/01", "orders/2147483648", "a/b/1", "a b", "ä", "/1"]
        {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress), "{text}");
        }
        assert!("x".repeat(249).parse::<Address>().is_ok());
        assert!("x".repeat(250).parse::<Address>().is_err());
    }

    #[test]
    fn a_topic_may_be_named_if_the_operator_lists_it() {
        let list: ReplyTopics = "orders.replies, team-*,*.for.*.back".parse().unwrap();
        for allowed in ["orders.replies", "team-", "team-a.b", "a.for.b.back", ".for..back"] {
            assert!(list.allow(allowed), "{allowed}");
        }
        for refused in ["orders.replies2", "orders", "a-team-b", "a.for.back", "a.for.b.backs", ""] {
            assert!(!list.allow(refused), "{refused}");
        }
        assert!(!ReplyTopics::default().allow("orders"), "without a list none may");
    }

    #[test]
    fn topics_of_a_rendezvous_and_of_kafka_are_never_written_to_whatever_the_list_says() {
        let all: ReplyTopics = "*".parse().unwrap();
        assert!(all.allow("orders"));
        for ours in [
            "wine.inputs",
            "wine.results",
            "wine.dead-letters",
            "wine.heater.state",
            "hedgerow.control",
            "__consumer_offsets",
            "_schemas",
        ] {
            assert!(!all.allow(ours), "{ours}");
            assert_eq!(ours.parse::<ReplyTopics>(), Err(InvalidReplyTopics::Ours(ours.to_owned())));
        }
        for nonsense in ["", "a,,b", "a b", "a/1"] {
            assert!(matches!(nonsense.parse::<ReplyTopics>(), Err(InvalidReplyTopics::Name(_))), "{nonsense}");
        }
    }
}

//! Who and what is meant: newtypes, never bare strings.

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

/// The namespace under which request ids are derived (UUID version 5 of "hedgerow" in the DNS namespace).
const NAMESPACE: Uuid = Uuid::from_u128(0x1b1c_3d5e_52cf_5b0f_9a8e_6f1d_2c4b_7a90);

/// What the low half of an id is multiplied with to find its partition, and what undoes that (modulo 2^64).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const UNSPREAD: u64 = 0xF1DE_83E1_9937_733D;
/// The bits of the product that choose no partition.
const BELOW: u64 = (1 << 33) - 1;

/// Names one request, 16 bytes. The same input always gets the same id, so a retry is never a second request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Uuid);

/// Names one executor within a rendezvous.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutorId(Arc<str>);

/// Names one rendezvous: its topics, its executors, its policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RendezvousName(Arc<str>);

/// Names one published model, whatever its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName(Arc<str>);

/// Names a policy as it was at one version: `wine@3`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyRef {
    /// The rendezvous whose policy it is.
    pub rendezvous: RendezvousName,
    /// Which edition; ordered as a number (10 comes after 9).
    pub version: u64,
}

/// Names a model as it was when it answered: `forest@1f3a…`. Opaque text, at most 200 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
// One word and not two: an open request holds one for each voice.
pub struct ModelVersion(Arc<Box<str>>);

/// A name that could not be a topic name, a YAML key or a metric label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name: use 1 to 60 letters, digits, `-` or `_`, starting with a letter")]
pub struct InvalidName(pub String);

// === impl RequestId ===

impl RequestId {
    /// Returns the id that a caller's own key means within a rendezvous: the same key, the same request.
    #[must_use]
    pub fn from_key(rendezvous: &RendezvousName, key: &str) -> Self {
        Self::derived(&[rendezvous.as_str(), "key", key])
    }

    /// Returns the id of the input that lies at `offset` of an input topic's partition.
    ///
    /// Derived as a key's is, and marked as UUID version 8: nobody can give a position again, so that what remembers
    /// keys need not remember positions.
    #[must_use]
    pub fn from_position(rendezvous: &RendezvousName, topic: &str, partition: i32, offset: i64) -> Self {
        let parts = [rendezvous.as_str(), "position", topic, &partition.to_string(), &offset.to_string()];
        let Self(derived) = Self::derived(&parts);
        Self(uuid::Builder::from_bytes(derived.into_bytes()).with_version(uuid::Version::Custom).into_uuid())
    }

    /// Returns whether a caller's key made this id, so that a caller may give it again.
    #[must_use]
    pub fn is_from_key(self) -> bool {
        self.0.get_version() == Some(uuid::Version::Sha1)
    }

    /// Wraps a UUID made elsewhere (a front door that was given no key).
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Returns the UUID.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// Returns the partition, of `partitions`, that everything about this request goes to.
    ///
    /// A multiplicative hash of the low 64 bits: the same in every language that can multiply (docs: `partition =
    /// (low64 × 0x9E3779B97F4A7C15 mod 2^64) >> 33, modulo partitions`), unlike the clients' own partitioners.
    #[must_use]
    pub fn partition(self, partitions: i32) -> i32 {
        let (_, low) = self.0.as_u64_pair();
        let spread = (low.wrapping_mul(SPREAD) >> 33) % u64::from(partitions.max(1).unsigned_abs());
        i32::try_from(spread).unwrap_or(0)
    }

    /// Returns the id of the same request if it is about `key` and all requests about that key go to one partition,
    /// however many there are: an executor that keeps state about a key then meets them in their order.
    ///
    /// The high 64 bits stay, and of the low ones those that choose no partition: among the requests of one key, and
    /// those that share its place, ids still differ in more than 90 bits.
    #[must_use]
    pub fn about(self, key: &str) -> Self {
        let (high, low) = self.0.as_u64_pair();
        let (_, place) = Uuid::new_v5(&NAMESPACE, key.as_bytes()).as_u64_pair();
        // `partition` looks at the upper 31 bits of the product, so the product is chosen, and divided again. The two
        // upper bits of what comes out say that it is a UUID of the usual variant: one in four has them.
        let rest = low.wrapping_mul(SPREAD) & BELOW;
        let fits = |low: &u64| low >> 62 == 0b10;
        let near = (0..=BELOW).map(|step| (place & !BELOW | (rest + step) & BELOW).wrapping_mul(UNSPREAD));
        let low = near.into_iter().find(fits).unwrap_or(low);
        Self(Uuid::from_u64_pair(high, low))
    }

    fn derived(parts: &[&str]) -> Self {
        // The unit separator cannot be typed into a name, so no two lists of parts read the same.
        Self(Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(out)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

// === impl ExecutorId, RendezvousName, ModelName ===

macro_rules! name {
    ($type:ident) => {
        impl $type {
            /// Checks that `name` can stand in a topic name, a YAML key and a metric label.
            pub fn new(name: &str) -> Result<Self, InvalidName> {
                is_name(name).then(|| Self(name.into())).ok_or_else(|| InvalidName(name.to_owned()))
            }

            /// Returns the name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

name!(ExecutorId);
name!(RendezvousName);
name!(ModelName);

fn is_name(name: &str) -> bool {
    name.len() <= 60
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

// === impl ModelVersion ===

impl ModelVersion {
    /// Returns `name@version`.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self(Arc::new(format!("{name}@{version}").into()))
    }

    /// Returns the version of a model that is not there: what a failure says that no model had a part in.
    #[must_use]
    pub fn unloaded(executor: &ExecutorId) -> Self {
        Self::new(executor.as_str(), "unloaded")
    }

    /// Returns the text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ModelVersion {
    fn from(text: &str) -> Self {
        Self(Arc::new(text.into()))
    }
}

impl fmt::Display for ModelVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

// === impl PolicyRef ===

impl fmt::Display for PolicyRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}", self.rendezvous, self.version)
    }
}

impl FromStr for PolicyRef {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidName(text.to_owned());
        let (name, version) = text.rsplit_once('@').ok_or_else(invalid)?;
        Ok(Self { rendezvous: RendezvousName::new(name)?, version: version.parse().map_err(|_| invalid())? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn id(number: u32) -> RequestId {
        RequestId::from_key(&RendezvousName::new("heater").unwrap(), &number.to_string())
    }

    #[test]
    fn requests_about_one_key_go_to_one_partition_however_many_there_are() {
        for partitions in [1, 2, 3, 4, 12, 997] {
            for key in ["hall", "kitchen", "7"] {
                let all: HashSet<i32> = (0..200).map(|number| id(number).about(key).partition(partitions)).collect();
                assert_eq!(all.len(), 1, "{key} in {partitions}");
            }
        }
    }

    #[test]
    fn an_id_about_a_key_is_as_good_an_id_as_it_was() {
        let all: HashSet<RequestId> = (0..10_000).map(|number| id(number).about("hall")).collect();
        assert_eq!(all.len(), 10_000);
        for id in &all {
            assert!(id.is_from_key() && id.as_uuid().get_variant() == uuid::Variant::RFC4122, "{id}");
            assert_eq!(id.about("hall").partition(12), id.partition(12));
        }
    }

    #[test]
    fn keys_are_spread_over_the_partitions() {
        let mut held = [0; 4];
        for key in 0..1_000 {
            held[usize::try_from(id(1).about(&key.to_string()).partition(4)).unwrap()] += 1;
        }
        assert!(held.iter().all(|held| (180..320).contains(held)), "{held:?}");
    }
}

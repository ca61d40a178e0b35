//! The last prediction about each key, for policies that may fall back to it.
//!
//! Pure. Bounded by count and by bytes, the oldest out. It is filled from the log's results behind everybody's back: a
//! look-up before it has caught up, or of a key that was put out, finds nothing, and the policy says `otherwise`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use policies::LastKnown;
use wire::Timestamp;

/// At most so many keys are remembered.
const COUNT_MAX: usize = 262_144;
/// At most so many bytes of keys and answers are remembered.
const BYTES_MAX: usize = 64 << 20;

/// What all partitions of this process remember. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    by_key: HashMap<Arc<str>, Noted>,
    /// Counts what was put down, so that the oldest is the first.
    by_order: BTreeMap<u64, Arc<str>>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Noted {
    known: LastKnown,
    order: u64,
}

// === impl Memory ===

impl Memory {
    /// Returns the last prediction about `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<LastKnown> {
        self.shelf().by_key.get(key).map(|noted| noted.known.clone())
    }

    /// Remembers a prediction about `key`, which the log took in at `at`, unless a later one is known.
    pub fn put(&self, key: &Arc<str>, answer: &[u8], at: Timestamp) {
        // A copy: the answer must not keep the batch that it was fetched with.
        self.shelf().put(key, LastKnown { answer: Bytes::copy_from_slice(answer), at });
    }

    /// Nobody panics while holding it; if somebody did, what is remembered is still whole.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Shelf ===

impl Shelf {
    fn put(&mut self, key: &Arc<str>, known: LastKnown) {
        if self.by_key.get(key).is_some_and(|noted| noted.known.at > known.at) {
            return;
        }
        self.remove(key);
        self.bytes += size(key, &known);
        self.by_order.insert(self.next, Arc::clone(key));
        self.by_key.insert(Arc::clone(key), Noted { known, order: self.next });
        self.next += 1;
        while self.by_key.len() > COUNT_MAX || self.bytes > BYTES_MAX {
            let Some((_, oldest)) = self.by_order.first_key_value() else { break };
            let oldest = Arc::clone(oldest);
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some((key, noted)) = self.by_key.remove_entry(key) {
            self.by_order.remove(&noted.order);
            self.bytes -= size(&key, &noted.known);
        }
    }
}

fn size(key: &str, known: &LastKnown) -> usize {
    key.len() + known.answer.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(memory: &Memory, key: &str, answer: &[u8], at: i64) {
        memory.put(&key.into(), answer, Timestamp::from_micros(at));
    }

    fn answer(memory: &Memory, key: &str) -> Option<Bytes> {
        memory.get(key).map(|known| known.answer)
    }

    #[test]
    fn the_last_prediction_about_a_key_is_known_whatever_order_partitions_are_read_in() {
        let memory = Memory::default();
        put(&memory, "anna", b"1", 5);
        put(&memory, "anna", b"3", 9);
        put(&memory, "anna", b"2", 7);
        assert_eq!(answer(&memory, "anna").as_deref(), Some(b"3".as_slice()));
        assert_eq!(answer(&memory, "ben"), None);
    }

    #[test]
    fn keys_are_bounded_by_count_and_the_oldest_go() {
        let memory = Memory::default();
        put(&memory, "first", b"1", 0);
        put(&memory, "second", b"1", 0);
        put(&memory, "first", b"1", 1);
        (0..COUNT_MAX - 1).for_each(|number| put(&memory, &number.to_string(), b"1", 2));
        assert!(answer(&memory, "second").is_none());
        assert!(answer(&memory, "first").is_some(), "it was put down again");
    }

    #[test]
    fn answers_are_bounded_by_bytes() {
        let memory = Memory::default();
        let large = vec![b' '; 40 << 20];
        put(&memory, "a", &large, 0);
        put(&memory, "b", &large, 1);
        assert!(answer(&memory, "a").is_none());
        assert!(answer(&memory, "b").is_some());
    }
}

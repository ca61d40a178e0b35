//! What is known about keys, within bounds. Nothing is ever thrown out to make room: an executor that forgot a key by
//! itself would begin anew with it, as if nothing had ever been done about it. So a key more is refused.
//!
//! Pure.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

/// So many keys a partition knows at most.
pub const KEYS_MAX: usize = 100_000;
/// So many bytes keys and what is known about them take at most, in a partition.
pub const BYTES_MAX: usize = 64 << 20;

/// Keys and what is known about each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    keys: HashMap<Arc<str>, Bytes>,
    bytes: usize,
}

// === impl Known ===

impl Known {
    pub(crate) fn get(&self, key: &str) -> Option<&Bytes> {
        self.keys.get(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether `key` can be known with a value of so many bytes.
    pub(crate) fn has_room(&self, key: &str, size: usize) -> bool {
        let (had, keys) = match self.keys.get(key) {
            Some(value) => (key.len() + value.len(), self.keys.len()),
            None => (0, self.keys.len() + 1),
        };
        keys <= KEYS_MAX && self.bytes - had + key.len() + size <= BYTES_MAX
    }

    pub(crate) fn put(&mut self, key: &str, value: Option<Bytes>) {
        let Some(value) = value else {
            if let Some((key, value)) = self.keys.remove_entry(key) {
                self.bytes -= key.len() + value.len();
            }
            return;
        };
        self.bytes += value.len();
        if let Some(held) = self.keys.get_mut(key) {
            self.bytes -= held.len();
            *held = value;
        } else {
            self.bytes += key.len();
            self.keys.insert(key.into(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_what_was_put_last_and_counts_what_it_holds() {
        let mut known = Known::default();
        known.put("hall", Some("12".into()));
        known.put("hall", Some("345".into()));
        assert_eq!((known.get("hall").unwrap().as_ref(), known.bytes, known.len()), (&b"345"[..], 7, 1));
        known.put("attic", None);
        known.put("hall", None);
        assert_eq!((known.get("hall"), known.bytes, known.len()), (None, 0, 0));
    }

    #[test]
    fn there_is_room_for_so_many_keys_and_bytes_and_for_what_is_known_already() {
        let mut known = Known::default();
        for number in 0..KEYS_MAX {
            known.put(&number.to_string(), Some("1".into()));
        }
        assert!(known.has_room("7", 1_000) && !known.has_room("another", 1));
        let mut known = Known::default();
        known.put("a", Some(vec![b'1'; BYTES_MAX - 1].into()));
        assert!(known.has_room("a", BYTES_MAX - 1) && !known.has_room("a", BYTES_MAX) && !known.has_room("b", 0));
    }
}

//! What is written down of a partition: all that was counted, and all that whoever goes on needs to know.
//!
//! Pure. Laws: `Kept::read(&kept.written()) == Ok(kept)`; whatever the bytes are, reading them ends, in bounded memory.
//! As JSON, compressed: names of fields and of cells come again and again, and tell nothing new.

use std::io::Read as _;

use bytes::Bytes;
use canary::{Checkpoint, Positions};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::Fencing;

/// What is kept of a partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Whose results are valid where the results are to be read on, as an epoch and an instance's number.
    valid: Option<(u64, u128)>,
    /// What was counted.
    pub checkpoint: Checkpoint,
}

/// A word that is not one of ours.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It is larger than anything that is ever kept.
    #[error("it has more than {} MB", READ_MAX >> 20)]
    TooLarge,
    /// It is not compressed as ours are.
    #[error("it cannot be decompressed")]
    Compressed(#[from] std::io::Error),
    /// It is none of ours inside.
    #[error("it cannot be read")]
    Json(#[from] serde_json::Error),
}

/// The fastest level: the next one takes longer for little.
const LEVEL: i32 = 1;
/// What takes more was not written by us.
const READ_MAX: usize = 256 << 20;
/// How compressed data begins (RFC 8878); JSON never does.
const COMPRESSED: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

// === impl Kept ===

impl Kept {
    /// Returns what is kept of a partition where the results of `valid` are valid at the checkpoint's positions.
    #[must_use]
    pub fn new(valid: Option<Fencing>, checkpoint: Checkpoint) -> Self {
        Self { valid: valid.map(|Fencing { epoch, instance }| (epoch, instance.as_u128())), checkpoint }
    }

    /// Returns what there is to keep before anything was read.
    #[must_use]
    pub fn nothing_before(positions: Positions) -> Self {
        Self { valid: None, checkpoint: Checkpoint::at(positions) }
    }

    /// Returns whose results are valid where the results are to be read on, if that is known.
    #[must_use]
    pub fn valid(&self) -> Option<Fencing> {
        self.valid.map(|(epoch, instance)| Fencing { epoch, instance: Uuid::from_u128(instance) })
    }

    /// Takes note that whose results are valid is not known any more.
    pub(crate) fn forget_valid(&mut self) {
        self.valid = None;
    }

    /// Writes it down.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it never does")]
    pub fn written(&self) -> Bytes {
        let json = serde_json::to_vec(self).expect("what is kept is text and numbers");
        zstd::encode_all(&json[..], LEVEL).map_or_else(|_| json.into(), Bytes::from)
    }

    /// Reads what was written down.
    pub fn read(bytes: &[u8]) -> Result<Self, KeptError> {
        if !bytes.starts_with(&COMPRESSED) {
            return Ok(serde_json::from_slice(bytes)?);
        }
        let mut json = Vec::new();
        let most = u64::try_from(READ_MAX).unwrap_or(u64::MAX);
        zstd::Decoder::new(bytes)?.take(most).read_to_end(&mut json)?;
        if json.len() >= READ_MAX {
            return Err(KeptError::TooLarge);
        }
        Ok(serde_json::from_slice(&json)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(epoch: Option<u64>, requests: i64) -> Kept {
        let valid = epoch.map(|epoch| Fencing { epoch, instance: Uuid::from_u128(7) });
        Kept::new(valid, Checkpoint::at(Positions { requests, responses: 2, results: 3 }))
    }

    proptest! {
        #[test]
        fn what_was_kept_is_read_back(epoch: Option<u64>, requests in 0..i64::MAX) {
            let kept = kept(epoch, requests);
            prop_assert_eq!(Kept::read(&kept.written()).unwrap(), kept.clone());
            prop_assert_eq!(Kept::read(&serde_json::to_vec(&kept).unwrap()).unwrap(), kept);
        }

        #[test]
        fn whatever_the_bytes_are_reading_them_ends(bytes: Vec<u8>, ours: bool) {
            let front = if ours { &COMPRESSED[..] } else { &[] };
            prop_assert!(Kept::read(&[front, &bytes].concat()).is_err());
        }
    }

    #[test]
    fn a_word_that_ends_too_early_is_refused() {
        let written = kept(Some(1), 1).written();
        assert!(Kept::read(&written[..written.len() - 1]).is_err());
        assert!(matches!(Kept::read(b"{}"), Err(KeptError::Json(_))));
    }
}

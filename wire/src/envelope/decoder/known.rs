//! The last few texts that were read, and what each means.

use super::{EnvelopeError, Name, Reader, invalid};

/// What texts mean that were read of late: whoever meets one again parses nothing, and shares what it means.
#[derive(Clone, Debug)]
pub(super) struct Known<T> {
    kept: Vec<(Box<[u8]>, T)>,
    /// What goes next to make room.
    oldest: usize,
    most: usize,
}

/// So many are kept: a few more than executors that are usually asked.
const KEPT_MAX: usize = 16;
/// Longer texts are not: nobody repeats them but a vandal.
const TEXT_MAX: usize = 1_024;

// === impl Known ===

impl<T: Clone> Known<T> {
    /// Returns what the header says, as `read` finds if it is not known; `None` is that it cannot be read.
    pub(super) fn read(
        &mut self,
        headers: &Reader<'_>,
        name: Name,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, EnvelopeError> {
        let text = headers.bytes(name)?;
        if let Some((_, meaning)) = self.kept.iter().find(|(kept, _)| **kept == *text) {
            return Ok(meaning.clone());
        }
        let meaning = read(headers.text(name)?).ok_or_else(|| invalid(name, text))?;
        if text.len() <= TEXT_MAX {
            self.keep(text, meaning.clone());
        }
        Ok(meaning)
    }

    fn keep(&mut self, text: &[u8], meaning: T) {
        if self.kept.len() < self.most {
            self.kept.push((text.into(), meaning));
        } else if let Some(oldest) = self.kept.get_mut(self.oldest) {
            *oldest = (text.into(), meaning);
            self.oldest = (self.oldest + 1) % self.most;
        }
    }
}

impl<T> Known<T> {
    /// Returns one that never keeps anything.
    pub(super) fn nothing() -> Self {
        Self { kept: Vec::new(), oldest: 0, most: 0 }
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { most: KEPT_MAX, ..Self::nothing() }
    }
}

//! From where a partition must be read again so that nothing undecided is lost: three offsets, committed as one.
//!
//! Pure. The offset of the requests is what the group commits; the two others travel in the note beside it, so that
//! the three are atomic. Law: `Watermarks::parse(w.requests, &w.note()) == Ok(w)`.

/// The first offsets of a partition that are still needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// The oldest request without a confirmed result.
    pub requests: i64,
    /// The oldest response that such a request may need.
    pub responses: i64,
    /// An accepted fence, before every result that a request read from here on may already have.
    pub results: i64,
}

/// A committed note that this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the committed note `{0}` cannot be read")]
pub struct UnreadableNote(pub String);

// === impl Watermarks ===

impl Watermarks {
    /// Reads what was committed: an offset of the requests and the note beside it.
    pub fn parse(requests: i64, note: &str) -> Result<Self, UnreadableNote> {
        let parsed = note.strip_prefix("v1 responses=").and_then(|rest| rest.split_once(" results="));
        let (responses, results) = parsed.ok_or_else(|| unreadable(note))?;
        let offset = |text: &str| text.parse().ok().filter(|offset| *offset >= 0).ok_or_else(|| unreadable(note));
        Ok(Self { requests, responses: offset(responses)?, results: offset(results)? })
    }

    /// Returns the note to commit beside the offset of the requests.
    #[must_use]
    pub fn note(&self) -> String {
        format!("v1 responses={} results={}", self.responses, self.results)
    }
}

fn unreadable(note: &str) -> UnreadableNote {
    UnreadableNote(note.chars().take(80).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_as_it_was_written() {
        let watermarks = Watermarks { requests: 7, responses: 123, results: 45 };
        assert_eq!(watermarks.note(), "v1 responses=123 results=45");
        assert_eq!(Watermarks::parse(7, &watermarks.note()), Ok(watermarks));
    }

    #[test]
    fn a_note_of_another_version_is_refused_and_not_guessed() {
        for note in
            ["", "v2 responses=1 results=2", "v1 responses=1", "v1 responses=x results=2", "v1 responses=-1 results=2"]
        {
            assert_eq!(Watermarks::parse(7, note), Err(UnreadableNote(note.to_owned())), "{note}");
        }
    }
}

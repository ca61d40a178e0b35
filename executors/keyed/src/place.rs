//! Where a partition stands: what is committed in one transaction with the state.
//!
//! Pure. Law: `Place::parse(p.next, &p.note()) == Some(p)`.

/// A place in a partition of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The first request that is not answered: who comes next reads from here.
    pub next: i64,
    /// The first request that no step was taken for. What lies before it is in the state already.
    pub applied: i64,
    /// How many records there are of the state; the last of them has this number.
    pub kept: u64,
}

const VERSION: &str = "v1";

// === impl Place ===

impl Place {
    /// Reads what was committed; `None` if the note is not one of ours, as when an operator has moved the offset.
    #[must_use]
    pub fn parse(next: i64, note: &str) -> Option<Self> {
        let words: Vec<&str> = note.split(' ').collect();
        let [VERSION, applied, kept] = words[..] else { return None };
        let applied = applied.strip_prefix("applied=")?.parse().ok().filter(|applied| next <= *applied)?;
        Some(Self { next, applied, kept: kept.strip_prefix("kept=")?.parse().ok()? })
    }

    /// Returns the note to commit beside `next`.
    #[must_use]
    pub fn note(&self) -> String {
        format!("{VERSION} applied={} kept={}", self.applied, self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_as_it_was_written() {
        for (next, applied, kept) in [(0, 0, 0), (5, 9, 3), (7, 7, u64::MAX)] {
            let place = Place { next, applied, kept };
            assert_eq!(Place::parse(next, &place.note()), Some(place));
        }
    }

    #[test]
    fn a_note_of_somebody_else_is_not_guessed() {
        for note in [
            "",
            "v2 applied=9 kept=1",
            "v1 applied=3 kept=1",
            "v1 applied=9",
            "v1 applied=x kept=1",
            "v1 applied=9 kept=1 ",
        ] {
            assert_eq!(Place::parse(5, note), None, "{note}");
        }
    }
}

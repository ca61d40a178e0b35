//! Where a partition stands: what is committed with what was copied, and all that a successor needs.
//!
//! Pure. The offset is what the group commits; the rest travels in the note beside it, so that all of it is atomic.
//! Law: `Place::parse(p.next, &p.note()) == Some(p)`.

use std::str::FromStr;

use uuid::Uuid;
use wire::Fencing;

/// A place in a partition of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first record that is not dealt with: everything before it is copied or was not to be.
    pub next: i64,
    /// Whose results are valid at `next`, as far as is known.
    pub valid: Option<Fencing>,
    /// From where a successor must read to know which results there were lately, without copying any again.
    pub from: i64,
    /// Whose results are valid at `from`.
    pub valid_from: Option<Fencing>,
}

/// A word that we did not write.
struct Foreign;

const VERSION: &str = "v1";
const NOBODY: &str = "-";

// === impl Place ===

impl Place {
    /// Reads what was committed; `None` if the note is not one of ours, as when an operator has moved the offset.
    #[must_use]
    pub fn parse(next: i64, note: &str) -> Option<Self> {
        let words: Vec<&str> = note.split(' ').collect();
        let [VERSION, valid, from, valid_from] = words[..] else { return None };
        let from = after(from, "from=")?.parse().ok().filter(|from| (0..=next).contains(from))?;
        let (valid, valid_from) = (after(valid, "valid=")?, after(valid_from, "valid=")?);
        Some(Self { next, valid: read(valid).ok()?, from, valid_from: read(valid_from).ok()? })
    }

    /// Returns the note to commit beside `next`.
    #[must_use]
    pub fn note(&self) -> String {
        let Self { valid, from, valid_from, .. } = self;
        format!("{VERSION} valid={} from={from} valid={}", written(*valid), written(*valid_from))
    }
}

fn after<'a>(word: &'a str, name: &str) -> Option<&'a str> {
    word.strip_prefix(name)
}

fn written(fencing: Option<Fencing>) -> String {
    fencing.map_or_else(|| NOBODY.to_owned(), |Fencing { epoch, instance }| format!("{epoch}/{instance}"))
}

fn read(word: &str) -> Result<Option<Fencing>, Foreign> {
    if word == NOBODY {
        return Ok(None);
    }
    let (epoch, instance) = word.split_once('/').ok_or(Foreign)?;
    let (epoch, instance) = (epoch.parse().map_err(|_| Foreign)?, Uuid::from_str(instance).map_err(|_| Foreign)?);
    Ok(Some(Fencing { epoch, instance }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_as_it_was_written() {
        let fencing = |epoch| Some(Fencing { epoch, instance: Uuid::from_u128(7) });
        for (valid, valid_from) in [(None, None), (fencing(3), None), (fencing(u64::MAX), fencing(2))] {
            let place = Place { next: 90, valid, from: 12, valid_from };
            assert_eq!(Place::parse(90, &place.note()), Some(place), "{}", place.note());
        }
    }

    #[test]
    fn a_note_of_somebody_else_is_not_guessed() {
        for note in [
            "",
            "v2 valid=- from=1 valid=-",
            "v1 valid=- from=1",
            "v1 valid=- from=10 valid=-",
            "v1 valid=- from=-1 valid=-",
            "v1 valid=1 from=1 valid=-",
            "v1 valid=1/x from=1 valid=-",
            "v1 valid=- from=1 valid=- more",
        ] {
            assert_eq!(Place::parse(9, note), None, "{note}");
        }
    }
}

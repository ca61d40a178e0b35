//! What a process counted of a rendezvous, as it lies in the topic of its measures.
//!
//! One partition, compacted, and nothing in it is kept for ever. The key says who counted and in which slice of time; slices that
//! lie so far apart that nobody needs both share a key, so that what is kept is bounded. What the count is, is not known
//! here (`measures::Slice`).
//! Law: `Measured::decode(&measured.encode()) == Ok(measured)`.

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    Record, RendezvousName,
    envelope::{EnvelopeError, Reader, attributes, invalid, shortened},
    headers::Name,
};

/// What one process counted in one slice of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Whose requests.
    pub rendezvous: RendezvousName,
    /// Who counted: a name that is never used again.
    pub process: Uuid,
    /// How fine the slice is.
    pub level: usize,
    /// Which of the slices that are kept of that level.
    pub place: u64,
    /// What was counted, one JSON object.
    pub counted: Bytes,
}

const MEASURED_TYPE: &str = "dev.hedgerow.measured.v1";

// === impl Measured ===

impl Measured {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let key = format!("{}/{}/{}", self.process, self.level, self.place);
        let headers = attributes(MEASURED_TYPE, &key, format_args!("/{}", self.rendezvous));
        Record { key: Some(key.into()), headers, payload: Some(self.counted.clone()) }
    }

    /// Reads a record.
    pub fn decode(record: &Record) -> Result<Self, EnvelopeError> {
        let headers = Reader::new(&record.headers);
        let kind = headers.text(Name::Type)?;
        if kind != MEASURED_TYPE {
            return Err(EnvelopeError::UnknownType(shortened(kind.as_bytes())));
        }
        let rendezvous = headers.rendezvous()?;
        let key = headers.text(Name::Id)?;
        let (process, level, place) = parts(key).ok_or_else(|| invalid(Name::Id, key.as_bytes()))?;
        let counted = record.payload.clone().unwrap_or_default();
        Ok(Self { rendezvous, process, level, place, counted })
    }
}

fn parts(key: &str) -> Option<(Uuid, usize, u64)> {
    let mut parts = key.split('/');
    let (process, level, place) = (parts.next()?, parts.next()?, parts.next()?);
    let parsed = (process.parse().ok()?, level.parse().ok()?, place.parse().ok()?);
    parts.next().is_none().then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_refused_otherwise() {
        let rendezvous = RendezvousName::new("wine").expect("a name");
        let measured = Measured { rendezvous, process: Uuid::from_u128(7), level: 1, place: 42, counted: "{}".into() };
        assert_eq!(Measured::decode(&measured.encode()), Ok(measured.clone()));
        assert!(Measured::decode(&Record::default()).is_err());
        assert_eq!(parts("7/1/2"), None, "a process is named by a UUID");
        assert_eq!(parts(&format!("{}/1/2/3", Uuid::nil())), None);
    }
}

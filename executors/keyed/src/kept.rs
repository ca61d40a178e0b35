//! A record of the topic that holds the state: what is known about a key after one request, and what was answered.
//!
//! Pure. Law: `Kept::decode(&kept.encode()) == Ok(kept)`. It is one JSON object, so that anybody can read it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wire::{Failure, FailureKind, ModelVersion, Record, Reply, RequestId, Timestamp};

/// What one step led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The how-manieth record of its partition it is, from 1.
    pub number: u64,
    /// Where its request lies.
    pub offset: i64,
    /// Whom or what it was about; `None` if the request does not say.
    pub key: Option<String>,
    /// What is known about the key from then on, one JSON value.
    pub state: Option<Bytes>,
    /// The request.
    pub request: RequestId,
    /// When its result is due.
    pub due: Timestamp,
    /// Which model took the step.
    pub model: ModelVersion,
    /// What was answered.
    pub reply: Reply,
}

/// A record that is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no record of an executor's state: {0}")]
pub struct Unreadable(String);

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    number: u64,
    offset: i64,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
    request: String,
    due_us: i64,
    model: String,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    answer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    failure: Option<Failed>,
}

#[derive(Serialize, Deserialize)]
struct Failed {
    kind: String,
    message: String,
}

// === impl Kept ===

impl Kept {
    /// Writes the record. State and answer must be JSON, as `Partition` sees to.
    #[must_use]
    pub fn encode(&self) -> Record {
        let failure = match &self.reply {
            Reply::Answer(_) => None,
            Reply::Failure(Failure { kind, message }) => {
                Some(Failed { kind: kind.as_str().to_owned(), message: message.clone() })
            }
        };
        let body = Body {
            number: self.number,
            offset: self.offset,
            state: self.state.as_deref().and_then(json),
            request: self.request.to_string(),
            due_us: self.due.as_micros(),
            model: self.model.as_str().to_owned(),
            answer: match &self.reply {
                Reply::Answer(answer) => json(answer),
                Reply::Failure(_) => None,
            },
            failure,
        };
        let payload = written(&body);
        // Without a key the record is kept for the sake of its answer, and the log's compaction wants one.
        let key =
            self.key.as_ref().map_or_else(|| Bytes::from_static(b""), |key| Bytes::copy_from_slice(key.as_bytes()));
        Record { key: Some(key), payload: Some(payload), ..Record::default() }
    }

    /// Reads a record.
    pub fn decode(record: &Record) -> Result<Self, Unreadable> {
        let unreadable = |why: &dyn ToString| Unreadable(why.to_string());
        let payload = record.payload.as_deref().ok_or_else(|| unreadable(&"it has no payload"))?;
        let body: Body<'_> = serde_json::from_slice(payload).map_err(|error| unreadable(&error))?;
        let key = record.key.as_deref().unwrap_or_default();
        let key = std::str::from_utf8(key).map_err(|_| unreadable(&"its key is no text"))?;
        let reply = match (body.answer, body.failure) {
            (Some(answer), None) => Reply::Answer(Bytes::copy_from_slice(answer.get().as_bytes())),
            (None, Some(Failed { kind, message })) => {
                Reply::Failure(Failure { kind: kind.parse().unwrap_or(FailureKind::Failed), message })
            }
            _ => return Err(unreadable(&"it holds no answer")),
        };
        Ok(Self {
            number: body.number,
            offset: body.offset,
            key: (!key.is_empty()).then(|| key.to_owned()),
            state: body.state.map(|state| Bytes::copy_from_slice(state.get().as_bytes())),
            request: body.request.parse().map_err(|_| unreadable(&"its request is no id"))?,
            due: Timestamp::from_micros(body.due_us),
            model: body.model.as_str().into(),
            reply,
        })
    }
}

fn written(body: &Body<'_>) -> Bytes {
    serde_json::to_vec(body).expect("numbers, texts and JSON are always written to memory").into()
}

/// Returns `bytes` as JSON, if they are.
pub(crate) fn json(bytes: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reply: Reply, state: Option<&'static str>, key: Option<&str>) {
        let kept = Kept {
            number: 7,
            offset: 41,
            key: key.map(str::to_owned),
            state: state.map(|state| Bytes::from_static(state.as_bytes())),
            request: RequestId::from_uuid(uuid::Uuid::from_u128(9)),
            due: Timestamp::from_micros(12),
            model: "heater@1".into(),
            reply,
        };
        assert_eq!(Kept::decode(&kept.encode()), Ok(kept));
    }

    #[test]
    fn what_is_kept_is_read_back_as_it_was_written() {
        let answer = Reply::Answer(Bytes::from_static(br#"{"heater":  "on"}"#));
        check(answer.clone(), Some(r#"{"on" : true}"#), Some("hall"));
        check(answer, None, None);
        for kind in [FailureKind::Failed, FailureKind::Abstained, FailureKind::Expired] {
            check(Reply::Failure(Failure { kind, message: "no \"key\"".to_owned() }), Some("1"), Some("a/b"));
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_not_guessed() {
        for payload in ["", "{}", "7", r#"{"number":1,"offset":2,"state":null,"request":"x","due_us":1,"model":"m"}"#] {
            let record = Record { payload: Some(Bytes::from_static(payload.as_bytes())), ..Record::default() };
            assert!(Kept::decode(&record).is_err(), "{payload}");
        }
        assert!(Kept::decode(&Record::default()).is_err());
    }
}

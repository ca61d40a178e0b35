//! PURE: what is said to a worker and what it says back, as bytes. `host.py` has the other end.
//!
//! A frame is a length of four bytes, the highest first, and as many bytes. A call is a frame of rows, each with its
//! length in front; the answer is one of as many, each with a byte in front that says what it is.

use bytes::Bytes;
use executor::failed;
use serde::{Deserialize, Serialize};
use wire::{Failure, FailureKind};

/// The longest frame that is read: a worker that says more has lost its way.
pub(crate) const LONGEST: usize = 64 << 20;

/// The first frame: what a worker is to load.
#[derive(Debug, Serialize)]
pub(crate) struct Begin<'a> {
    /// The file, whole.
    pub(crate) path: &'a str,
    /// Its text.
    pub(crate) source: &'a str,
    /// Which of its functions is called.
    pub(crate) function: &'a str,
    /// What it is asked about first, unless the file says otherwise.
    pub(crate) warm: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What a worker says of it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub(crate) enum Began {
    /// It is ready.
    Ready {
        /// Whether there is a function for several rows.
        batches: bool,
    },
    /// It is not, and has ended.
    Problem {
        /// Why.
        problem: String,
    },
}

const ANSWER: u8 = 0;
const FAILURE: u8 = 1;
const ABSTAINED: u8 = 2;

/// Returns `body` as a frame.
pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(4 + body.len());
    put(&mut frame, body);
    frame
}

/// Returns the frame of a call about `rows`.
pub(crate) fn call(rows: &[&[u8]]) -> Bytes {
    let length = rows.iter().map(|row| 4 + row.len()).sum();
    let mut frame = Vec::with_capacity(4 + length);
    frame.extend_from_slice(&size(length));
    for row in rows {
        put(&mut frame, row);
    }
    frame.into()
}

/// Reads the answer to a call about `rows` rows; `None` if it is none.
pub(crate) fn answers(frame: &Bytes, rows: usize) -> Option<Vec<Result<Bytes, Failure>>> {
    let (mut answers, mut at) = (Vec::with_capacity(rows), 0);
    while at < frame.len() {
        let (&kind, length) = (frame.get(at)?, frame.get(at + 1..at + 5)?);
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        let text = at + 5..at + 5 + length;
        at = text.end;
        let text = (text.end <= frame.len()).then(|| frame.slice(text))?;
        answers.push(match kind {
            ANSWER => Ok(text),
            FAILURE => Err(failed(String::from_utf8_lossy(&text))),
            ABSTAINED => {
                let message = String::from_utf8_lossy(&text).into_owned();
                Err(Failure { kind: FailureKind::Abstained, message })
            }
            _ => return None,
        });
    }
    (answers.len() == rows).then_some(answers)
}

fn put(frame: &mut Vec<u8>, text: &[u8]) {
    frame.extend_from_slice(&size(text.len()));
    frame.extend_from_slice(text);
}

fn size(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a topic takes no record of 4 GiB").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_its_rows_each_with_its_length() {
        assert_eq!(call(&[b"{}", b"{ }"]), &b"\0\0\0\x0d\0\0\0\x02{}\0\0\0\x03{ }"[..]);
        assert_eq!(frame(b"ab"), b"\0\0\0\x02ab");
    }

    #[test]
    fn an_answer_is_read_row_by_row() {
        let frame = Bytes::from_static(b"\0\0\0\0\x02{}\x01\0\0\0\x03why\x02\0\0\0\0");
        let abstained = Failure { kind: FailureKind::Abstained, message: String::new() };
        let expected = vec![Ok(Bytes::from_static(b"{}")), Err(failed("why")), Err(abstained)];
        assert_eq!(answers(&frame, 3), Some(expected));
    }

    #[test]
    fn what_is_cut_off_of_another_kind_or_about_other_rows_is_no_answer() {
        let whole = b"\0\0\0\0\x02{}";
        for end in 1..whole.len() {
            assert_eq!(answers(&Bytes::copy_from_slice(&whole[..end]), 1), None, "{end}");
        }
        assert_eq!(answers(&Bytes::from_static(whole), 2), None);
        assert_eq!(answers(&Bytes::from_static(b"\x09\0\0\0\0"), 1), None);
    }

    #[test]
    fn a_worker_says_that_it_is_ready_or_why_not() {
        let read = |text: &str| serde_json::from_str::<Began>(text).unwrap();
        assert_eq!(read(r#"{"batches": true}"#), Began::Ready { batches: true });
        assert_eq!(read(r#"{"problem": "no"}"#), Began::Problem { problem: "no".to_owned() });
    }
}

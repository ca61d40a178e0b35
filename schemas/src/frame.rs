//! The frame around a value, and the path to a message in a Protobuf file.
//!
//! Pure.

use serde::de::IgnoredAny;

/// A framed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The number of its schema in the registry.
    pub id: u32,
    /// The value, as the schema says.
    pub payload: &'a [u8],
}

/// What begins as a frame and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Its schema is named beside it.
    #[error(
        "its schema is named in the header `{HEADER}`, which is not read: let the serializer put the schema's number in \
         front of the value, as `PrefixSchemaIdSerializer` does"
    )]
    Beside,
    /// It ends within the schema's number.
    #[error("it ends after {0} of the 5 bytes in front of the value")]
    Short(usize),
    /// No registry gives such a number: a registry that was asked would say that the question is none, and not that there is
    /// no such schema.
    #[error("the number of its schema is {0}, and registries give none above 2,147,483,647")]
    Number(u32),
    /// The path to a message cannot be read.
    #[error("the path to its message in the Protobuf file cannot be read")]
    Path,
}

/// Where serializers that put nothing in front of a value name its schema, by an id of another sort.
pub const HEADER: &str = "__value_schema_id";
/// A first byte that no JSON document has.
const MAGIC: u8 = 0;
const HEAD: usize = 5;

// === impl Frame ===

impl<'a> Frame<'a> {
    /// Reads the value of a record whose [`HEADER`] is there, or is not; `None` if it is JSON as it is.
    pub fn of_record(bytes: &'a [u8], has_header: bool) -> Result<Option<Self>, FrameError> {
        if !has_header {
            return Self::read(bytes);
        }
        // A value of JSON Schema needs its schema for nothing.
        if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() { Ok(None) } else { Err(FrameError::Beside) }
    }

    /// Reads `bytes`; `None` if they are not framed.
    pub fn read(bytes: &'a [u8]) -> Result<Option<Self>, FrameError> {
        if bytes.first() != Some(&MAGIC) {
            return Ok(None);
        }
        let (head, payload) = bytes.split_at_checked(HEAD).ok_or(FrameError::Short(bytes.len()))?;
        let id = head[1..].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        if i32::try_from(id).is_err() {
            return Err(FrameError::Number(id));
        }
        Ok(Some(Self { id, payload }))
    }
}

/// Reads which message of a Protobuf file a value is: its place in the file, then its place in that message, and so on.
/// Returns that and the message.
pub(crate) fn path(bytes: &[u8]) -> Result<(Vec<usize>, &[u8]), FrameError> {
    let (count, mut rest) = number(bytes)?;
    // One zero stands for the first message of the file, which most are.
    if count == 0 {
        return Ok((vec![0], rest));
    }
    if count < 0 {
        return Err(FrameError::Path);
    }
    let mut path = Vec::new();
    for _ in 0..count {
        let (place, behind) = number(rest)?;
        path.push(usize::try_from(place).map_err(|_| FrameError::Path)?);
        rest = behind;
    }
    Ok((path, rest))
}

/// Reads a variable-length integer whose lowest bit is its sign.
fn number(bytes: &[u8]) -> Result<(i64, &[u8]), FrameError> {
    let mut read: u64 = 0;
    for (place, byte) in bytes.iter().take(9).enumerate() {
        read |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let number = (read >> 1).cast_signed() ^ -(read & 1).cast_signed();
            return Ok((number, &bytes[place + 1..]));
        }
    }
    Err(FrameError::Path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_says_its_schema_and_what_is_none_is_left_alone() {
        assert_eq!(Frame::read(&[0, 0, 0, 1, 2, 9, 8]), Ok(Some(Frame { id: 258, payload: &[9, 8] })));
        assert_eq!(Frame::read(&[0, 127, 255, 255, 255]), Ok(Some(Frame { id: 2_147_483_647, payload: &[] })));
        assert_eq!(Frame::read(&[0, 128, 0, 0, 0]), Err(FrameError::Number(2_147_483_648)));
        assert_eq!(Frame::read(b"{\"x\": 1}"), Ok(None));
        assert_eq!(Frame::read(&[]), Ok(None));
        assert_eq!(Frame::read(&[0, 0, 0]), Err(FrameError::Short(3)));
    }

    #[test]
    fn a_value_whose_schema_is_named_in_a_header_is_json_or_refused_and_never_taken_for_a_frame() {
        assert_eq!(Frame::of_record(b"{\"x\": 1}", true), Ok(None));
        for of_avro in [&[0, 0, 0, 1, 2, 9, 8][..], &[2, 6, b'a'], &[]] {
            assert_eq!(Frame::of_record(of_avro, true), Err(FrameError::Beside));
        }
        assert_eq!(Frame::of_record(&[0, 0, 0, 1, 2], false), Ok(Some(Frame { id: 258, payload: &[] })));
    }

    #[test]
    fn a_path_leads_from_message_to_message() {
        assert_eq!(path(&[0, 7]), Ok((vec![0], &[7][..])));
        // Two places: the second message, and its first; written by zig-zag.
        assert_eq!(path(&[4, 2, 0, 7]), Ok((vec![1, 0], &[7][..])));
        assert_eq!(path(&[2, 0x80, 0x01, 7]), Ok((vec![64], &[7][..])));
        for broken in [&[][..], &[1], &[2], &[0x80], &[2, 1], &[0xff; 20], &[126, 0]] {
            assert_eq!(path(broken), Err(FrameError::Path), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = (Frame::read(&bytes), path(&bytes));
        }
    }
}

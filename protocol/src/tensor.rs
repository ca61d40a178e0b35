//! PURE: a tensor's values, and the two ways in which they travel: in the message's field for their type, or as bytes.
//!
//! As bytes numbers are little-endian, one behind the other, and texts have their length before them in four bytes.
//! Half precision comes as bytes alone, as the protocol has no field for it.

use bytes::{Buf, BufMut, Bytes};

use crate::messages::InferTensorContents;

/// A tensor's values. Narrow integers are widened: what they were, the datatype says.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `BOOL`.
    Bool(Vec<bool>),
    /// `INT8` to `INT64`.
    Signed(Vec<i64>),
    /// `UINT8` to `UINT64`.
    Unsigned(Vec<u64>),
    /// `FP16` and `FP32`.
    F32(Vec<f32>),
    /// `FP64`.
    F64(Vec<f64>),
    /// `BYTES`.
    Bytes(Vec<Bytes>),
}

/// What a tensor's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// Truth values.
    Bool,
    /// Integers of so many bytes.
    Int(usize),
    /// Integers that are not negative, of so many bytes.
    Uint(usize),
    /// Half precision.
    Fp16,
    /// Single precision.
    Fp32,
    /// Double precision.
    Fp64,
    /// Texts, or whatever else has a length.
    Bytes,
}

// === impl Datatype ===

impl Datatype {
    /// Returns the datatype that the protocol calls `name`; `None` if it knows none of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "BOOL" => Self::Bool,
            "INT8" => Self::Int(1),
            "INT16" => Self::Int(2),
            "INT32" => Self::Int(4),
            "INT64" => Self::Int(8),
            "UINT8" => Self::Uint(1),
            "UINT16" => Self::Uint(2),
            "UINT32" => Self::Uint(4),
            "UINT64" => Self::Uint(8),
            "FP16" => Self::Fp16,
            "FP32" => Self::Fp32,
            "FP64" => Self::Fp64,
            "BYTES" => Self::Bytes,
            _ => return None,
        })
    }

    /// Returns how many bytes a value takes; `None` if it says so itself.
    fn width(self) -> Option<usize> {
        match self {
            Self::Bool => Some(1),
            Self::Int(width) | Self::Uint(width) => Some(width),
            Self::Fp16 => Some(2),
            Self::Fp32 => Some(4),
            Self::Fp64 => Some(8),
            Self::Bytes => None,
        }
    }
}

// === impl Data ===

impl Data {
    /// Returns the values of a tensor of `datatype` that came in a message's field, or why that field cannot hold them.
    pub fn of_contents(datatype: &str, contents: InferTensorContents) -> Result<Self, String> {
        Ok(match known(datatype)? {
            Datatype::Bool => Self::Bool(contents.bool_contents),
            Datatype::Int(8) => Self::Signed(contents.int64_contents),
            Datatype::Int(_) => Self::Signed(contents.int_contents.into_iter().map(i64::from).collect()),
            Datatype::Uint(8) => Self::Unsigned(contents.uint64_contents),
            Datatype::Uint(_) => Self::Unsigned(contents.uint_contents.into_iter().map(u64::from).collect()),
            Datatype::Fp16 => return Err("FP16 has no field in a message: it comes as bytes".to_owned()),
            Datatype::Fp32 => Self::F32(contents.fp32_contents),
            Datatype::Fp64 => Self::F64(contents.fp64_contents),
            Datatype::Bytes => Self::Bytes(contents.bytes_contents),
        })
    }

    /// Returns the values of a tensor of `datatype` that came as bytes, or what is wrong with them.
    pub fn of_bytes(datatype: &str, bytes: &Bytes) -> Result<Self, String> {
        let known = known(datatype)?;
        let Some(width) = known.width() else { return texts(bytes.clone()).map(Self::Bytes) };
        if !bytes.len().is_multiple_of(width) {
            return Err(format!("{} bytes are no whole number of {datatype}, which take {width} each", bytes.len()));
        }
        let values = bytes.chunks_exact(width);
        Ok(match known {
            Datatype::Bool => Self::Bool(values.map(|byte| byte[0] != 0).collect()),
            Datatype::Int(_) => Self::Signed(values.map(|mut bytes| bytes.get_int_le(width)).collect()),
            Datatype::Uint(_) => Self::Unsigned(values.map(|mut bytes| bytes.get_uint_le(width)).collect()),
            Datatype::Fp16 => Self::F32(values.map(|mut bytes| half(bytes.get_u16_le())).collect()),
            Datatype::Fp32 => Self::F32(values.map(|mut bytes| bytes.get_f32_le()).collect()),
            Datatype::Fp64 => Self::F64(values.map(|mut bytes| bytes.get_f64_le()).collect()),
            Datatype::Bytes => Self::Bytes(Vec::new()),
        })
    }

    /// Returns the field of a message that holds these values, which stand for a tensor of `datatype`; `None` if they are
    /// of another type, or too large for it.
    #[must_use]
    pub fn into_contents(self, datatype: &str) -> Option<InferTensorContents> {
        let mut contents = InferTensorContents::default();
        match (Datatype::of(datatype)?, self) {
            (Datatype::Bool, Self::Bool(values)) => contents.bool_contents = values,
            (Datatype::Int(8), Self::Signed(values)) => contents.int64_contents = values,
            (Datatype::Int(_), Self::Signed(values)) => contents.int_contents = narrowed(&values)?,
            (Datatype::Uint(8), Self::Unsigned(values)) => contents.uint64_contents = values,
            (Datatype::Uint(_), Self::Unsigned(values)) => contents.uint_contents = narrowed(&values)?,
            (Datatype::Fp32, Self::F32(values)) => contents.fp32_contents = values,
            (Datatype::Fp64, Self::F64(values)) => contents.fp64_contents = values,
            (Datatype::Bytes, Self::Bytes(values)) => contents.bytes_contents = values,
            _ => return None,
        }
        Some(contents)
    }

    /// Returns these values as bytes: integers in eight each, as `INT64` and `UINT64` have them.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::new();
        match self {
            Self::Bool(values) => values.iter().for_each(|value| bytes.put_u8(u8::from(*value))),
            Self::Signed(values) => values.iter().for_each(|value| bytes.put_i64_le(*value)),
            Self::Unsigned(values) => values.iter().for_each(|value| bytes.put_u64_le(*value)),
            Self::F32(values) => values.iter().for_each(|value| bytes.put_f32_le(*value)),
            Self::F64(values) => values.iter().for_each(|value| bytes.put_f64_le(*value)),
            Self::Bytes(values) => values.iter().for_each(|value| put_text(&mut bytes, value)),
        }
        bytes.into()
    }

    /// Returns how many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::Signed(values) => values.len(),
            Self::Unsigned(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn known(datatype: &str) -> Result<Datatype, String> {
    Datatype::of(datatype).ok_or_else(|| format!("`{datatype}` is no datatype of the Open Inference Protocol"))
}

fn narrowed<From: Copy, To: TryFrom<From>>(values: &[From]) -> Option<Vec<To>> {
    values.iter().map(|value| To::try_from(*value).ok()).collect()
}

fn texts(mut bytes: Bytes) -> Result<Vec<Bytes>, String> {
    let mut texts = Vec::new();
    while bytes.has_remaining() {
        let length = if bytes.len() < 4 { None } else { usize::try_from(bytes.get_u32_le()).ok() };
        match length.filter(|length| *length <= bytes.len()) {
            Some(length) => texts.push(bytes.split_to(length)),
            None => return Err(format!("the text behind the first {} is cut off", texts.len())),
        }
    }
    Ok(texts)
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    let length = u32::try_from(text.len()).expect("a message is far below 4 GiB");
    bytes.put_u32_le(length);
    bytes.put_slice(text);
}

/// Returns the number whose half precision is `bits`.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (fraction + 1024.0) * 2_f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(datatype: &str, bytes: &'static [u8], expected: Result<Data, &str>) {
        let read = Data::of_bytes(datatype, &Bytes::from_static(bytes));
        assert_eq!(read, expected.map_err(str::to_owned));
    }

    #[test]
    fn numbers_are_read_little_endian_and_narrow_ones_are_widened() {
        check("INT16", &[0xfe, 0xff, 1, 0], Ok(Data::Signed(vec![-2, 1])));
        check("UINT32", &[1, 0, 0, 0x80], Ok(Data::Unsigned(vec![0x8000_0001])));
        check("FP32", &[0, 0, 0xc0, 0x3f], Ok(Data::F32(vec![1.5])));
        check("BOOL", &[0, 1], Ok(Data::Bool(vec![false, true])));
        check("FP64", &[0; 9], Err("9 bytes are no whole number of FP64, which take 8 each"));
        check("FP4", &[], Err("`FP4` is no datatype of the Open Inference Protocol"));
    }

    #[test]
    fn half_precision_is_read_exactly() {
        check("FP16", &[0, 0x3c, 0, 0xc0, 0xff, 0x7b, 1, 0, 0, 0x7c], {
            Ok(Data::F32(vec![1.0, -2.0, 65504.0, 5.960_464_5e-8, f32::INFINITY]))
        });
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn texts_have_their_length_before_them() {
        check("BYTES", b"\x03\0\0\0red\0\0\0\0", Ok(Data::Bytes(vec!["red".into(), Bytes::new()])));
        check("BYTES", b"\x04\0\0\0red", Err("the text behind the first 0 is cut off"));
        check("BYTES", b"\x01\0\0\0r\x01\0", Err("the text behind the first 1 is cut off"));
    }

    #[test]
    fn what_is_written_is_read_again_either_way() {
        for (datatype, data) in [
            ("BOOL", Data::Bool(vec![true, false])),
            ("INT64", Data::Signed(vec![-1, i64::MAX])),
            ("UINT64", Data::Unsigned(vec![1, u64::MAX])),
            ("FP32", Data::F32(vec![0.1, -3.0])),
            ("FP64", Data::F64(vec![0.1, f64::MIN])),
            ("BYTES", Data::Bytes(vec!["a".into(), "grün".into()])),
        ] {
            assert_eq!(Data::of_bytes(datatype, &data.to_bytes()), Ok(data.clone()), "{datatype}");
            let contents = data.clone().into_contents(datatype).expect("it is of that type");
            assert_eq!(Data::of_contents(datatype, contents), Ok(data), "{datatype}");
        }
    }

    #[test]
    fn a_narrow_field_takes_what_fits_into_it_and_nothing_else() {
        let contents = Data::Signed(vec![7]).into_contents("INT8").expect("it fits");
        assert_eq!(contents.int_contents, [7]);
        assert_eq!(Data::Signed(vec![i64::MAX]).into_contents("INT32"), None);
        assert_eq!(Data::Signed(vec![7]).into_contents("FP32"), None);
    }
}

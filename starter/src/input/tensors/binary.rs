//! Values in binary form, as they lie behind the JSON.

use bytes::Bytes;
use oip::tensor::Data;

use super::{
    super::TensorProblem,
    values::{Element, Number},
};

/// Returns the values of `datatype` that `bytes` hold.
pub(super) fn read(datatype: &str, bytes: &[u8]) -> Result<Vec<Element>, TensorProblem> {
    if datatype == "BF16" {
        return brains(bytes);
    }
    let data = Data::of_bytes(datatype, &Bytes::copy_from_slice(bytes)).map_err(TensorProblem::Bytewise)?;
    let whole = |value: i128| Element::Number(Number::Whole(value));
    Ok(match data {
        Data::Bool(values) => values.into_iter().map(Element::Bool).collect(),
        Data::Signed(values) => values.into_iter().map(|value| whole(value.into())).collect(),
        Data::Unsigned(values) => values.into_iter().map(|value| whole(value.into())).collect(),
        Data::F32(values) => values.into_iter().map(|value| float(value.into())).collect(),
        Data::F64(values) => values.into_iter().map(float).collect(),
        Data::Bytes(texts) => {
            let text = |text: Bytes| match std::str::from_utf8(&text) {
                Ok(text) => Ok(Element::Text(text.to_owned())),
                // A model would be asked about another text than was sent.
                Err(_) => Err(TensorProblem::Bytewise("a text of it is not UTF-8".to_owned())),
            };
            texts.into_iter().map(text).collect::<Result<_, _>>()?
        }
    })
}

/// `BF16` is the upper half of single precision.
fn brains(bytes: &[u8]) -> Result<Vec<Element>, TensorProblem> {
    let (values, []) = bytes.as_chunks() else {
        let sentence = format!("{} bytes are no whole number of BF16, which take 2 each", bytes.len());
        return Err(TensorProblem::Bytewise(sentence));
    };
    let value = |value: &[u8; 2]| float(f32::from_bits(u32::from(u16::from_le_bytes(*value)) << 16).into());
    Ok(values.iter().map(value).collect())
}

fn float(value: f64) -> Element {
    // What is not finite is refused as JSON's writers put it.
    if value.is_finite() { Element::Number(Number::Float(value)) } else { Element::Text(value.to_string()) }
}

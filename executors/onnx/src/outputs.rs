//! What a model returned for one row or several, as plain values. Knows `ZipMap`, scikit-learn's sequence of maps from class to
//! probability, and sequences of tensors, of which each is a list.

use std::borrow::Cow;

use executor::answer::{Output, Values};
use ort::{
    session::SessionOutputs,
    value::{
        DynMap, DynMapValueType, DynSequenceValueType, DynTensorValueType, DynValue, TensorElementType, ValueType,
    },
};
use serde_json::Value;

/// Returns every output of a run over `rows` rows, borrowed where it can be. Of several rows each must have its own part
/// of every output.
pub(super) fn read<'a>(outputs: &'a SessionOutputs<'_>, rows: usize) -> Result<Vec<Output<'a>>, String> {
    outputs
        .keys()
        .enumerate()
        .map(|(index, name)| match values(&outputs[index], rows) {
            Ok(values) => Ok(Output { name: Cow::Borrowed(name), values }),
            Err(problem) => Err(format!("output `{name}`: {problem}")),
        })
        .collect()
}

fn values(value: &DynValue, rows: usize) -> Result<Values<'_>, String> {
    match value.dtype() {
        ValueType::Tensor { .. } if rows > 1 && value.shape().first() != i64::try_from(rows).ok().as_ref() => {
            Err(format!("has the shape {:?} for {rows} rows", value.shape()))
        }
        ValueType::Tensor { ty, .. } => tensor(*ty, value).map_err(|error| error.to_string()),
        ValueType::Sequence(of) if matches!(**of, ValueType::Map { .. }) => zip_map(value, rows),
        ValueType::Sequence(_) if rows > 1 => Err(format!("is a sequence, which says nothing of its {rows} rows")),
        ValueType::Sequence(_) => sequence(value),
        other => Err(format!("cannot read {other}")),
    }
}

fn tensor(kind: TensorElementType, value: &DynValue) -> ort::Result<Values<'_>> {
    Ok(match kind {
        TensorElementType::Float64 => Values::F64(value.try_extract_tensor::<f64>()?.1.into()),
        TensorElementType::Int64 => Values::I64(value.try_extract_tensor::<i64>()?.1.into()),
        TensorElementType::Int32 => Values::I64(whole(value.try_extract_tensor::<i32>()?.1)),
        TensorElementType::Int16 => Values::I64(whole(value.try_extract_tensor::<i16>()?.1)),
        TensorElementType::Int8 => Values::I64(whole(value.try_extract_tensor::<i8>()?.1)),
        TensorElementType::Uint32 => Values::I64(whole(value.try_extract_tensor::<u32>()?.1)),
        TensorElementType::Uint16 => Values::I64(whole(value.try_extract_tensor::<u16>()?.1)),
        TensorElementType::Uint8 => Values::I64(whole(value.try_extract_tensor::<u8>()?.1)),
        TensorElementType::Bool => Values::Bool(value.try_extract_tensor::<bool>()?.1.into()),
        TensorElementType::String => Values::Text(value.try_extract_strings()?.1.into()),
        // Any other kind is refused by this call, in words.
        _ => Values::F32(value.try_extract_tensor::<f32>()?.1.into()),
    })
}

fn whole<T: Copy + Into<i64>>(values: &[T]) -> Cow<'static, [i64]> {
    values.iter().copied().map(Into::into).collect()
}

/// Returns the probabilities, row by row in the order of the classes: maps come sorted by key.
fn zip_map(value: &DynValue, rows: usize) -> Result<Values<'_>, String> {
    let say = |error: ort::Error| error.to_string();
    let maps = value.view().downcast::<DynSequenceValueType>().map_err(say)?.try_extract_sequence::<DynMapValueType>();
    let maps = maps.map_err(say)?;
    if maps.len() != rows {
        return Err(format!("has {} maps for {rows} rows", maps.len()));
    }
    let (mut probabilities, mut classes) = (Vec::new(), None);
    for map in &maps {
        let of_row = numbers(map).map_err(say)?;
        if *classes.get_or_insert(of_row.len()) != of_row.len() {
            return Err("has rows of different classes".to_owned());
        }
        probabilities.extend(of_row);
    }
    Ok(Values::F32(probabilities.into()))
}

/// Returns the numbers of a map, sorted by key.
fn numbers(map: &DynMap) -> ort::Result<Vec<f32>> {
    Ok(if let ValueType::Map { key: TensorElementType::String, .. } = map.dtype() {
        map.try_extract_key_values::<String, f32>()?.into_iter().map(|(_, value)| value).collect()
    } else {
        map.try_extract_key_values::<i64, f32>()?.into_iter().map(|(_, value)| value).collect()
    })
}

/// Returns the tensors of a sequence, each as a list.
fn sequence(value: &DynValue) -> Result<Values<'_>, String> {
    let say = |error: ort::Error| error.to_string();
    let tensors = value.view().downcast::<DynSequenceValueType>().map_err(say)?;
    let tensors = tensors.try_extract_sequence::<DynTensorValueType>().map_err(say)?;
    let lists = tensors.into_iter().map(|tensor| {
        let tensor = tensor.into_dyn();
        Ok(list(values(&tensor, 1)?))
    });
    Ok(Values::Json(lists.collect::<Result<Vec<_>, String>>()?.into()))
}

/// What is not a finite number becomes `null`, as everywhere.
fn list(values: Values<'_>) -> Value {
    match values {
        Values::F32(values) => values.iter().copied().collect(),
        Values::F64(values) => values.iter().copied().collect(),
        Values::I64(values) => values.iter().copied().collect(),
        Values::Bool(values) => values.iter().copied().collect(),
        Values::Text(values) => values.iter().map(String::as_str).collect(),
        Values::Json(values) => Value::Array(values.into_owned()),
    }
}

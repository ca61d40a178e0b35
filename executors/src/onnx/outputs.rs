//! What a model returned, as plain values. Knows `ZipMap`, scikit-learn's sequence of maps from class to probability.

use std::borrow::Cow;

use ort::{
    session::SessionOutputs,
    value::{DynMapValueType, DynSequenceValueType, DynValue, TensorElementType, ValueType},
};

use crate::answer::{Output, Values};

/// Returns every output, borrowed where it can be.
pub(super) fn read<'a>(outputs: &'a SessionOutputs<'_>) -> Result<Vec<Output<'a>>, String> {
    outputs
        .keys()
        .enumerate()
        .map(|(index, name)| match values(&outputs[index]) {
            Ok(values) => Ok(Output { name: Cow::Borrowed(name), values }),
            Err(problem) => Err(format!("output `{name}`: {problem}")),
        })
        .collect()
}

fn values(value: &DynValue) -> Result<Values<'_>, String> {
    match value.dtype() {
        ValueType::Tensor { ty, .. } => tensor(*ty, value).map_err(|error| error.to_string()),
        ValueType::Sequence(of) if matches!(**of, ValueType::Map { .. }) => zip_map(value),
        other => Err(format!("cannot read {other}")),
    }
}

fn tensor(kind: TensorElementType, value: &DynValue) -> ort::Result<Values<'_>> {
    Ok(match kind {
        TensorElementType::Float64 => Values::F64(value.try_extract_tensor::<f64>()?.1.into()),
        TensorElementType::Int64 => Values::I64(value.try_extract_tensor::<i64>()?.1.into()),
        TensorElementType::Int32 => {
            Values::I64(value.try_extract_tensor::<i32>()?.1.iter().copied().map(i64::from).collect())
        }
        TensorElementType::Bool => Values::Bool(value.try_extract_tensor::<bool>()?.1.into()),
        TensorElementType::String => Values::Text(value.try_extract_strings()?.1),
        // Any other kind is refused by this call, in words.
        _ => Values::F32(value.try_extract_tensor::<f32>()?.1.into()),
    })
}

/// Returns the probabilities of the first row, in the order of the classes: maps come sorted by key.
fn zip_map(value: &DynValue) -> Result<Values<'_>, String> {
    let say = |error: ort::Error| error.to_string();
    let rows = value.view().downcast::<DynSequenceValueType>().map_err(say)?.try_extract_sequence::<DynMapValueType>();
    let rows = rows.map_err(say)?;
    let row = rows.first().ok_or("no row")?;
    let probabilities = if let ValueType::Map { key: TensorElementType::String, .. } = row.dtype() {
        row.try_extract_key_values::<String, f32>().map_err(say)?.into_iter().map(|(_, value)| value).collect()
    } else {
        row.try_extract_key_values::<i64, f32>().map_err(say)?.into_iter().map(|(_, value)| value).collect()
    };
    Ok(Values::F32(probabilities))
}

//! What a model returned for one row or several, as plain values. Knows `ZipMap`, scikit-learn's sequence of maps from class to probability.

use std::borrow::Cow;

use executor::answer::{Output, Values};
use ort::{
    session::SessionOutputs,
    value::{DynMapValueType, DynSequenceValueType, DynValue, TensorElementType, ValueType},
};

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
        TensorElementType::String => Values::Text(value.try_extract_strings()?.1.into()),
        // Any other kind is refused by this call, in words.
        _ => Values::F32(value.try_extract_tensor::<f32>()?.1.into()),
    })
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
        let before = probabilities.len();
        if let ValueType::Map { key: TensorElementType::String, .. } = map.dtype() {
            let pairs = map.try_extract_key_values::<String, f32>().map_err(say)?;
            probabilities.extend(pairs.into_iter().map(|(_, value)| value));
        } else {
            let pairs = map.try_extract_key_values::<i64, f32>().map_err(say)?;
            probabilities.extend(pairs.into_iter().map(|(_, value)| value));
        }
        let here = probabilities.len() - before;
        if *classes.get_or_insert(here) != here {
            return Err("has rows of different classes".to_owned());
        }
    }
    Ok(Values::F32(probabilities.into()))
}

//! How a model takes a row: as one tensor of all features, or as one tensor a feature.

use ort::{
    session::SessionInputValue,
    value::{Outlet, Tensor, TensorElementType, ValueType},
};
use policies::InputSchema;

/// The model's inputs in its own order, filled anew for each row.
pub(super) struct Inputs(Vec<Slot>);

/// One input, and which features go into it.
struct Slot {
    first: usize,
    tensor: Numbers,
}

enum Numbers {
    F32(Tensor<f32>),
    F64(Tensor<f64>),
    I64(Tensor<i64>),
}

// === impl Inputs ===

impl Inputs {
    /// Returns tensors for `model`, or how it differs from `schema`.
    pub(super) fn for_model(model: &[Outlet], schema: &InputSchema) -> Result<Self, String> {
        let features = schema.features.len();
        if let [only] = model {
            let width = width(only)?;
            if width != -1 && width != i64::try_from(features).unwrap_or(i64::MAX) {
                return Err(format!("it takes {width} numbers a row, the policy has {features} features"));
            }
            return Ok(Self(vec![Slot { first: 0, tensor: Numbers::zeros(only, features)? }]));
        }
        if model.len() != features {
            return Err(format!("it has {} inputs, the policy has {features} features", model.len()));
        }
        model.iter().map(|input| Slot::for_feature(input, schema)).collect::<Result<_, _>>().map(Self)
    }

    /// Puts a row in.
    pub(super) fn fill(&mut self, features: &[f64]) {
        for slot in &mut self.0 {
            slot.tensor.fill(&features[slot.first..]);
        }
    }

    /// Returns the tensors for a run.
    pub(super) fn views(&self) -> Vec<SessionInputValue<'_>> {
        self.0.iter().map(|slot| slot.tensor.view()).collect()
    }
}

// === impl Slot ===

impl Slot {
    fn for_feature(input: &Outlet, schema: &InputSchema) -> Result<Self, String> {
        let first = schema
            .features
            .iter()
            .position(|feature| **feature == *input.name())
            .ok_or_else(|| format!("it has an input `{}`, the policy has no such feature", input.name()))?;
        match width(input)? {
            1 | -1 => Ok(Self { first, tensor: Numbers::zeros(input, 1)? }),
            width => Err(format!("its input `{}` takes {width} numbers a row instead of one", input.name())),
        }
    }
}

/// Returns how many numbers a row of `input` has, -1 if it does not say.
fn width(input: &Outlet) -> Result<i64, String> {
    match input.dtype() {
        ValueType::Tensor { shape, .. } => match shape[..] {
            [1 | -1, width] => Ok(width),
            _ => Err(format!("its input `{}` has the shape {shape:?} instead of [1, …]", input.name())),
        },
        other => Err(format!("its input `{}` is no tensor but {other}", input.name())),
    }
}

// === impl Numbers ===

impl Numbers {
    fn zeros(input: &Outlet, width: usize) -> Result<Self, String> {
        let kind = input.dtype().tensor_type().unwrap_or(TensorElementType::Undefined);
        let tensor = match kind {
            TensorElementType::Float32 => Tensor::from_array(([1, width], vec![0.0; width])).map(Self::F32),
            TensorElementType::Float64 => Tensor::from_array(([1, width], vec![0.0; width])).map(Self::F64),
            TensorElementType::Int64 => Tensor::from_array(([1, width], vec![0; width])).map(Self::I64),
            other => {
                return Err(format!("its input `{}` takes {other}, which is not a number we can give", input.name()));
            }
        };
        tensor.map_err(|error| error.to_string())
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "models take what their training took: features in their own type"
    )]
    fn fill(&mut self, features: &[f64]) {
        match self {
            Self::F32(tensor) => copy(tensor.extract_tensor_mut().1, features, |value| value as f32),
            Self::F64(tensor) => copy(tensor.extract_tensor_mut().1, features, |value| value),
            Self::I64(tensor) => copy(tensor.extract_tensor_mut().1, features, |value| value as i64),
        }
    }

    fn view(&self) -> SessionInputValue<'_> {
        match self {
            Self::F32(tensor) => tensor.into(),
            Self::F64(tensor) => tensor.into(),
            Self::I64(tensor) => tensor.into(),
        }
    }
}

fn copy<T>(into: &mut [T], from: &[f64], convert: impl Fn(f64) -> T) {
    for (place, value) in into.iter_mut().zip(from) {
        *place = convert(*value);
    }
}

//! How a model takes rows: as one tensor of all features, or as one tensor a feature.

use std::fmt;

use ort::{
    session::SessionInputValue,
    value::{Outlet, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType},
};
use policies::InputSchema;

/// The model's inputs in its own order, filled anew for each run.
pub(super) struct Inputs {
    rows: usize,
    slots: Vec<Slot>,
}

/// One input, and which features go into it: `width` of a row, from `first` on.
struct Slot {
    first: usize,
    width: usize,
    tensor: Numbers,
}

enum Numbers {
    F32(Tensor<f32>),
    F64(Tensor<f64>),
    I64(Tensor<i64>),
}

// === impl Inputs ===

impl Inputs {
    /// Returns tensors for one row of `model`, or how it differs from `schema`.
    pub(super) fn for_model(model: &[Outlet], schema: &InputSchema) -> Result<Self, String> {
        let features = schema.features.len();
        if let [only] = model {
            let width = width(only)?;
            if width != -1 && width != i64::try_from(features).unwrap_or(i64::MAX) {
                return Err(format!("it takes {width} numbers a row, the policy has {features} features"));
            }
            let slot = Slot { first: 0, width: features, tensor: Numbers::zeros(only, features)? };
            return Ok(Self { rows: 1, slots: vec![slot] });
        }
        if model.len() != features {
            return Err(format!("it has {} inputs, the policy has {features} features", model.len()));
        }
        let slots = model.iter().map(|input| Slot::for_feature(input, schema)).collect::<Result<_, _>>()?;
        Ok(Self { rows: 1, slots })
    }

    /// Returns tensors for `rows` rows of the same model.
    pub(super) fn of_rows(&self, rows: usize) -> Result<Self, String> {
        let slots = self.slots.iter().map(|slot| slot.of_rows(rows)).collect::<Result<_, _>>()?;
        Ok(Self { rows, slots })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Puts a row in.
    pub(super) fn fill(&mut self, row: usize, features: &[f64]) {
        for slot in &mut self.slots {
            slot.tensor.fill(row * slot.width, &features[slot.first..slot.first + slot.width]);
        }
    }

    /// Returns the tensors for a run.
    pub(super) fn views(&self) -> Vec<SessionInputValue<'_>> {
        self.slots.iter().map(|slot| slot.tensor.view()).collect()
    }
}

/// Returns whether `model` leaves the number of rows open in every input.
pub(super) fn take_batches(model: &[Outlet]) -> bool {
    model.iter().all(|input| matches!(input.dtype(), ValueType::Tensor { shape, .. } if shape.first() == Some(&-1)))
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
            1 | -1 => Ok(Self { first, width: 1, tensor: Numbers::zeros(input, 1)? }),
            width => Err(format!("its input `{}` takes {width} numbers a row instead of one", input.name())),
        }
    }

    fn of_rows(&self, rows: usize) -> Result<Self, String> {
        let tensor = self.tensor.zeros_like(rows, self.width).map_err(|error| error.to_string())?;
        Ok(Self { tensor, ..*self })
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
            TensorElementType::Float32 => zeros(1, width).map(Self::F32),
            TensorElementType::Float64 => zeros(1, width).map(Self::F64),
            TensorElementType::Int64 => zeros(1, width).map(Self::I64),
            other => {
                return Err(format!("its input `{}` takes {other}, which is not a number we can give", input.name()));
            }
        };
        tensor.map_err(|error| error.to_string())
    }

    fn zeros_like(&self, rows: usize, width: usize) -> ort::Result<Self> {
        match self {
            Self::F32(_) => zeros(rows, width).map(Self::F32),
            Self::F64(_) => zeros(rows, width).map(Self::F64),
            Self::I64(_) => zeros(rows, width).map(Self::I64),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "models take what their training took: features in their own type"
    )]
    fn fill(&mut self, from: usize, features: &[f64]) {
        match self {
            Self::F32(tensor) => copy(&mut tensor.extract_tensor_mut().1[from..], features, |value| value as f32),
            Self::F64(tensor) => copy(&mut tensor.extract_tensor_mut().1[from..], features, |value| value),
            Self::I64(tensor) => copy(&mut tensor.extract_tensor_mut().1[from..], features, |value| value as i64),
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

fn zeros<T: PrimitiveTensorElementType + Default + Clone + fmt::Debug + 'static>(
    rows: usize,
    width: usize,
) -> ort::Result<Tensor<T>> {
    Tensor::from_array(([rows, width], vec![T::default(); rows * width]))
}

fn copy<T>(into: &mut [T], from: &[f64], convert: impl Fn(f64) -> T) {
    for (place, value) in into.iter_mut().zip(from) {
        *place = convert(*value);
    }
}

//! How a model takes rows: as one tensor of all features, as one tensor a feature, or as groups of features that stand
//! beside each other in the policy.
//!
//! Numbers go into numeric inputs and texts into inputs of strings, each in the policy's order. The only input of its
//! kind takes all of that kind, whatever it is called. Of several, one that is called like a feature takes that feature,
//! and each that is wider takes as many as it is wide of those that are left.

use std::{fmt, sync::Arc};

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

/// What one input says.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) numbers: &'a [f64],
    pub(super) texts: &'a [String],
}

/// One input of the model, and which features of a row go into it, by their places.
struct Slot {
    places: Vec<usize>,
    /// Whether its shape is `[rows]` and not `[rows, places]`.
    is_flat: bool,
    tensor: Filled,
}

/// A tensor, as it is filled.
enum Filled {
    F32(Tensor<f32>),
    F64(Tensor<f64>),
    I64(Tensor<i64>),
    I32(Tensor<i32>),
    Bool(Tensor<bool>),
    /// The runtime has no strings that can be filled anew, so a tensor is made of these for each run.
    Text(Vec<String>),
}

/// An input of the model as its shape has it.
struct Taker<'a> {
    name: &'a str,
    /// How many features of a row it takes, if it says so.
    width: Option<usize>,
    is_flat: bool,
    of: TensorElementType,
}

// === impl Inputs ===

impl Inputs {
    /// Returns tensors for one row of `model`, or how it differs from `schema`.
    pub(super) fn for_model(model: &[Outlet], schema: &InputSchema) -> Result<Self, String> {
        let takers = model.iter().map(Taker::of).collect::<Result<Vec<_>, _>>()?;
        let numbers = shared_out(&takers, schema, false)?;
        let texts = shared_out(&takers, schema, true)?;
        let slot = |(taker, (numbers, texts)): (&Taker<'_>, (Vec<usize>, Vec<usize>))| {
            let places = if taker.is_text() { texts } else { numbers };
            let tensor = Filled::empty(taker.of, 1, places.len(), taker.is_flat).map_err(|error| error.to_string())?;
            Ok(Slot { places, is_flat: taker.is_flat, tensor })
        };
        let slots = takers.iter().zip(numbers.into_iter().zip(texts)).map(slot).collect::<Result<_, String>>()?;
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
    pub(super) fn fill(&mut self, row: usize, values: Row<'_>) {
        for slot in &mut self.slots {
            slot.tensor.fill(row * slot.places.len(), &slot.places, values);
        }
    }

    /// Returns the tensors for a run, or why there can be none: a text with a zero byte in it.
    pub(super) fn views(&self) -> Result<Vec<SessionInputValue<'_>>, String> {
        let views = self.slots.iter().map(|slot| slot.tensor.view(self.rows, slot.places.len(), slot.is_flat));
        views.collect::<ort::Result<_>>().map_err(|error| error.to_string())
    }
}

/// Returns whether `model` leaves the number of rows open in every input.
pub(super) fn take_batches(model: &[Outlet]) -> bool {
    model.iter().all(|input| matches!(input.dtype(), ValueType::Tensor { shape, .. } if shape.first() == Some(&-1)))
}

/// Returns which features each of `takers` gets, of the numbers or of the texts; nothing where it is of the other kind.
fn shared_out(takers: &[Taker<'_>], schema: &InputSchema, texts: bool) -> Result<Vec<Vec<usize>>, String> {
    let (names, kind) = if texts { (&schema.texts, "texts") } else { (&schema.features, "numbers") };
    let chosen: Vec<usize> = (0..takers.len()).filter(|index| takers[*index].is_text() == texts).collect();
    let mut shares = vec![Vec::new(); takers.len()];
    match chosen[..] {
        [] if names.is_empty() => {}
        [] => return Err(format!("it takes no {kind}, the policy has `{}`", names[0])),
        [only] => {
            let taker = &takers[only];
            if names.is_empty() {
                return Err(format!("it has an input `{}` of {kind}, the policy has none", taker.name));
            }
            if let Some(width) = taker.width.filter(|width| *width != names.len()) {
                let of = if texts { "texts" } else { "features" };
                return Err(format!("it takes {width} {kind} a row, the policy has {} {of}", names.len()));
            }
            shares[only] = (0..names.len()).collect();
        }
        _ => {
            let narrow = chosen.iter().all(|index| takers[*index].width.is_none_or(|width| width == 1));
            if narrow && chosen.len() != names.len() {
                let all = schema.members().count();
                return Err(format!("it has {} inputs, the policy has {all} features", takers.len()));
            }
            share_among(takers, &chosen, names, kind, &mut shares)?;
        }
    }
    Ok(shares)
}

fn share_among(
    takers: &[Taker<'_>],
    chosen: &[usize],
    names: &[Arc<str>],
    kind: &str,
    shares: &mut [Vec<usize>],
) -> Result<(), String> {
    let place = |name: &str| names.iter().position(|known| **known == *name);
    let (single, groups): (Vec<usize>, Vec<usize>) =
        chosen.iter().copied().partition(|index| place(takers[*index].name).is_some());
    for index in single {
        let taker = &takers[index];
        if let Some(width) = taker.width.filter(|width| *width != 1) {
            return Err(format!("its input `{}` takes {width} {kind} a row instead of one", taker.name));
        }
        shares[index].extend(place(taker.name));
    }
    let mut left: Vec<usize> =
        (0..names.len()).filter(|place| !shares.iter().any(|share| share == &[*place])).collect();
    let is_only = groups.len() == 1;
    for index in groups {
        let taker = &takers[index];
        let width = match taker.width {
            None if is_only => left.len(),
            None | Some(1) => return Err(format!("it has an input `{}`, the policy has no such feature", taker.name)),
            Some(width) => width,
        };
        if width > left.len() {
            let left = left.len();
            return Err(format!("its input `{}` takes {width} {kind} a row, and {left} are left", taker.name));
        }
        shares[index] = left.drain(..width).collect();
    }
    match left.first() {
        None => Ok(()),
        Some(first) => Err(format!("no input of it takes `{}`, which the policy has", names[*first])),
    }
}

// === impl Taker ===

impl<'a> Taker<'a> {
    fn of(input: &'a Outlet) -> Result<Self, String> {
        let name = input.name();
        let (of, shape) = match input.dtype() {
            ValueType::Tensor { ty, shape, .. } => (*ty, shape),
            other => return Err(format!("its input `{name}` is no tensor but {other}")),
        };
        let (width, is_flat) = match shape[..] {
            [1 | -1, -1] => (None, false),
            [1 | -1, width] => (usize::try_from(width).ok(), false),
            [1 | -1] => (Some(1), true),
            _ => return Err(format!("its input `{name}` has the shape {shape:?} instead of [1, …]")),
        };
        match of {
            TensorElementType::Float32
            | TensorElementType::Float64
            | TensorElementType::Int64
            | TensorElementType::Int32
            | TensorElementType::Bool
            | TensorElementType::String => Ok(Self { name, width, is_flat, of }),
            other => Err(format!("its input `{name}` takes {other}, which is not a number we can give")),
        }
    }

    fn is_text(&self) -> bool {
        self.of == TensorElementType::String
    }
}

// === impl Slot ===

impl Slot {
    fn of_rows(&self, rows: usize) -> Result<Self, String> {
        let (places, is_flat) = (self.places.clone(), self.is_flat);
        let tensor = Filled::empty(self.tensor.kind(), rows, places.len(), is_flat);
        Ok(Self { places, is_flat, tensor: tensor.map_err(|error| error.to_string())? })
    }
}

// === impl Filled ===

impl Filled {
    fn empty(of: TensorElementType, rows: usize, width: usize, is_flat: bool) -> ort::Result<Self> {
        let shape = shape(rows, width, is_flat);
        match of {
            TensorElementType::Float64 => zeros(shape).map(Self::F64),
            TensorElementType::Int64 => zeros(shape).map(Self::I64),
            TensorElementType::Int32 => zeros(shape).map(Self::I32),
            TensorElementType::Bool => zeros(shape).map(Self::Bool),
            TensorElementType::String => Ok(Self::Text(vec![String::new(); rows * width])),
            // No other kind is taken on.
            _ => zeros(shape).map(Self::F32),
        }
    }

    fn kind(&self) -> TensorElementType {
        match self {
            Self::F32(_) => TensorElementType::Float32,
            Self::F64(_) => TensorElementType::Float64,
            Self::I64(_) => TensorElementType::Int64,
            Self::I32(_) => TensorElementType::Int32,
            Self::Bool(_) => TensorElementType::Bool,
            Self::Text(_) => TensorElementType::String,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "models take what their training took: features in their own type"
    )]
    fn fill(&mut self, from: usize, places: &[usize], row: Row<'_>) {
        match self {
            Self::F32(tensor) => copy(tensor, from, places, row, |value| value as f32),
            Self::F64(tensor) => copy(tensor, from, places, row, |value| value),
            Self::I64(tensor) => copy(tensor, from, places, row, |value| value as i64),
            Self::I32(tensor) => copy(tensor, from, places, row, |value| value as i32),
            Self::Bool(tensor) => copy(tensor, from, places, row, |value| value != 0.0),
            Self::Text(texts) => {
                for (text, place) in texts[from..].iter_mut().zip(places) {
                    text.clone_from(&row.texts[*place]);
                }
            }
        }
    }

    fn view(&self, rows: usize, width: usize, is_flat: bool) -> ort::Result<SessionInputValue<'_>> {
        Ok(match self {
            Self::F32(tensor) => tensor.into(),
            Self::F64(tensor) => tensor.into(),
            Self::I64(tensor) => tensor.into(),
            Self::I32(tensor) => tensor.into(),
            Self::Bool(tensor) => tensor.into(),
            Self::Text(texts) => {
                Tensor::<String>::from_string_array((shape(rows, width, is_flat), texts.as_slice()))?.into()
            }
        })
    }
}

fn shape(rows: usize, width: usize, is_flat: bool) -> Vec<usize> {
    if is_flat { vec![rows] } else { vec![rows, width] }
}

fn zeros<T: PrimitiveTensorElementType + Default + Clone + fmt::Debug + 'static>(
    shape: Vec<usize>,
) -> ort::Result<Tensor<T>> {
    let size = shape.iter().product();
    Tensor::from_array((shape, vec![T::default(); size]))
}

fn copy<T: PrimitiveTensorElementType + fmt::Debug>(
    tensor: &mut Tensor<T>,
    from: usize,
    places: &[usize],
    row: Row<'_>,
    convert: impl Fn(f64) -> T,
) {
    let into = &mut tensor.extract_tensor_mut().1[from..];
    for (value, place) in into.iter_mut().zip(places) {
        *value = convert(row.numbers[*place]);
    }
}

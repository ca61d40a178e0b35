//! Tensors as a table: a row for each request, a column for each feature.

use super::{
    super::{InputReader, InvalidInput, TensorProblem},
    Tensor,
    values::{self, Value},
};

/// The rows, in their order.
pub(super) struct Table {
    features: usize,
    /// Row by row. A value that is none costs its row alone.
    cells: Vec<Result<Value, InvalidInput>>,
}

// === impl Table ===

impl Table {
    /// Reads `tensors`, which may hold `most` rows.
    pub(super) fn of(reader: &InputReader, tensors: &[Tensor<'_>], most: usize) -> Result<Self, InvalidInput> {
        match tensors {
            [only] if is_whole(reader, only) => whole(reader, only, most).map_err(|problem| problem.of(only.name())),
            _ => columns(reader, tensors, most),
        }
    }

    /// Returns each row's values, or what is wrong with the first that is none.
    pub(super) fn into_rows(self) -> impl Iterator<Item = Result<Vec<Value>, InvalidInput>> {
        let (features, mut cells) = (self.features, self.cells.into_iter());
        std::iter::from_fn(move || {
            let row: Vec<_> = cells.by_ref().take(features).collect();
            (!row.is_empty()).then(|| row.into_iter().collect())
        })
    }
}

/// Returns whether a lone tensor means whole rows: it is not named for a feature, or is longer than one value.
fn is_whole(reader: &InputReader, tensor: &Tensor<'_>) -> bool {
    let named = reader.position(tensor.name(), 0).is_some();
    let many = tensor.shape().is_ok_and(|shape| shape.len() > 2 || shape.iter().any(|dimension| *dimension != 1));
    let features = reader.features.len();
    features == reader.numbers && ((many && features > 1) || (!named && features == 1))
}

fn whole(reader: &InputReader, tensor: &Tensor<'_>, most: usize) -> Result<Table, TensorProblem> {
    let (shape, features) = (tensor.shape()?, reader.features.len());
    let length = i64::try_from(features).unwrap_or(i64::MAX);
    let rows = match shape[..] {
        [found] if found == length => 1,
        [rows, found] if found == length && rows > 0 => rows,
        [] if features == 1 => 1,
        [rows] if features == 1 && rows > 0 => rows,
        _ => {
            let expected =
                format!("[1, {features}]: one row of all features in the order of the model's metadata, or more rows");
            return Err(TensorProblem::Shape { found: shape, expected });
        }
    };
    let values = values::numbers(tensor, count(rows, most)? * features)?;
    let told = |value: Result<Value, TensorProblem>| value.map_err(|problem| problem.of(tensor.name()));
    Ok(Table { features, cells: values.into_iter().map(told).collect() })
}

fn columns(reader: &InputReader, tensors: &[Tensor<'_>], most: usize) -> Result<Table, InvalidInput> {
    let features = reader.features.len();
    let (mut given, mut rows, mut cells) = (vec![false; features], None, Vec::new());
    for (likely, tensor) in tensors.iter().enumerate() {
        let Some(index) = reader.position(tensor.name(), likely) else {
            let similar = reader.similar(tensor.name());
            return Err(TensorProblem::Unknown { similar }.of(tensor.name()));
        };
        let values = column(tensor, reader.is_text(index), rows, most).map_err(|problem| problem.of(tensor.name()))?;
        if std::mem::replace(&mut given[index], true) {
            return Err(TensorProblem::Duplicate.of(tensor.name()));
        }
        if rows.is_none() {
            rows = Some(values.len());
            // Every cell is filled below, or its feature is missing and nothing is read.
            cells.resize_with(values.len() * features, || Err(InvalidInput::Empty));
        }
        for (row, value) in values.into_iter().enumerate() {
            cells[row * features + index] = value.map_err(|problem| problem.of(tensor.name()));
        }
    }
    let Some(missing) = reader.missing(&given) else { return Ok(Table { features, cells }) };
    // What is there and wrong is told before what is not there.
    let wrong = cells.into_iter().filter_map(Result::err).find(|wrong| *wrong != InvalidInput::Empty);
    Err(wrong.unwrap_or(missing))
}

fn column(
    tensor: &Tensor<'_>,
    is_text: bool,
    others: Option<usize>,
    most: usize,
) -> Result<Vec<Result<Value, TensorProblem>>, TensorProblem> {
    let shape = tensor.shape()?;
    let rows = match shape[..] {
        [] => 1,
        [rows] | [rows, 1] if rows > 0 => rows,
        _ => {
            let expected = "[1], [1, 1] or [], or [n] or [n, 1] of n rows".to_owned();
            return Err(TensorProblem::Shape { found: shape, expected });
        }
    };
    let rows = count(rows, most)?;
    match others {
        Some(others) if others != rows => Err(TensorProblem::Rows { found: rows, others }),
        _ if is_text => values::texts(tensor, rows),
        _ => values::numbers(tensor, rows),
    }
}

fn count(rows: i64, most: usize) -> Result<usize, TensorProblem> {
    usize::try_from(rows).ok().filter(|rows| *rows <= most).ok_or(TensorProblem::Batch { rows, most })
}

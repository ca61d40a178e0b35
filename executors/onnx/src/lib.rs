//! An ONNX model in this process, on onnxruntime.
//!
//! The session runs on the executor's own thread and on no other: a row of a small model takes microseconds, less than
//! handing it to a pool would. `concurrency` therefore changes nothing here; more rows at once means more processes. A
//! run has a price of its own, though, which rows that wait at the same time share, where the model leaves their number
//! open.

mod inputs;
mod library;
mod outputs;

use std::{
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use executor::{BoxFuture, Executor, Input, answer, failed, version_of};
use ort::{
    session::{
        Session,
        builder::{BuilderResult, SessionBuilder},
    },
    value::{Outlet, ValueType},
};
use policies::InputSchema;
use wire::{Failure, ModelVersion, TensorSpec};

use inputs::{Inputs, Row};

pub use library::{LibraryError, environment};

/// An ONNX model, loaded.
pub struct Onnx {
    model: ModelVersion,
    batch_max: NonZeroUsize,
    loaded: Mutex<Loaded>,
}

/// A session and the tensors that each run fills anew: nothing is allocated for an input.
struct Loaded {
    session: Session,
    one: Inputs,
    /// As many rows as the last run of several had.
    several: Inputs,
}

/// How many rows go into one run at most, where the model leaves their number open and the policy does not say.
const BATCH_MAX: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// There is no onnxruntime.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The file cannot be read.
    #[error("cannot read `{path}`: {cause}; does the path start from the policy file's folder?", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is no model that this onnxruntime can run.
    #[error("`{path}` is not an ONNX model that this onnxruntime can run: {cause}", path = path.display())]
    NotAModel {
        /// Which file.
        path: PathBuf,
        /// What onnxruntime says.
        cause: String,
    },
    /// It takes other inputs than the policy describes.
    #[error("`{path}` does not fit the policy's input: {problem}", path = path.display())]
    Misfit {
        /// Which file.
        path: PathBuf,
        /// How it differs.
        problem: String,
    },
}

// === impl Onnx ===

impl Onnx {
    /// Loads the model at `path`, checks that it takes what `schema` describes, and warms it up with a row of zeros and empty texts.
    /// `name` goes into the model's version, beside the first 12 hexadecimal digits of the file's SHA-256. A run has
    /// `max_batch` rows at most; 32 unless said, and 1 where the model's own shape says so.
    pub fn load(
        name: &str,
        path: &Path,
        schema: &InputSchema,
        max_batch: Option<NonZeroUsize>,
    ) -> Result<Self, OnnxError> {
        let bytes = fs::read(path).map_err(|cause| OnnxError::Unreadable { path: path.to_owned(), cause })?;
        Self::of(version_of(name, &bytes), path, &bytes, schema, max_batch)
    }

    /// The same with a model's bytes, which `place` names where something is wrong with them.
    pub fn of(
        model: ModelVersion,
        place: &Path,
        bytes: &[u8],
        schema: &InputSchema,
        max_batch: Option<NonZeroUsize>,
    ) -> Result<Self, OnnxError> {
        let path = place;
        let session = open(path, bytes)?;
        let misfit = |problem| OnnxError::Misfit { path: path.to_owned(), problem };
        let inputs = Inputs::for_model(session.inputs(), schema).map_err(misfit)?;
        let is_open = inputs::take_batches(session.inputs());
        let several = inputs.of_rows(1).map_err(misfit)?;
        let mut loaded = Loaded { session, one: inputs, several };
        let (numbers, texts) = (vec![0.0; schema.features.len()], vec![String::new(); schema.texts.len()]);
        let zeros = Row { numbers: &numbers, texts: &texts };
        loaded.score(zeros).map_err(|problem| misfit(format!("a row of zeros fails: {problem}")))?;
        let several = if is_open {
            loaded.score_together(&[zeros, zeros]).map(drop)
        } else {
            Err("its shape says one row".to_owned())
        };
        let batch_max = match (several, max_batch) {
            (Ok(()), wanted) => wanted.unwrap_or(BATCH_MAX),
            (Err(_), None | Some(NonZeroUsize::MIN)) => NonZeroUsize::MIN,
            (Err(why), Some(wanted)) => {
                return Err(misfit(format!("`max_batch` is {wanted}, but it takes one row at a time: {why}")));
            }
        };
        Ok(Self { model, batch_max, loaded: Mutex::new(loaded) })
    }
}

impl Executor for Onnx {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            let row = row(input)?;
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.score(row).map_err(failed)
        })
    }

    fn score_batch<'a>(&'a self, inputs: &'a [&'a Input]) -> BoxFuture<'a, Vec<Result<Bytes, Failure>>> {
        Box::pin(async move {
            let read: Vec<Result<Row<'_>, Failure>> = inputs.iter().map(|input| row(input)).collect();
            let rows: Vec<Row<'_>> = read.iter().filter_map(|row| row.as_ref().ok().copied()).collect();
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            let mut answers = loaded.score_rows(&rows).into_iter();
            let answer = |row: Result<Row<'_>, Failure>| {
                let answer = row.map(|_| answers.next().expect("each row that can be read has an answer"))?;
                answer.map_err(failed)
            };
            read.into_iter().map(answer).collect()
        })
    }

    fn batch_max(&self) -> NonZeroUsize {
        self.batch_max
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }
}

/// Returns what the model takes and what it gives, as it says itself.
pub fn signature(place: &Path, bytes: &[u8]) -> Result<(Vec<TensorSpec>, Vec<TensorSpec>), OnnxError> {
    let session = open(place, bytes)?;
    let specs = |outlets: &[Outlet]| outlets.iter().map(spec).collect();
    Ok((specs(session.inputs()), specs(session.outputs())))
}

fn spec(outlet: &Outlet) -> TensorSpec {
    let (of, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => (ty.to_string(), shape.to_vec()),
        ValueType::Sequence(_) => ("sequence".to_owned(), Vec::new()),
        ValueType::Map { .. } => ("map".to_owned(), Vec::new()),
        ValueType::Optional(_) => ("optional".to_owned(), Vec::new()),
    };
    TensorSpec { name: outlet.name().to_owned(), of, shape }
}

fn open(place: &Path, bytes: &[u8]) -> Result<Session, OnnxError> {
    session(bytes).map_err(|problem| match problem {
        Problem::Library(error) => OnnxError::Library(error),
        Problem::Model(cause) => OnnxError::NotAModel { path: place.to_owned(), cause },
    })
}

fn row(input: &Input) -> Result<Row<'_>, Failure> {
    Ok(Row { numbers: input.features()?, texts: input.texts()? })
}

enum Problem {
    Library(LibraryError),
    Model(String),
}

fn session(bytes: &[u8]) -> Result<Session, Problem> {
    let environment = library::environment().map_err(Problem::Library)?;
    let builder = Session::builder(environment).map_err(|error| Problem::Model(error.to_string()))?;
    let mut builder = one_thread(builder).map_err(|error| Problem::Model(error.to_string()))?;
    builder.commit_from_memory(bytes).map_err(|error| Problem::Model(error.to_string()))
}

/// One row at a time gains nothing from threads of onnxruntime's own, and spinning ones would starve the stations.
#[expect(clippy::result_large_err, reason = "the error of onnxruntime's builder holds the builder")]
fn one_thread(builder: SessionBuilder) -> BuilderResult {
    builder.with_intra_threads(1)?.with_inter_threads(1)?.with_intra_op_spinning(false)?.with_inter_op_spinning(false)
}

// === impl Loaded ===

impl Loaded {
    fn score(&mut self, row: Row<'_>) -> Result<Bytes, String> {
        let Self { session, one, .. } = self;
        one.fill(0, row);
        let outputs = session.run(one.views()?.as_slice()).map_err(|error| error.to_string())?;
        Ok(answer::compose(&outputs::read(&outputs, 1)?))
    }

    /// Scores rows in one run; one by one if that fails, so that no row fails for another's sake.
    fn score_rows(&mut self, rows: &[Row<'_>]) -> Vec<Result<Bytes, String>> {
        if rows.len() > 1
            && let Ok(answers) = self.score_together(rows)
        {
            return answers.into_iter().map(Ok).collect();
        }
        rows.iter().map(|row| self.score(*row)).collect()
    }

    fn score_together(&mut self, rows: &[Row<'_>]) -> Result<Vec<Bytes>, String> {
        if self.several.rows() != rows.len() {
            self.several = self.one.of_rows(rows.len())?;
        }
        let Self { session, several, .. } = self;
        for (place, row) in rows.iter().enumerate() {
            several.fill(place, *row);
        }
        let outputs = session.run(several.views()?.as_slice()).map_err(|error| error.to_string())?;
        answer::compose_rows(&outputs::read(&outputs, rows.len())?, rows.len())
    }
}

#[cfg(test)]
mod tests;

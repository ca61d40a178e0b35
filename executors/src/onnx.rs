//! An ONNX model in this process, on onnxruntime.
//!
//! The session runs on the executor's own thread and on no other: a row of a small model takes microseconds, less than
//! handing it to a pool would. `concurrency` therefore changes nothing here; more rows at once means more processes.

mod inputs;
mod library;
mod outputs;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use bus::BoxFuture;
use bytes::Bytes;
use ort::session::{
    Session,
    builder::{BuilderResult, SessionBuilder},
};
use policies::InputSchema;
use sha2::{Digest, Sha256};
use wire::{Failure, ModelVersion};

use crate::{
    answer,
    executor::{Executor, Input, failed},
};
use inputs::Inputs;

pub use library::LibraryError;

/// An ONNX model, loaded.
pub struct Onnx {
    model: ModelVersion,
    loaded: Mutex<Loaded>,
}

/// A session and the tensors that each run fills anew: nothing is allocated for an input.
struct Loaded {
    session: Session,
    inputs: Inputs,
}

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
    /// Loads the model at `path`, checks that it takes what `schema` describes, and warms it up with a row of zeros.
    /// `name` goes into the model's version, beside the first 12 hexadecimal digits of the file's SHA-256.
    pub fn load(name: &str, path: &Path, schema: &InputSchema) -> Result<Self, OnnxError> {
        let bytes = fs::read(path).map_err(|cause| OnnxError::Unreadable { path: path.to_owned(), cause })?;
        let session = session(&bytes).map_err(|problem| match problem {
            Problem::Library(error) => OnnxError::Library(error),
            Problem::Model(cause) => OnnxError::NotAModel { path: path.to_owned(), cause },
        })?;
        let misfit = |problem| OnnxError::Misfit { path: path.to_owned(), problem };
        let inputs = Inputs::for_model(session.inputs(), schema).map_err(misfit)?;
        let mut loaded = Loaded { session, inputs };
        let zeros = vec![0.0; schema.features.len()];
        loaded.score(&zeros).map_err(|problem| misfit(format!("a row of zeros fails: {problem}")))?;
        Ok(Self { model: ModelVersion::new(name, &fingerprint(&bytes)), loaded: Mutex::new(loaded) })
    }
}

impl Executor for Onnx {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            let features = input.features()?;
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.score(features).map_err(failed)
        })
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }
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

fn fingerprint(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().take(6).fold(String::with_capacity(12), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}

// === impl Loaded ===

impl Loaded {
    fn score(&mut self, features: &[f64]) -> Result<Bytes, String> {
        let Self { session, inputs } = self;
        inputs.fill(features);
        let outputs = session.run(inputs.views().as_slice()).map_err(|error| error.to_string())?;
        Ok(answer::compose(&outputs::read(&outputs)?))
    }
}

#[cfg(test)]
mod tests;

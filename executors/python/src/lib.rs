//! A function in a Python file, called in worker processes of its own: `python: rank.py`, or `rank.py:best`.
//!
//! There are as many workers as the executor's `concurrency`, and each has loaded the file and answered once before the
//! executor counts as loaded. A worker that ends, however it does, fails what it had in hand, with the reason, and
//! is replaced; so is one that hangs. What it prints goes to the log. `host.py` is what workers run.
//!
//! Reading order: `host.py` → `frames` → `worker` → `pool`.

mod frames;
mod interpreter;
mod listening;
mod pool;
mod worker;

use std::{
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use executor::{BoxFuture, Executor, Input, Now, failed, version_of};
use policies::InputSchema;
use wire::{Failure, ModelVersion};

use frames::Begin;
use pool::{Pool, fail_all};
use worker::{Recipe, StartError};

pub use interpreter::VARIABLE;

/// A function in a Python file, loaded.
pub struct Python {
    model: ModelVersion,
    batch_max: NonZeroUsize,
    pool: Pool,
}

/// What to load, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Spec<'a> {
    /// The file.
    pub path: &'a Path,
    /// The function in it. Beside it there may be one for several rows, of the same name and `_batch`.
    pub function: &'a str,
    /// What its inputs look like; `None` if they are a judge's, which cannot be made up to warm it up.
    pub schema: Option<&'a InputSchema>,
    /// How many workers there are.
    pub workers: NonZeroUsize,
    /// How many rows go into one call at most; `None` leaves that to the file.
    pub max_batch: Option<NonZeroUsize>,
}

/// How long a worker may take to be ready: some libraries take half a minute to be imported from a cold disk.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many rows go into one call at most where there is a function for several and the policy does not say.
const BATCH_MAX: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");

/// Why a Python file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {cause}; does the path start from the policy file's folder?", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is no Python.
    #[error("cannot run `{interpreter}`: {cause}; install Python 3 (`apt-get install python3`), make a virtual environment `.venv` beside the file, or name an interpreter in {VARIABLE}", interpreter = interpreter.display())]
    NoInterpreter {
        /// What was to be run.
        interpreter: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file, run by Python, fails or holds no such function.
    #[error("`{path}` cannot be loaded: {problem}", path = path.display())]
    NotLoaded {
        /// Which file.
        path: PathBuf,
        /// What went wrong, and in which line.
        problem: String,
    },
    /// It is to take several rows in a call, and takes one.
    #[error("`max_batch` is {wanted}, but `{path}` has no function `{function}_batch`, which takes a list of inputs and returns as many answers", path = path.display())]
    OneByOne {
        /// Which file.
        path: PathBuf,
        /// The function that it has.
        function: String,
        /// What the policy says.
        wanted: NonZeroUsize,
    },
}

// === impl Python ===

impl Python {
    /// Starts the workers, each of which loads the file and answers once about a row of zeros, or about what the file
    /// says (`WARM_UP`). `name` goes into the model's version, beside the first 12 hexadecimal digits of the SHA-256 of
    /// the file, whose text is kept: a worker that is started later runs the same one.
    pub async fn load(name: &str, spec: Spec<'_>, now: Now) -> Result<Self, PythonError> {
        Self::load_within(PATIENCE, name, spec, now).await
    }

    async fn load_within(patience: Duration, name: &str, spec: Spec<'_>, now: Now) -> Result<Self, PythonError> {
        let unreadable = |cause| PythonError::Unreadable { path: spec.path.to_owned(), cause };
        let not_loaded = |problem| PythonError::NotLoaded { path: spec.path.to_owned(), problem };
        let source = fs::read(spec.path).map_err(unreadable)?;
        let path = std::path::absolute(spec.path).map_err(unreadable)?;
        let text = std::str::from_utf8(&source).map_err(|error| not_loaded(format!("it is no UTF-8: {error}")))?;
        let begin = Begin {
            path: &path.to_string_lossy(),
            source: text,
            function: spec.function,
            warm: spec.schema.map(executor::zeros),
        };
        let begin = frames::frame(&serde_json::to_vec(&begin).expect("texts and numbers are always written"));
        let interpreter = interpreter::of(path.parent().unwrap_or(&path));
        let recipe = Recipe { name: name.into(), interpreter: interpreter.clone(), path, begin, patience, now };
        let (pool, batches) = Pool::start(recipe, spec.workers).await.map_err(|problem| match problem {
            StartError::NoInterpreter(cause) => PythonError::NoInterpreter { interpreter, cause },
            StartError::Problem(problem) => not_loaded(problem),
        })?;
        let batch_max = match (batches, spec.max_batch) {
            (true, wanted) => wanted.unwrap_or(BATCH_MAX),
            (false, None | Some(NonZeroUsize::MIN)) => NonZeroUsize::MIN,
            (false, Some(wanted)) => {
                let (path, function) = (spec.path.to_owned(), spec.function.to_owned());
                return Err(PythonError::OneByOne { path, function, wanted });
            }
        };
        Ok(Self { model: version_of(name, &source), batch_max, pool })
    }
}

impl Executor for Python {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            let mut answers = self.pool.ask(&[&input.body], input.deadline).await.map_err(failed)?;
            answers.pop().expect("one row has one answer")
        })
    }

    fn score_batch<'a>(&'a self, inputs: &'a [&'a Input]) -> BoxFuture<'a, Vec<Result<Bytes, Failure>>> {
        Box::pin(async move {
            let Some(deadline) = inputs.iter().map(|input| input.deadline).max() else { return Vec::new() };
            let rows: Vec<&[u8]> = inputs.iter().map(|input| &*input.body).collect();
            self.pool.ask(&rows, deadline).await.unwrap_or_else(|why| fail_all(&why, rows.len()))
        })
    }

    fn batch_max(&self) -> NonZeroUsize {
        self.batch_max
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }

    fn trouble(&self) -> Option<String> {
        self.pool.trouble()
    }
}

#[cfg(test)]
mod tests;

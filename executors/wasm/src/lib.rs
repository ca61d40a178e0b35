//! A WebAssembly component in this process, on wasmtime: `wasm: rank.wasm`.
//!
//! A component exports what `hedgerow.wit` says and is given nothing: no file, no clock, no network. It runs on the
//! executor's own thread and on no other, as an ONNX model does; `concurrency` therefore changes nothing here. A call is
//! cut off at its deadline whatever the component does, and one that fails takes its instance along: the next call has
//! another. As long as calls go well they share one, so that what is made for the first is there for all.
//!
//! Reading order: `program` (a file, compiled and checked) → `instance` (one that can be called) → `alarm` (what cuts it off).

mod alarm;
mod instance;
mod program;

use std::{
    borrow::Cow,
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use executor::{BoxFuture, Executor, Input, Now, failed, version_of};
use policies::InputSchema;
use serde::de::IgnoredAny;
use wire::{Failure, FailureKind, ModelVersion, Timestamp};

use instance::{Instance, Said};
use program::Program;

/// A WebAssembly component, loaded.
pub struct Wasm {
    model: ModelVersion,
    program: Program,
    /// What is called; `None` while it is, and after a call that went wrong.
    instance: Mutex<Option<Instance>>,
    now: Now,
}

/// What to load.
#[derive(Clone, Copy, Debug)]
pub struct Spec<'a> {
    /// The file.
    pub path: &'a Path,
    /// How much memory an instance may have.
    pub memory: policies::Memory,
    /// What its inputs look like; `None` if they are a judge's, which cannot be made up to try it.
    pub schema: Option<&'a InputSchema>,
}

/// How long a component may take to come up and to answer about a row of zeros.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer may be, in bytes: as long as a server's.
const ANSWER_MAX: usize = 4 << 20;
/// How much of why it does not answer is passed on.
const WORDS_MAX: usize = 1_000;

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WasmError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {cause}; does the path start from the policy file's folder?", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is WebAssembly, but a module.
    #[error("`{path}` is a core module and not a component: `wasm-tools component new {path} -o …` makes one of it", path = path.display())]
    CoreModule {
        /// Which file.
        path: PathBuf,
    },
    /// It is no component that can be run.
    #[error("`{path}` is not a WebAssembly component that can be run: {cause}", path = path.display())]
    NotAComponent {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// It wants more than it is given, which is nothing.
    #[error("`{path}` wants {wants} from whoever runs it, and is given nothing: build it for wasm32-unknown-unknown, not for WASI", path = path.display())]
    Wants {
        /// Which file.
        path: PathBuf,
        /// What it imports.
        wants: String,
    },
    /// It cannot be asked.
    #[error("`{path}` does not export `score: func(input: string) -> result<option<string>, string>`: {instead}", path = path.display())]
    NoScore {
        /// Which file.
        path: PathBuf,
        /// What it exports instead.
        instead: String,
    },
    /// It does not come up, or cannot answer.
    #[error("`{path}` fails before anybody asked it: {problem}", path = path.display())]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// What goes wrong.
        problem: String,
    },
}

// === impl Wasm ===

impl Wasm {
    /// Compiles the component of `spec`, checks that it can be asked, and asks it about a row of zeros and empty texts. `name`
    /// goes into the model's version, beside the first 12 hexadecimal digits of the file's SHA-256.
    pub fn load(name: &str, spec: Spec<'_>, now: Now) -> Result<Self, WasmError> {
        Self::load_within(PATIENCE, name, spec, now)
    }

    fn load_within(patience: Duration, name: &str, spec: Spec<'_>, now: Now) -> Result<Self, WasmError> {
        let Spec { path, memory, schema } = spec;
        let bytes = fs::read(path).map_err(|cause| WasmError::Unreadable { path: path.to_owned(), cause })?;
        let program = Program::compile(path, &bytes, memory)?;
        let due = now().after(patience);
        let instance = Mutex::new(Some(program.first(path, due, &now)?));
        let wasm = Self { model: version_of(name, &bytes), program, instance, now };
        if let Some(schema) = schema {
            // Whether it answers about such a row, or says why it does not, is its own affair.
            let zeros = serde_json::Value::Object(executor::zeros(schema)).to_string();
            let said = wasm.ask(zeros.as_bytes(), due);
            let checked = said.and_then(|said| said.ok().flatten().as_deref().map_or(Ok(()), check));
            checked.map_err(|problem| WasmError::Unfit { path: path.to_owned(), problem })?;
        }
        Ok(wasm)
    }

    fn ask(&self, body: &[u8], due: Timestamp) -> Result<Said, String> {
        let text = std::str::from_utf8(body).map_err(|error| format!("the input is not UTF-8: {error}"))?;
        // Whoever has an instance has it alone, and gives back only one that can be called again.
        let seated = self.instance().take();
        let mut instance = seated.map_or_else(|| self.program.again(due, &self.now), Ok)?;
        let said = instance.call(text, due, &self.now)?;
        *self.instance() = Some(instance);
        Ok(said)
    }

    fn instance(&self) -> MutexGuard<'_, Option<Instance>> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executor for Wasm {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            match self.ask(&input.body, input.deadline).map_err(failed)? {
                Ok(Some(answer)) => check(&answer).map(|()| answer.into()).map_err(failed),
                Ok(None) => Err(Failure { kind: FailureKind::Abstained, message: String::new() }),
                Err(words) => Err(failed(words.chars().take(WORDS_MAX).collect::<String>())),
            }
        })
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }
}

/// Returns what is wrong with an answer that is not one JSON object.
fn check(answer: &str) -> Result<(), String> {
    if answer.len() > ANSWER_MAX {
        return Err(format!("its answer has {} bytes, and {ANSWER_MAX} are read", answer.len()));
    }
    #[expect(clippy::zero_sized_map_values, reason = "what reads a set of names does not read an object")]
    let read: Result<HashMap<Cow<'_, str>, IgnoredAny>, _> = serde_json::from_str(answer);
    let beginning = || answer.chars().take(WORDS_MAX / 5).collect::<String>();
    read.map(drop).map_err(|error| format!("its answer is not a JSON object: {error}: {}", beginning()))
}

#[cfg(test)]
mod tests;

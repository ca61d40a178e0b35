//! From what a definition says of an executor to the executor itself.

use std::{path::PathBuf, sync::Arc};

use artifacts::{ArtifactError, Artifacts};
use bus::{BoxFuture, Bus, Clock};
use executor::{Constant, Echo, Executor};
use models::Unresolved;
use onnx::{Onnx, OnnxError};
use policies::ExecutorKind;
use python::{Python, PythonError};
use servers::{Errand, ServerError, Takes};
use traces::Sampling;
use wasm::{Wasm, WasmError};

use crate::{
    kinds::Kinds,
    post::Post,
    published::{PartsError, Publications},
};

/// Makes executors. What it returns is run on the thread that the executor will live on.
pub type Loader = Arc<dyn Fn(&Post) -> Loading + Send + Sync>;

/// An executor on its way.
pub type Loading = BoxFuture<'static, Result<Arc<dyn Executor>, LoadError>>;

/// Why an executor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// An ONNX model.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A Python file.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// A WebAssembly component.
    #[error(transparent)]
    Wasm(#[from] WasmError),
    /// Somebody else runs it.
    #[error("it is run elsewhere, by a program that is not ours")]
    Elsewhere,
    /// No such model is published, or it was retired.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    /// The bytes of a published model are not where they should be.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The bytes of a published model cannot be fetched, or are others.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// It is another kind of model than the one that it would take the place of.
    #[error("{0}")]
    Parity(String),
    /// It was to be compiled in.
    #[error("{0}")]
    CompiledIn(String),
    /// Its kind keeps no state here.
    #[error("this release cannot run executors of its kind")]
    Unknown,
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(String),
    /// The loader failed without a word: it panicked.
    #[error("loading it panicked")]
    Panicked,
    /// It is loaded, but could not answer, and would take the place of one that does.
    #[error("{0}")]
    Trouble(String),
}

/// Returns the loader of the kinds a policy file can name: published models are read from `bus`, relative paths start
/// from `base`, servers are told of the traces that `sampling` keeps, and `kinds` has what is compiled in.
#[must_use]
#[expect(
    clippy::missing_panics_doc,
    reason = "a post that runs a published model says which: whoever makes posts sees to it"
)]
pub fn by_kind(bus: Arc<dyn Bus>, base: PathBuf, clock: Clock, sampling: Option<Sampling>, kinds: Kinds) -> Loader {
    let publications = Arc::new(Publications { bus, artifacts: Artifacts::default() });
    Arc::new(move |post| {
        let kinds = kinds.clone();
        let (post, base, clock, publications) = (post.clone(), base.clone(), clock.clone(), Arc::clone(&publications));
        Box::pin(async move {
            let Post { spec, schema, model } = post;
            let name = spec.id.as_str();
            let executor: Arc<dyn Executor> = match &spec.kind {
                ExecutorKind::Onnx(path) => Arc::new(Onnx::load(name, &base.join(path), &schema, spec.max_batch)?),
                ExecutorKind::Server(server) => {
                    let takes = if spec.hears.is_empty() { Takes::Features(schema) } else { Takes::Text };
                    let (connections, max_batch) = (spec.concurrency.get(), spec.max_batch);
                    let (name, now) = (name.to_owned(), Arc::new(move || clock.now()));
                    servers::connect(server, Errand { name, takes, connections, max_batch, base, now, sampling })
                        .await?
                }
                ExecutorKind::Python { file, function } => {
                    let (path, schema) = (base.join(file), spec.hears.is_empty().then_some(&*schema));
                    let (workers, max_batch) = (spec.concurrency, spec.max_batch);
                    let spec = python::Spec { path: &path, function, schema, workers, max_batch };
                    Arc::new(Python::load(name, spec, Arc::new(move || clock.now())).await?)
                }
                ExecutorKind::Wasm { file, memory } => {
                    let (path, schema) = (base.join(file), spec.hears.is_empty().then_some(&*schema));
                    let spec = wasm::Spec { path: &path, memory: *memory, schema };
                    Arc::new(Wasm::load(name, spec, Arc::new(move || clock.now()))?)
                }
                ExecutorKind::Model { .. } => {
                    let model = model.expect("a post that runs a published model says which");
                    publications.load(&model, &schema, spec.max_batch).await?
                }
                ExecutorKind::Elsewhere => return Err(LoadError::Elsewhere),
                ExecutorKind::Rust(called) => kinds.plain(called, &spec, &schema)?,
                ExecutorKind::Echo => Arc::new(Echo::new(&spec.id)),
                ExecutorKind::Constant { answer, delay } => Arc::new(Constant::new(&spec.id, answer, *delay)),
            };
            Ok(executor)
        })
    })
}

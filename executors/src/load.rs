//! From what a definition says of an executor to the executor itself.

use std::{path::PathBuf, sync::Arc};

use bus::{BoxFuture, Clock};
use policies::{ExecutorKind, ExecutorSpec, InputSchema};

use crate::{
    constant::Constant,
    echo::Echo,
    executor::Executor,
    http::{Http, HttpError},
    onnx::{Onnx, OnnxError},
};

/// Makes executors. Called on the thread that the executor will live on.
pub type Loader = Arc<dyn Fn(&ExecutorSpec) -> BoxFuture<'static, Result<Arc<dyn Executor>, LoadError>> + Send + Sync>;

/// Why an executor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// An ONNX model.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A server.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(String),
    /// The loader failed without a word: it panicked.
    #[error("loading it panicked")]
    Panicked,
}

/// Returns the loader of the kinds a policy file can name; relative paths start from `base`.
#[must_use]
pub fn by_kind(schema: Arc<InputSchema>, base: PathBuf, clock: Clock) -> Loader {
    Arc::new(move |spec| {
        let (spec, schema, base, clock) = (spec.clone(), Arc::clone(&schema), base.clone(), clock.clone());
        Box::pin(async move {
            let name = spec.id.as_str();
            let executor: Arc<dyn Executor> = match &spec.kind {
                ExecutorKind::Onnx(path) => Arc::new(Onnx::load(name, &base.join(path), &schema)?),
                ExecutorKind::Http(url) => {
                    Arc::new(Http::connect(name, url, spec.concurrency.get(), schema, clock).await?)
                }
                ExecutorKind::Echo => Arc::new(Echo::new(&spec.id)),
                ExecutorKind::Constant { answer, delay } => Arc::new(Constant::new(&spec.id, answer, *delay)),
            };
            Ok(executor)
        })
    })
}

//! Models on servers elsewhere, each asked in the words that its server knows.
//!
//! Reading order: `server`, which is what all of them have in common → `dialect`, what each has of its own → the kinds:
//! `http` and `grpc` (the Open Inference Protocol, whose tensors `layout` makes), `tensorflow`, `pmml`.

mod dialect;
mod grpc;
mod http;
mod layout;
mod pmml;
mod retry;
#[cfg(test)]
mod rig;
mod secrets;
mod server;
mod tensorflow;
mod traceparent;
mod web;

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use executor::{Executor, Now};
use policies::{Protocol, ServerSpec};
use traces::Sampling;

use secrets::Secrets;
use server::{Manner, Server};

pub use layout::Takes;
pub use secrets::SecretError;

/// Who asks a server, and about what.
pub struct Errand {
    /// The executor's name.
    pub name: String,
    /// What the model takes.
    pub takes: Takes,
    /// How many connections are kept open at most while idle: as many as there are calls at once.
    pub connections: usize,
    /// How many rows a call has at most; 1 unless said, because not every server takes several.
    pub max_batch: Option<NonZeroUsize>,
    /// The folder that a secret's relative path starts from: the policy file's.
    pub base: PathBuf,
    /// The time.
    pub now: Now,
    /// Of which traces the server is told that a call is part of them.
    pub sampling: Option<Sampling>,
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is none.
    #[error("`{url}` is not the URL of {what}: {problem}")]
    Address {
        /// As written.
        url: String,
        /// What it is to be.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The model takes other inputs than the policy describes.
    #[error("the model at `{url}` does not fit the policy's input: {problem}")]
    Misfit {
        /// As written.
        url: String,
        /// How it differs.
        problem: String,
    },
    /// There is nothing to let us in.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The client cannot be made (TLS settings of this machine).
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
}

/// Asks the server that `spec` speaks of about its model, and returns the executor that will ask it about inputs. A server
/// that is away is no error: it may come later.
pub async fn connect(spec: &ServerSpec, errand: Errand) -> Result<Arc<dyn Executor>, ServerError> {
    let secrets = spec.credentials.as_ref().map(|credentials| Secrets::read(credentials, &errand.base)).transpose()?;
    let manner = Manner {
        name: errand.name,
        url: spec.url.clone(),
        takes: errand.takes,
        batch_max: errand.max_batch.unwrap_or(NonZeroUsize::MIN),
        retries: spec.retries,
        secrets,
        now: errand.now,
        sampling: errand.sampling,
    };
    let (url, connections) = (&spec.url, errand.connections);
    Ok(match spec.protocol {
        Protocol::Http => Arc::new(Server::connect(http::Http::new(url, connections)?, manner).await?),
        Protocol::Grpc => Arc::new(Server::connect(grpc::Grpc::new(url)?, manner).await?),
        Protocol::TensorFlow => {
            Arc::new(Server::connect(tensorflow::TensorFlow::new(url, connections)?, manner).await?)
        }
        Protocol::Pmml => Arc::new(Server::connect(pmml::Pmml::new(url, connections)?, manner).await?),
    })
}

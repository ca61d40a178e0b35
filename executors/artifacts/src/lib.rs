//! Fetches models' bytes from where a reference says they are: a file, an HTTP server, an object store, `MLflow`.
//!
//! What it takes to be let in is found in the environment of who fetches, never in a reference.

mod mlflow;
mod s3;

use std::{fmt, io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use models::{Reference, ReferenceError};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

/// Fetches models' bytes.
pub struct Artifacts {
    environment: Environment,
    /// Made when it is first needed: reading what the machine trusts takes long.
    client: OnceCell<reqwest::Client>,
}

/// Returns what the environment says under a name.
type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A reference that will not lead to other bytes tomorrow, and what its place tells of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The reference.
    pub uri: String,
    /// What the model comes from, if its place knows.
    pub trained_on: Option<String>,
}

/// Why a model's bytes could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It says nothing that could be fetched.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A file.
    #[error("cannot read `{path}`: {cause}; every process that runs the model needs it under this path")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        cause: io::Error,
    },
    /// A server.
    #[error("cannot fetch {uri}: {cause}")]
    Server {
        /// What was asked for.
        uri: String,
        /// What came of it.
        cause: String,
        /// Whether it may be otherwise in a moment.
        may_pass: bool,
    },
    /// The environment does not say how to get there.
    #[error("cannot fetch {uri}: {missing}")]
    Environment {
        /// What was asked for.
        uri: String,
        /// What is to be set.
        missing: String,
    },
    /// They are not the bytes that were published.
    #[error("{place} has other bytes than were published: their hash is {found}, and it should be {expected}")]
    Hash {
        /// Where they were found.
        place: String,
        /// Their hash, in hex.
        found: String,
        /// What it should be.
        expected: String,
    },
}

/// Larger ones are refused: they would not fit beside a second version of themselves.
pub const BYTES_MAX: usize = 2 << 30;
/// Of what a server says is wrong so much is told.
const SAID_MAX: usize = 1_000;
/// A server must say something within that, again and again.
const SILENT_FOR: Duration = Duration::from_secs(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Whoever is away is asked so often, with longer and longer pauses.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

// === impl Artifacts ===

impl Artifacts {
    /// Returns a fetcher that finds in `environment` what it needs to be let in.
    #[must_use]
    pub fn new(environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { environment: Arc::new(environment), client: OnceCell::new() }
    }

    /// Returns a reference to what `uri` leads to now: an alias, which may move, is followed.
    pub async fn settle(&self, uri: &str) -> Result<Settled, ArtifactError> {
        match Reference::parse(uri)? {
            Reference::MlFlow { name, pick } => mlflow::MlFlow::of(self, uri).await?.settle(&name, &pick).await,
            _ => Ok(Settled { uri: uri.to_owned(), trained_on: None }),
        }
    }

    /// Returns the bytes that `uri` leads to. Whoever is away is asked a few times.
    pub async fn fetch(&self, uri: &str) -> Result<Bytes, ArtifactError> {
        let reference = Reference::parse(uri)?;
        let mut tried = 1;
        loop {
            match self.try_fetch(&reference, uri).await {
                Err(ArtifactError::Server { may_pass: true, .. }) if tried < TRIES => {
                    tokio::time::sleep(PAUSE * 2_u32.pow(tried)).await;
                    tried += 1;
                }
                fetched => return fetched,
            }
        }
    }

    async fn try_fetch(&self, reference: &Reference, uri: &str) -> Result<Bytes, ArtifactError> {
        match reference {
            Reference::File(path) => read(path).await,
            Reference::Http(url) => download(self.client().await?.get(url), url).await,
            Reference::S3 { bucket, key } => {
                let url = s3::signed(&self.environment, bucket, key, uri).await?;
                download(self.client().await?.get(url), uri).await
            }
            Reference::MlFlow { name, pick } => {
                let place = mlflow::MlFlow::of(self, uri).await?.place(name, pick).await?;
                Box::pin(self.try_fetch_place(place, uri)).await
            }
        }
    }

    /// Fetches from where `MLflow` says.
    async fn try_fetch_place(&self, place: mlflow::Place, uri: &str) -> Result<Bytes, ArtifactError> {
        match place {
            mlflow::Place::Proxied(path) => download(mlflow::MlFlow::of(self, uri).await?.get(&path, &[]), uri).await,
            mlflow::Place::Elsewhere(reference) => self.try_fetch(&reference, uri).await,
        }
    }

    async fn client(&self) -> Result<&reqwest::Client, ArtifactError> {
        let make = async || {
            let client = reqwest::Client::builder().connect_timeout(CONNECT_WITHIN).read_timeout(SILENT_FOR);
            client.build().map_err(|error| server("HTTP", &error, false))
        };
        self.client.get_or_try_init(make).await
    }
}

impl Default for Artifacts {
    fn default() -> Self {
        Self::new(|name| std::env::var(name).ok().filter(|said| !said.trim().is_empty()))
    }
}

impl fmt::Debug for Artifacts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Artifacts")
    }
}

/// Returns `bytes` if their hash is `expected`.
pub fn checked(bytes: Bytes, expected: &str, place: impl FnOnce() -> String) -> Result<Bytes, ArtifactError> {
    let found = hash(&bytes);
    if found == expected {
        return Ok(bytes);
    }
    Err(ArtifactError::Hash { place: place(), found, expected: expected.to_owned() })
}

/// Returns the SHA-256 of `bytes`, in hex.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    models::hex(&Sha256::digest(bytes))
}

async fn read(path: &str) -> Result<Bytes, ArtifactError> {
    let (owned, wanted) = (path.to_owned(), path.to_owned());
    let read = tokio::task::spawn_blocking(move || std::fs::read(wanted)).await;
    let read = read.unwrap_or_else(|_| Err(io::Error::other("reading it was given up")));
    read.map(Bytes::from).map_err(|cause| ArtifactError::File { path: owned, cause })
}

/// Reads an answer to its end, and no more of it than a model may have.
async fn download(request: reqwest::RequestBuilder, uri: &str) -> Result<Bytes, ArtifactError> {
    let answer = request.send().await.map_err(|error| server(uri, &error.without_url(), true))?;
    let status = answer.status();
    if !status.is_success() {
        let may_pass = status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS;
        let why = said(answer).await.map_or_else(String::new, |said| format!(": {said}"));
        return Err(server(uri, &format!("the server says {status}{why}"), may_pass));
    }
    let mut answer = answer;
    let mut bytes = BytesMut::new();
    while let Some(more) = answer.chunk().await.map_err(|error| server(uri, &error.without_url(), true))? {
        if bytes.len() + more.len() > BYTES_MAX {
            return Err(server(uri, &format!("it has more than {BYTES_MAX} bytes"), false));
        }
        bytes.extend_from_slice(&more);
    }
    Ok(bytes.freeze())
}

/// Returns what a server says is wrong, if it says so as `MLflow` or an object store does.
async fn said(mut answer: reqwest::Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let mut bytes = BytesMut::new();
    while bytes.len() < SAID_MAX
        && let Some(more) = answer.chunk().await.ok()?
    {
        bytes.extend_from_slice(&more);
    }
    let message = match serde_json::from_slice(&bytes) {
        Ok(Said { message }) => message,
        Err(_) => of_store(&String::from_utf8_lossy(&bytes))?,
    };
    Some(message.chars().filter(|letter| !letter.is_control()).take(SAID_MAX).collect())
}

/// Returns the code of an object store's error, and its words. Of its XML nothing else is wanted, and neither has members.
fn of_store(text: &str) -> Option<String> {
    let (_, text) = text.split_once("<Error>")?;
    let of = |begin: &str, end: &str| Some(text.split_once(begin)?.1.split_once(end)?.0);
    let code = of("<Code>", "</Code>")?;
    Some(of("<Message>", "</Message>").map_or_else(|| code.to_owned(), |words| format!("{code}: {words}")))
}

fn server(uri: &str, cause: &dyn std::fmt::Display, may_pass: bool) -> ArtifactError {
    ArtifactError::Server { uri: uri.to_owned(), cause: cause.to_string(), may_pass }
}

#[cfg(test)]
mod tests;

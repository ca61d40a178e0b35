//! Asks a registry for schemas, each once: what a number means there never changes.
//!
//! `look` answers at once with what is known, and has what is not asked for by a thread of its own; whoever has to know looks
//! again. A registry that is away is asked until it answers: nothing can be said of a record before that.

mod asking;

use std::{
    collections::HashMap,
    env, fs,
    path::PathBuf,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::Url;
use tokio::sync::mpsc;

use self::asking::{Asking, Told};
use crate::Schema;

/// A registry, and what is known of its schemas. Dropped, it is asked no more.
#[derive(Debug)]
pub struct Registry {
    known: Arc<Known>,
    wanted: mpsc::Sender<u32>,
}

/// What is known of a schema.
#[derive(Clone, Debug)]
pub enum Look {
    /// It.
    Schema(Arc<Schema>),
    /// Why values of it cannot be read.
    Unusable(Arc<str>),
    /// It is being asked for.
    Waiting,
}

/// Where a registry is, and where the secret is that it lets us in for; both were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryAt {
    address: Url,
    credentials: Option<Credentials>,
}

/// Where the secret is that a registry lets us in for: `env:NAME` or `file:PATH`. It is `user:password`, or a token; read
/// whenever the registry is asked, and in no log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// In an environment variable.
    Variable(String),
    /// In a file.
    File(PathBuf),
}

/// A text that says no place of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("say where the credentials are, `env:NAME` or `file:PATH`, and not what they are")]
pub struct InvalidCredentials;

/// Why something is no registry's place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRegistry {
    /// Its address is none.
    #[error("`{0}` is no address of a schema registry: `http://registry:8081`, say")]
    Address(String),
    /// The address says more than where.
    #[error(
        "an address with a password in it would be told in logs: say where it is with --schema-registry-credentials"
    )]
    Password,
    /// The credentials are not where they should be.
    #[error("the schema registry's credentials {0}")]
    Credentials(String),
}

/// Why a registry cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The process cannot ask.
    #[error("the schema registry cannot be asked")]
    Process(#[from] std::io::Error),
    /// The client cannot be made.
    #[error("the schema registry cannot be asked")]
    Client(#[from] reqwest::Error),
}

#[derive(Debug, Default)]
struct Known(Mutex<HashMap<u32, Look>>);

/// Schemas that are kept; more means that somebody makes one for each record.
const KEPT_MAX: usize = 1_000;
/// Asked for and not yet told. Whoever looks for one more is told to look again.
const ASKED_MAX: usize = 64;
/// What a registry does not know it may know soon.
const UNKNOWN_STANDS: Duration = Duration::from_secs(5);
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// So many questions without an answer are between two lines of the log.
const REMIND: u32 = 10;

// === impl Registry ===

impl Registry {
    /// Begins to answer about the registry there; says nothing to it yet. `on_failure` is called for each question that it
    /// does not answer.
    pub fn start(at: RegistryAt, on_failure: impl Fn() + Send + Sync + 'static) -> Result<Self, RegistryError> {
        let asking = Asking::new(at)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (known, (wanted, mut asked)) = (Arc::new(Known::default()), mpsc::channel(ASKED_MAX));
        let told = Arc::clone(&known);
        let work = async move {
            while let Some(id) = asked.recv().await {
                tokio::select! {
                    look = insist(&asking, id, &on_failure) => told.put(id, look),
                    () = told.is_abandoned() => return,
                }
            }
        };
        std::thread::Builder::new().name("schemas".to_owned()).spawn(move || runtime.block_on(work))?;
        Ok(Self { known, wanted })
    }

    /// Returns what is known of the schema `id`.
    #[must_use]
    pub fn look(&self, id: u32) -> Look {
        let mut looks = self.known.looks();
        if let Some(look) = looks.get(&id) {
            return look.clone();
        }
        if looks.len() >= KEPT_MAX {
            looks.retain(|_, look| matches!(look, Look::Waiting));
        }
        // If too many are asked for, the next look asks.
        if self.wanted.try_send(id).is_ok() {
            looks.insert(id, Look::Waiting);
        }
        Look::Waiting
    }
}

/// Asks until there is an answer.
async fn insist(asking: &Asking, id: u32, on_failure: &impl Fn()) -> Look {
    let (mut pause, mut failures) = (PAUSE_FIRST, 0_u32);
    loop {
        match asking.ask(id).await {
            Told::Schema(schema) => {
                if failures > 0 {
                    tracing::info!(id, "the schema registry answers again");
                }
                return Look::Schema(Arc::new(schema));
            }
            Told::Unusable(why) => return Look::Unusable(why.into()),
            Told::Away(why) => {
                on_failure();
                if failures.is_multiple_of(REMIND) {
                    tracing::warn!(id, why, "the schema registry does not answer: inputs wait");
                }
                failures += 1;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

// === impl RegistryAt ===

impl RegistryAt {
    /// Returns the place of the registry at `address`. Its credentials must be where they are said to be.
    pub fn new(address: &str, credentials: Option<Credentials>) -> Result<Self, InvalidRegistry> {
        let wrong = || InvalidRegistry::Address(address.to_owned());
        let mut parsed: Url = address.parse().map_err(|_| wrong())?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(InvalidRegistry::Password);
        }
        if !["http", "https"].contains(&parsed.scheme()) || parsed.query().is_some() {
            return Err(wrong());
        }
        parsed.path_segments_mut().map_err(|()| wrong())?.pop_if_empty();
        if let Some(credentials) = &credentials {
            credentials.read().map_err(InvalidRegistry::Credentials)?;
        }
        Ok(Self { address: parsed, credentials })
    }
}

// === impl Known ===

impl Known {
    fn looks(&self) -> MutexGuard<'_, HashMap<u32, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was told. What the registry does not know is forgotten after a while, because it may know better then.
    fn put(self: &Arc<Self>, id: u32, look: Look) {
        let forgets = matches!(look, Look::Unusable(_));
        self.looks().insert(id, look);
        if forgets {
            let known = Arc::downgrade(self);
            tokio::spawn(async move {
                tokio::time::sleep(UNKNOWN_STANDS).await;
                if let Some(known) = known.upgrade() {
                    known.looks().remove(&id);
                }
            });
        }
    }

    /// Waits until nobody looks any more.
    async fn is_abandoned(self: &Arc<Self>) {
        while Arc::strong_count(self) > 1 {
            tokio::time::sleep(PAUSE_FIRST).await;
        }
    }
}

// === impl Credentials ===

impl FromStr for Credentials {
    type Err = InvalidCredentials;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(InvalidCredentials),
        }
    }
}

impl Credentials {
    /// Returns the secret, or a clause that says why there is none.
    fn read(&self) -> Result<String, String> {
        let (read, place) = match self {
            Self::Variable(name) => (
                env::var(name).map_err(|_| format!("are in the environment variable `{name}`, which is not set")),
                format!("the environment variable `{name}`"),
            ),
            Self::File(path) => (
                fs::read_to_string(path)
                    .map_err(|error| format!("are in the file {}, which cannot be read: {error}", path.display())),
                format!("the file {}", path.display()),
            ),
        };
        let secret = read?.trim().to_owned();
        if secret.is_empty() { Err(format!("are in {place}, which is empty")) } else { Ok(secret) }
    }
}

#[cfg(test)]
mod tests;

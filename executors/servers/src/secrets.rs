//! What servers are told so that they let us in. A policy says where it stands; here it is read, and read again when a
//! server does not take it any more.
//!
//! A secret is in no log line and no error: it has no `Debug`, and what a server says is searched for it first.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use policies::{Credentials, SecretRef};
use reqwest::header::{HeaderName, HeaderValue};

/// A header that lets us in.
#[derive(PartialEq)]
pub(crate) struct Secret {
    pub(crate) header: HeaderName,
    pub(crate) value: HeaderValue,
    /// As it was written, for finding it in what a server says.
    plain: String,
}

/// Where a secret is, and what it was when it was read last.
pub(crate) struct Secrets {
    credentials: Credentials,
    base: PathBuf,
    held: Mutex<Arc<Secret>>,
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not there.
    #[error("its credentials are in the environment variable `{0}`, which is not set: set it where this executor runs")]
    Unset(Arc<str>),
    /// The file cannot be read.
    #[error(
        "its credentials are in the file `{path}`, which cannot be read: {cause}; write the secret there, or correct `credentials`"
    )]
    Unreadable {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Nothing is in it.
    #[error("its credentials are in {0}, which is empty: put the secret there")]
    Empty(String),
    /// It cannot be sent.
    #[error("its credentials are in {0}, which holds what no HTTP header may: one line of ASCII is expected")]
    Unsendable(String),
    /// The header cannot be sent.
    #[error("`{0}` is no name of an HTTP header: correct `header` in its `credentials`")]
    Header(Arc<str>),
}

// === impl Secrets ===

impl Secrets {
    /// Reads the secret that `credentials` speak of; a relative file starts from `base`.
    pub(crate) fn read(credentials: &Credentials, base: &Path) -> Result<Self, SecretError> {
        let held = Mutex::new(Arc::new(Secret::read(credentials, base)?));
        Ok(Self { credentials: credentials.clone(), base: base.to_owned(), held })
    }

    /// Returns what was read last.
    pub(crate) fn held(&self) -> Arc<Secret> {
        Arc::clone(&self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads again, because `refused` was; returns whether another secret is there now. One that cannot be read changes
    /// nothing.
    pub(crate) fn renew(&self, refused: &Secret) -> Result<bool, SecretError> {
        if *self.held() != *refused {
            return Ok(true);
        }
        let read = Secret::read(&self.credentials, &self.base)?;
        let is_new = read != *refused;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        Ok(is_new)
    }
}

// === impl Secret ===

impl Secret {
    fn read(credentials: &Credentials, base: &Path) -> Result<Self, SecretError> {
        let place = match &credentials.secret {
            SecretRef::Env(name) => format!("the environment variable `{name}`"),
            SecretRef::File(path) => format!("the file `{}`", base.join(path).display()),
        };
        let written = match &credentials.secret {
            SecretRef::Env(name) => std::env::var(&**name).map_err(|_| SecretError::Unset(Arc::clone(name)))?,
            SecretRef::File(path) => {
                let path = base.join(path);
                fs::read_to_string(&path).map_err(|cause| SecretError::Unreadable { path, cause })?
            }
        };
        // Editors end files with a line break, which no secret means.
        let plain = written.trim().to_owned();
        if plain.is_empty() {
            return Err(SecretError::Empty(place));
        }
        let (header, value) = match &credentials.header {
            None => (HeaderName::from_static("authorization"), format!("Bearer {plain}")),
            Some(name) => {
                let header = HeaderName::from_bytes(name.as_bytes());
                (header.map_err(|_| SecretError::Header(Arc::clone(name)))?, plain.clone())
            }
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| SecretError::Unsendable(place.clone()))?;
        if !plain.is_ascii() {
            return Err(SecretError::Unsendable(place));
        }
        value.set_sensitive(true);
        Ok(Self { header, value, plain })
    }

    /// Takes the secret out of what a server said.
    pub(crate) fn out_of(&self, words: &str) -> String {
        words.replace(&self.plain, "…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, Credentials) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token.txt"), text).unwrap();
        (folder, Credentials { secret: SecretRef::File("token.txt".into()), header: None })
    }

    fn problem(credentials: &Credentials, base: &Path) -> String {
        Secrets::read(credentials, base).err().expect("there is no secret").to_string()
    }

    #[test]
    fn a_secret_is_a_bearer_s_token_unless_a_header_is_named() {
        let (folder, mut credentials) = file("s3cret\n");
        let secret = Secrets::read(&credentials, folder.path()).unwrap().held();
        assert_eq!((secret.header.as_str(), secret.value.to_str().unwrap()), ("authorization", "Bearer s3cret"));
        credentials.header = Some("x-api-key".into());
        let secret = Secrets::read(&credentials, folder.path()).unwrap().held();
        assert_eq!((secret.header.as_str(), secret.value.to_str().unwrap()), ("x-api-key", "s3cret"));
        assert!(secret.value.is_sensitive());
        // Cargo sets this one for every test.
        let credentials = Credentials { secret: SecretRef::Env("CARGO_MANIFEST_DIR".into()), header: None };
        let secret = Secrets::read(&credentials, folder.path()).unwrap().held();
        assert_eq!(secret.value.to_str().unwrap(), concat!("Bearer ", env!("CARGO_MANIFEST_DIR")));
    }

    #[test]
    fn a_secret_that_is_not_there_is_told_with_its_place_and_what_to_do() {
        let (folder, mut credentials) = file("");
        assert!(problem(&credentials, folder.path()).ends_with("token.txt`, which is empty: put the secret there"));
        let missing = problem(&credentials, &folder.path().join("away"));
        assert!(
            missing.contains("away/token.txt`, which cannot be read") && missing.contains("write the secret there")
        );
        credentials.secret = SecretRef::Env("HEDGEROW_NO_SUCH_VARIABLE".into());
        assert_eq!(
            problem(&credentials, folder.path()),
            "its credentials are in the environment variable `HEDGEROW_NO_SUCH_VARIABLE`, which is not set: \
             set it where this executor runs"
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_being_told() {
        let (folder, mut credentials) = file("first\nsecond");
        let words = problem(&credentials, folder.path());
        assert!(words.contains("one line of ASCII") && !words.contains("first"), "{words}");
        fs::write(folder.path().join("token.txt"), "grün").unwrap();
        assert!(problem(&credentials, folder.path()).contains("one line of ASCII"));
        fs::write(folder.path().join("token.txt"), "fine").unwrap();
        credentials.header = Some("x key".into());
        assert!(problem(&credentials, folder.path()).contains("`x key` is no name of an HTTP header"));
    }

    #[test]
    fn a_refused_secret_is_read_again_and_one_that_cannot_be_read_stays() {
        let (folder, credentials) = file("old");
        let secrets = Secrets::read(&credentials, folder.path()).unwrap();
        let refused = secrets.held();
        assert!(!secrets.renew(&refused).unwrap(), "it is the same");
        fs::remove_file(folder.path().join("token.txt")).unwrap();
        assert!(secrets.renew(&refused).is_err());
        assert!(*secrets.held() == *refused);
        fs::write(folder.path().join("token.txt"), "new").unwrap();
        assert!(secrets.renew(&refused).unwrap());
        assert_eq!(secrets.held().value, "Bearer new");
        assert!(secrets.renew(&refused).unwrap(), "somebody else read it");
        assert_eq!(secrets.held().out_of("`new` is unknown"), "`…` is unknown");
    }
}

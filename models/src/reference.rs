//! Where a model's bytes are when they are not in the log: text → what is to be asked.
//!
//! A reference holds no credentials: it is written into a log that many read. Who fetches has them in his environment.

/// Where a model's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A file that every process which runs the model has, under the same absolute path.
    File(String),
    /// An HTTP server.
    Http(String),
    /// An object of a store that speaks S3's protocol.
    S3 {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
    /// A model that is registered with `MLflow`.
    MlFlow {
        /// Its name there.
        name: String,
        /// Which of its versions.
        pick: Pick,
    },
}

/// Which version of a model that is registered with `MLflow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// By its number.
    Version(u64),
    /// By an alias, which may move.
    Alias(String),
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nobody knows how to fetch it.
    #[error(
        "`{0}` is no reference that can be fetched: write `file:///models/forest.onnx`, `https://…`, \
         `s3://bucket/key` or `models:/name@alias`"
    )]
    Unknown(String),
    /// It would write a password into the log.
    #[error("a reference holds no credentials: who fetches has them in the environment, or gives them in a header")]
    Credentials,
    /// Not every process has the same folder.
    #[error("`{0}` is no absolute path: write `file:///models/forest.onnx`, which every process must have")]
    Relative(String),
}

// === impl Reference ===

impl Reference {
    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let unknown = || ReferenceError::Unknown(text.to_owned());
        let (scheme, rest) = text.split_once(':').ok_or_else(unknown)?;
        match scheme {
            "file" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if !path.starts_with('/') {
                    return Err(ReferenceError::Relative(text.to_owned()));
                }
                Ok(Self::File(path.to_owned()))
            }
            "http" | "https" => {
                let authority = rest.strip_prefix("//").ok_or_else(unknown)?.split(['/', '?']).next();
                match authority {
                    None | Some("") => Err(unknown()),
                    Some(authority) if authority.contains('@') => Err(ReferenceError::Credentials),
                    Some(_) => Ok(Self::Http(text.to_owned())),
                }
            }
            "s3" => {
                let (bucket, key) =
                    rest.strip_prefix("//").and_then(|rest| rest.split_once('/')).ok_or_else(unknown)?;
                if bucket.contains('@') {
                    return Err(ReferenceError::Credentials);
                }
                if bucket.is_empty() || key.is_empty() {
                    return Err(unknown());
                }
                Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            "models" => Self::registered(rest.strip_prefix('/').ok_or_else(unknown)?).ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    /// Reads `name@alias` and `name/7`, as `MLflow` writes them.
    fn registered(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('/');
        let (name, pick) = if let Some((name, alias)) = text.rsplit_once('@') {
            (name, Pick::Alias(alias.to_owned()))
        } else {
            let (name, version) = text.rsplit_once('/')?;
            (name, Pick::Version(version.parse().ok()?))
        };
        let has_alias = !matches!(&pick, Pick::Alias(alias) if alias.is_empty());
        (!name.is_empty() && has_alias).then(|| Self::MlFlow { name: name.to_owned(), pick })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Reference) {
        assert_eq!(Reference::parse(text).as_ref(), Ok(expected), "{text}");
    }

    #[test]
    fn references_are_read_as_their_tools_write_them() {
        let registered = |pick| Reference::MlFlow { name: "wine".to_owned(), pick };
        check("file:///models/a.onnx", &Reference::File("/models/a.onnx".to_owned()));
        check("file:/models/a.onnx", &Reference::File("/models/a.onnx".to_owned()));
        check("https://host/a.onnx", &Reference::Http("https://host/a.onnx".to_owned()));
        check("s3://shelf/a/b.onnx", &Reference::S3 { bucket: "shelf".to_owned(), key: "a/b.onnx".to_owned() });
        check("models:/wine/7", &registered(Pick::Version(7)));
        check("models:/wine@champion", &registered(Pick::Alias("champion".to_owned())));
    }

    #[test]
    fn what_nobody_could_fetch_is_refused_with_what_to_write() {
        for text in ["a.onnx", "ftp://host/a", "s3://bucket", "s3:///key", "models:/wine", "models:/wine@", "http:///"]
        {
            let told = Reference::parse(text).unwrap_err().to_string();
            assert!(told.contains("is no reference"), "{text}: {told}");
        }
        assert!(Reference::parse("file:a.onnx").unwrap_err().to_string().contains("absolute"));
    }

    #[test]
    fn a_reference_with_credentials_never_gets_into_the_log() {
        for text in ["https://ada:secret@host/a.onnx", "s3://key:secret@bucket/a"] {
            assert_eq!(Reference::parse(text), Err(ReferenceError::Credentials));
        }
    }
}

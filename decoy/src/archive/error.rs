//! What can go wrong with an archive. All of it is tried again; some of it in vain until somebody looks at the files.

use object_store::path::Path as StorePath;

/// Why an archive cannot be used. All of it may pass: somebody frees the disk, or moves a file away.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The folder is missing, full, read-only or no folder.
    #[error("the archive cannot be used: {0}")]
    Unavailable(String),
    /// A file is not what its place and name say.
    #[error("`{file}` is not a file of this archive: {reason}")]
    Corrupt {
        /// Which.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two files hold the same record.
    #[error("`{one}` and `{other}` overlap: move one of them away")]
    Overlap {
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
    /// Records could not be written as Parquet.
    #[error("records cannot be written as Parquet: {0}")]
    Encode(String),
}

// === impl ArchiveError ===

impl ArchiveError {
    /// Returns whether waiting cannot mend it: somebody has to look at the files.
    pub(crate) fn needs_hands(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Overlap { .. })
    }
}

impl From<object_store::Error> for ArchiveError {
    fn from(error: object_store::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

pub(super) fn corrupt(path: &StorePath, reason: String) -> ArchiveError {
    ArchiveError::Corrupt { file: path.to_string(), reason }
}

/// What is not there needs no removing.
pub(super) fn absent(error: object_store::Error) -> Result<(), object_store::Error> {
    match error {
        object_store::Error::NotFound { .. } => Ok(()),
        error => Err(error),
    }
}

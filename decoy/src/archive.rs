//! The archive: a folder of Parquet files that tile the log, each record in exactly one of them.
//!
//! ```text
//! <archive>/<topic>/<partition>/<first>-<last>.parquet     the records from first to last, twenty digits each
//! <archive>/<topic>/<partition>/_claims/<position>         the next file, while it is being published
//! ```
//!
//! The archive's *position* is the last offset of its newest file plus one. It alone says where to go on: what the
//! group committed is for display. Two owners of a partition (one of them a zombie that does not know it yet) stand at
//! the same position with different buffers, and must not both publish: `0-99` and `0-120` would hold records twice.
//! So a file is published in two steps, and the first can be taken by one writer only, because its name is the position:
//!
//! 1. *Claim*: the whole file is created as `_claims/<position>`, durably, if nothing has that name.
//! 2. *Settle*: whoever knows what the claim holds lists the files. If one reaches the position or beyond, the claim
//!    comes too late and is garbage; otherwise it is linked to its own `<first>-<last>.parquet`. Then it is removed.
//!
//! Anybody may settle anybody's claim: a new owner does before it derives its position, so a writer that was killed
//! between the steps loses nothing. Why no two files overlap: a claim is removed only when a file reaches its position,
//! and the newest file stays for ever, so while no file does, the claim holds what it held when it was created; whoever
//! knew its content *before* the listing therefore links that content, and all of them to the same name. A writer that
//! finds its place taken drops its buffer and reads on from the new position.
//!
//! Left-overs of a killed writer (`<position>#1`, never listed) are removed once the position has moved past them; not
//! before, because another writer may be filling a file of that name.

mod columns;
mod error;
mod label;
mod read;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::RecordBatch;
use bus::TopicPartition;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload, local::LocalFileSystem, path::Path as StorePath,
};
use wire::Timestamp;

pub use error::ArchiveError;
pub use read::{ArchivedRecord, read};

pub(crate) use self::columns::{Columns, size_of};
use self::error::{absent, corrupt};
pub use self::label::Label;
use crate::segment::Covered;

/// A folder of archived records.
#[derive(Clone, Debug)]
pub struct Archive {
    store: Arc<LocalFileSystem>,
    root: PathBuf,
}

/// A file before it is published.
#[derive(Debug)]
pub struct Sealed {
    /// What it says about itself.
    pub label: Label,
    /// Its records.
    pub batch: RecordBatch,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is durable: this attempt, or an earlier one with the same records.
    Durable {
        /// How large the file is.
        bytes: usize,
    },
    /// Another writer published first, with other records: the archive goes on elsewhere.
    Beaten,
}

/// What an archive holds of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// What its newest file says about itself; `None` if it holds nothing.
    pub newest: Option<Label>,
}

/// Where claims lie. Readers of folders of Parquet skip names that begin with an underscore.
const CLAIMS: &str = "_claims";

// === impl Archive ===

impl Archive {
    /// Opens the archive in the folder `root`, which is created if it does not exist.
    pub async fn open(root: &Path) -> Result<Self, ArchiveError> {
        let root = root.to_owned();
        blocking(move || {
            let failed = |reason: String| ArchiveError::Unavailable(format!("{}: {reason}", root.display()));
            create_durably(&root).map_err(|error| failed(error.to_string()))?;
            let store = LocalFileSystem::new_with_prefix(&root).map_err(|error| failed(error.to_string()))?;
            Ok(Self { store: Arc::new(store.with_fsync(true)), root })
        })
        .await?
    }

    /// Returns the paths of the files of `partition`, in offset order.
    pub async fn files(&self, partition: &TopicPartition) -> Result<Vec<PathBuf>, ArchiveError> {
        let files = self.covered(partition).await?;
        Ok(files.into_iter().map(|covered| self.folder(partition).join(label::file_name(covered))).collect())
    }

    /// Finishes what others began, checks that no two files overlap and that the newest is what its name says.
    pub(crate) async fn survey(&self, partition: &TopicPartition) -> Result<Survey, ArchiveError> {
        for position in self.claims(partition).await? {
            self.resolve(partition, position).await?;
        }
        let files = self.covered(partition).await?;
        if let Some((one, other)) = label::overlap(&files) {
            let path = |covered| file_path(partition, covered).to_string();
            return Err(ArchiveError::Overlap { one: path(one), other: path(other) });
        }
        // Only the newest is opened: it alone decides where to go on, and there may be tens of thousands.
        let Some(newest) = files.last() else { return Ok(Survey { newest: None }) };
        let label = self.newest(partition, *newest).await?;
        self.sweep(partition, label.next()).await?;
        Ok(Survey { newest: Some(label) })
    }

    /// Publishes a file, durably, unless another writer has published in its place.
    pub(crate) async fn publish(&self, sealed: &Arc<Sealed>) -> Result<Published, ArchiveError> {
        let (partition, position) = (&sealed.label.partition, sealed.label.position);
        let encoded = encode(Arc::clone(sealed)).await?;
        let bytes = encoded.len();
        if self.claim(partition, position, encoded).await? {
            self.settle(&sealed.label).await?;
        } else {
            self.resolve(partition, position).await?;
        }
        // Whatever came of the claim, the folder says who won.
        let durable = self.reaching(partition, position).await?.contains(&sealed.label.covered);
        Ok(if durable { Published::Durable { bytes } } else { Published::Beaten })
    }

    /// Removes the files that were written before `before`, but never the newest: it says where to go on.
    /// Returns how many.
    pub(crate) async fn prune(&self, partition: &TopicPartition, before: Timestamp) -> Result<u64, ArchiveError> {
        let mut files = self.list(partition).await?;
        files.pop();
        let mut pruned = 0;
        for (_, file) in files.iter().filter(|(_, file)| file.last_modified.timestamp_micros() < before.as_micros()) {
            self.store.delete(&file.location).await.or_else(absent)?;
            pruned += 1;
        }
        Ok(pruned)
    }

    /// First step: takes the place behind `position`. Returns whether this attempt took it.
    async fn claim(&self, partition: &TopicPartition, position: i64, file: Bytes) -> Result<bool, ArchiveError> {
        let path = claim_path(partition, position);
        match self.store.put_opts(&path, PutPayload::from_bytes(file), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Second step, for a claim of which only the position is known.
    async fn resolve(&self, partition: &TopicPartition, position: i64) -> Result<(), ArchiveError> {
        // A claim that comes too late is not read: it may be anything.
        if self.reaching(partition, position).await?.is_empty()
            && let Some(label) = self.claimed(partition, position).await?
        {
            return self.settle(&label).await;
        }
        self.clear(partition, position).await
    }

    /// Second step, for the claim that holds the file of `label`, which must be known before this is called.
    async fn settle(&self, label: &Label) -> Result<(), ArchiveError> {
        if self.reaching(&label.partition, label.position).await?.is_empty() {
            self.link(label).await?;
        }
        self.clear(&label.partition, label.position).await
    }

    /// Gives the claim its own name. Somebody else may have, and may have removed the claim since.
    async fn link(&self, label: &Label) -> Result<(), ArchiveError> {
        let claim = claim_path(&label.partition, label.position);
        let file = file_path(&label.partition, label.covered);
        match self.store.copy_if_not_exists(&claim, &file).await {
            Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            other => Ok(other.or_else(absent)?),
        }
    }

    /// Removes a claim that is settled, and what killed writers left in its place.
    async fn clear(&self, partition: &TopicPartition, position: i64) -> Result<(), ArchiveError> {
        self.store.delete(&claim_path(partition, position)).await.or_else(absent)?;
        self.sweep(partition, position + 1).await
    }

    /// Removes left-overs of killed writers at positions below `below`.
    async fn sweep(&self, partition: &TopicPartition, below: i64) -> Result<(), ArchiveError> {
        let folder = self.folder(partition).join(CLAIMS);
        blocking(move || sweep(&folder, below)).await?.map_err(|error| ArchiveError::Unavailable(error.to_string()))
    }

    /// Returns the files that hold `position` or an offset behind it.
    async fn reaching(&self, partition: &TopicPartition, position: i64) -> Result<Vec<Covered>, ArchiveError> {
        let from = prefix(partition).join(label::claim_name(position));
        let newer = self.store.list_with_offset(Some(&prefix(partition)), &from);
        let newer: Vec<ObjectMeta> = newer.try_collect().await?;
        Ok(newer.iter().filter_map(|file| label::covered_by(file.location.filename()?)).collect())
    }

    async fn claims(&self, partition: &TopicPartition) -> Result<Vec<i64>, ArchiveError> {
        let listed = self.store.list_with_delimiter(Some(&prefix(partition).join(CLAIMS))).await?;
        let mut claims: Vec<i64> =
            listed.objects.iter().filter_map(|claim| label::claimed_by(claim.location.filename()?)).collect();
        claims.sort_unstable();
        Ok(claims)
    }

    async fn covered(&self, partition: &TopicPartition) -> Result<Vec<Covered>, ArchiveError> {
        Ok(self.list(partition).await?.into_iter().map(|(covered, _)| covered).collect())
    }

    /// Lists the files in offset order. Whatever has another name is not ours.
    async fn list(&self, partition: &TopicPartition) -> Result<Vec<(Covered, ObjectMeta)>, ArchiveError> {
        let listed = self.store.list_with_delimiter(Some(&prefix(partition))).await?;
        let ours = |file: ObjectMeta| Some((label::covered_by(file.location.filename()?)?, file));
        let mut files: Vec<_> = listed.objects.into_iter().filter_map(ours).collect();
        files.sort_unstable_by_key(|(covered, _)| *covered);
        Ok(files)
    }

    /// Reads what a claim holds; `None` if it is not there any more.
    async fn claimed(&self, partition: &TopicPartition, position: i64) -> Result<Option<Label>, ArchiveError> {
        let path = claim_path(partition, position);
        let Some(label) = self.label(&path).await? else { return Ok(None) };
        if label.partition != *partition || label.position != position {
            return Err(corrupt(&path, format!("it says it is at {} of {}", label.position, label.partition)));
        }
        Ok(Some(label))
    }

    async fn newest(&self, partition: &TopicPartition, covered: Covered) -> Result<Label, ArchiveError> {
        let path = file_path(partition, covered);
        let label = self.label(&path).await?.ok_or_else(|| corrupt(&path, "it vanished".to_owned()))?;
        if label.partition != *partition || label.covered != covered {
            return Err(corrupt(&path, format!("it says it holds {} of {}", label.covered, label.partition)));
        }
        Ok(label)
    }

    async fn label(&self, path: &StorePath) -> Result<Option<Label>, ArchiveError> {
        let bytes = match self.store.get(path).await {
            Ok(found) => found.bytes().await?,
            Err(error) => return absent(error).map(|()| None).map_err(Into::into),
        };
        blocking(move || read::label(bytes)).await?.map(Some).map_err(|reason| corrupt(path, reason))
    }

    fn folder(&self, partition: &TopicPartition) -> PathBuf {
        self.root.join(&*partition.topic).join(partition.partition.to_string())
    }
}

// === where things lie ===

fn claim_path(partition: &TopicPartition, position: i64) -> StorePath {
    prefix(partition).join(CLAIMS).join(label::claim_name(position))
}

fn file_path(partition: &TopicPartition, covered: Covered) -> StorePath {
    prefix(partition).join(label::file_name(covered))
}

fn prefix(partition: &TopicPartition) -> StorePath {
    StorePath::from_iter([&*partition.topic, &partition.partition.to_string()])
}

// === what the store does not do ===

/// The store makes durable what it creates below the root, but not the root.
fn create_durably(root: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = root.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(root)?;
    for parent in missing.iter().filter_map(|folder| folder.parent()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

fn sweep(folder: &Path, below: i64) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let staged = entry.file_name();
        // The store writes to `<name>#<n>` before it links; it never lists such names.
        let position = staged.to_str().and_then(|name| label::claimed_by(name.split_once('#')?.0));
        if position.is_some_and(|position| position < below) {
            fs::remove_file(entry.path()).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
    }
    Ok(())
}

async fn encode(sealed: Arc<Sealed>) -> Result<Bytes, ArchiveError> {
    blocking(move || columns::encode(&sealed.batch, &sealed.label))
        .await?
        .map_err(|error| ArchiveError::Encode(error.to_string()))
}

/// Runs `work` where nobody waits for the thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ArchiveError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ArchiveError::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests;

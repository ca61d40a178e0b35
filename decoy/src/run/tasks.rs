//! What takes its time, beside the loop: looks at the archive, files being written, questions to the broker.
//!
//! At most one look or file a partition and turn, one tending and one pruning are under way.

use std::{future::Future, path::PathBuf, sync::Arc};

use bus::{Bus, TopicPartition};
use tokio::task::JoinSet;
use wire::Timestamp;

use crate::{
    Archive, ArchiveError,
    archive::{Published, Sealed, Survey},
};

/// What is under way. Dropping it lets go of all of it.
pub(super) struct Tasks {
    bus: Arc<dyn Bus>,
    root: PathBuf,
    under_way: JoinSet<Done>,
    tending: bool,
    pruning: bool,
}

/// What has ended.
pub(super) enum Done {
    /// A look at the archive.
    Surveyed { name: TopicPartition, turn: u64, survey: Result<Survey, ArchiveError> },
    /// An attempt to publish.
    Written { name: TopicPartition, turn: u64, written: Result<Published, ArchiveError> },
    /// The question where partitions end.
    Tended(Vec<(TopicPartition, i64)>),
    /// The removal of old files.
    Pruned(Result<u64, ArchiveError>),
}

// === impl Tasks ===

impl Tasks {
    pub(super) fn new(bus: Arc<dyn Bus>, root: PathBuf) -> Self {
        Self { bus, root, under_way: JoinSet::new(), tending: false, pruning: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Returns what ends next; waits for ever if nothing is under way. Cancel-safe.
    pub(super) async fn next(&mut self) -> Done {
        let done = match self.under_way.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
            None => std::future::pending().await,
        };
        match &done {
            Done::Tended(_) => self.tending = false,
            Done::Pruned(_) => self.pruning = false,
            Done::Surveyed { .. } | Done::Written { .. } => {}
        }
        done
    }

    pub(super) fn survey(&mut self, name: TopicPartition, turn: u64) {
        let root = self.root.clone();
        self.begin(async move {
            let survey = async { Archive::open(&root).await?.survey(&name).await }.await;
            Done::Surveyed { name, turn, survey }
        });
    }

    pub(super) fn write(&mut self, name: TopicPartition, turn: u64, sealed: Arc<Sealed>) {
        let root = self.root.clone();
        self.begin(async move {
            let written = async { Archive::open(&root).await?.publish(&sealed).await }.await;
            Done::Written { name, turn, written }
        });
    }

    pub(super) fn tend(&mut self, names: Vec<TopicPartition>) {
        if std::mem::replace(&mut self.tending, true) {
            return;
        }
        let bus = Arc::clone(&self.bus);
        self.begin(async move {
            let mut ends = Vec::with_capacity(names.len());
            for name in names {
                // A broker that cannot be asked now is asked again soon.
                if let Ok(span) = bus.span(&name).await {
                    ends.push((name, span.end));
                }
            }
            Done::Tended(ends)
        });
    }

    pub(super) fn prune(&mut self, names: Vec<TopicPartition>, before: Timestamp) {
        if std::mem::replace(&mut self.pruning, true) {
            return;
        }
        let root = self.root.clone();
        self.begin(async move {
            let pruned = async {
                let archive = Archive::open(&root).await?;
                let mut pruned = 0;
                for name in names {
                    pruned += archive.prune(&name, before).await?;
                }
                Ok(pruned)
            };
            Done::Pruned(pruned.await)
        });
    }

    fn begin(&mut self, work: impl Future<Output = Done> + Send + 'static) {
        self.under_way.spawn(work);
    }
}

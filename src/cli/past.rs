//! What a log holds of one rendezvous, for commands that look back over many requests.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::policies::{Definition, Recorded, Versions, rfc3339};
use anyhow::anyhow;
use bus::{Bus, Clock};

use super::{Failure, asking::Source, control::Reach, progress::Progress};
use crate::recordings::Recordings;

/// The requests of one rendezvous since some instant, and its versions.
pub(super) struct Past {
    bus: Arc<dyn Bus>,
    recordings: Recordings,
    /// All its versions; `None` if there are none.
    pub(super) versions: Option<Arc<Versions>>,
}

// === impl Past ===

impl Past {
    /// Opens the log that holds what was asked of `rendezvous` in the last `since`.
    pub(super) async fn open(reach: &Reach, rendezvous: &str, since: Duration) -> Result<Self, Failure> {
        if reach.bus_args().brokers().is_none() {
            return Err(Failure::Refused(anyhow!("name the log that the requests lie in with --brokers")));
        }
        let clock = Clock::system();
        match Source::open(reach, &clock, Some(rendezvous), None).await? {
            Source::Log { bus, rendezvous, versions, .. } => {
                Ok(Self { bus, recordings: Recordings { rendezvous, since: clock.now().before(since) }, versions })
            }
            Source::Door { .. } => Err(Failure::Refused(anyhow!("a process cannot be asked this, only a log"))),
        }
    }

    /// Shows every request to `see`, with the version that it was asked by, if that is known; that there is none is an error.
    pub(super) async fn read(&self, mut see: impl FnMut(&Recorded, Option<&Definition>)) -> Result<(), Failure> {
        let (mut progress, mut seen) = (Progress::new(), 0_u64);
        // A version is looked up once, not once a request.
        let mut known: HashMap<u64, Option<Arc<Definition>>> = HashMap::new();
        let see = |recorded: &Recorded| {
            seen += 1;
            let version = recorded.policy().map_or(0, |policy| policy.version);
            let asked_by = known.entry(version).or_insert_with(|| self.versions.as_ref()?.get(version));
            see(recorded, asked_by.as_deref());
        };
        let over = self.recordings.read(&*self.bus, see, |read, total| progress.show(read, total)).await;
        drop(progress);
        let over = over.map_err(|error| Failure::Failed(error.into()))?;
        if over > 0 {
            eprintln!("{over} requests were too many to hold and are left out: look less far back");
        }
        if seen == 0 {
            let (name, since) = (&self.recordings.rendezvous, rfc3339(self.recordings.since));
            return Err(Failure::Failed(anyhow!("there is no request in {name}.requests from {since} on")));
        }
        Ok(())
    }
}

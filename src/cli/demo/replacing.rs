//! `--then FILE`: half-way through, another version of the policy becomes live, and with it other models.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use control::{Follower, Outcome};
use policies::Definition;
use tokio::task::JoinHandle;
use wire::{Action, Apply};

use super::super::control::whoever_calls;

/// What becomes live, and after how many answers.
pub(super) struct Replacement {
    follower: Follower,
    next: Arc<Definition>,
    after: u64,
    applying: Option<JoinHandle<anyhow::Result<()>>>,
}

// === impl Replacement ===

impl Replacement {
    /// Reads the policy that takes `current`'s place after so many answers.
    pub(super) fn read(
        file: &Path,
        (current, folder): (&Definition, &Path),
        follower: Follower,
        after: u64,
    ) -> anyhow::Result<Self> {
        let (next, its_folder) = crate::app::load(file)?;
        if next.name() != current.name() {
            let (old, new) = (current.name(), next.name());
            bail!("{}: it is a policy of `{new}`, and `--then` needs another one of `{old}`", file.display());
        }
        if its_folder != folder {
            bail!("{}: it must lie beside the first policy, where paths of models begin", file.display());
        }
        Ok(Self { follower, next, after, applying: None })
    }

    /// Begins to apply it once there are as many answers.
    pub(super) fn on_answers(&mut self, answers: u64) {
        if answers < self.after || self.applying.is_some() {
            return;
        }
        let (follower, next) = (self.follower.clone(), Arc::clone(&self.next));
        self.applying = Some(tokio::spawn(async move {
            let name = next.name();
            let live = follower.now(name).map_or(0, |versions| versions.live().policy_ref.version);
            let action = Action::Apply(Apply::live(Arc::clone(&next.text), live));
            let change = follower.change(name, &whoever_calls(), "the demo's second half", action);
            match follower.publish(change).await.context("the second policy was not applied")? {
                Outcome::Done(_) => Ok(()),
                Outcome::Refused(refused) => bail!("the second policy was refused: {}", refused.sentence),
            }
        }));
    }

    /// Waits until it is live.
    pub(super) async fn done(self) -> anyhow::Result<()> {
        match self.applying {
            Some(applying) => applying.await.context("applying the second policy was broken off")?,
            None => Ok(()),
        }
    }
}

//! `--watch`: every save of a file becomes a version, until somebody else's does.
//!
//! The file is looked at ten times a second instead of being watched: that sees every way in which editors save, also
//! over network folders and in containers, and costs next to nothing. A text is applied once it was seen twice alike.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use control::Follower;
use wire::ApplyMode;

use super::{Manner, checked};
use crate::cli::{
    Failure,
    control::{CONFLICT, Control, conflict, told, whoever_calls},
};

/// How often the file is looked at; it is applied when it did not change for so long.
const EVERY: Duration = Duration::from_millis(100);

/// Applies `file` now and on every save. Mistakes are told and waited out; another person's change ends it.
pub(in crate::cli) async fn watch(control: &Control, file: &Path, manner: &Manner) -> Result<ExitCode, Failure> {
    let mut dealt_with = None;
    let mut newest = None;
    eprintln!("watching {}: each save is applied", file.display());
    loop {
        dealt_with = Some(settled(file, dealt_with).await);
        match once(control, file, manner, newest).await {
            Ok(Some((_, true))) => {
                eprintln!("somebody else changes this policy too, so {} is watched no more", file.display());
                return Ok(ExitCode::from(CONFLICT));
            }
            Ok(Some((version, false))) => newest = Some(version),
            Ok(None) => {}
            // The file will be saved again, the door will be opened again.
            Err(failure) => eprintln!("{failure}"),
        }
    }
}

/// Applies `file` on every save within the process that runs its policy, as long as that runs.
pub(in crate::cli) fn watch_inside(follower: Follower, file: PathBuf) {
    tokio::spawn(async move {
        let (author, message) = (whoever_calls(), format!("saved {}", file.display()));
        let manner = Manner { mode: ApplyMode::Live, author, message, dry_run: false, json: false };
        if let Err(failure) = watch(&Control::Log(follower), &file, &manner).await {
            eprintln!("{failure}");
        }
    });
}

/// Applies the file as it is; returns the newest version after that, and whether somebody else was first.
async fn once(
    control: &Control,
    file: &Path,
    manner: &Manner,
    newest: Option<u64>,
) -> Result<Option<(u64, bool)>, Failure> {
    let definition = checked(file)?;
    let Some(outcome) = manner.apply(control, &definition, newest).await? else {
        return Ok(newest.map(|newest| (newest, false)));
    };
    if !manner.json {
        told(definition.name(), &outcome, false)?;
    }
    if conflict(&outcome) {
        return Ok(Some((0, true)));
    }
    Ok(Some((control.view(definition.name()).await?.newest, false)))
}

/// Waits until the file says something else than `before` and stays so for a moment, and returns what.
async fn settled(file: &Path, before: Option<Seen>) -> Seen {
    let mut last = look(file);
    loop {
        tokio::time::sleep(EVERY).await;
        let seen = look(file);
        if seen == last && before.as_ref() != Some(&seen) {
            return seen;
        }
        last = seen;
    }
}

/// A file's text, or why there is none.
type Seen = Result<String, io::ErrorKind>;

fn look(file: &Path) -> Seen {
    std::fs::read_to_string(file).map_err(|error| error.kind())
}

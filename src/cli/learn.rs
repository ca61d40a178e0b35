//! `hedgerow learn NAME`: how often each executor was right, and what its vote should weigh.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use ::policies::{Definition, Learning, Truths};
use anyhow::{Context as _, anyhow};
use clap::Args;

use super::{Failure, control::Reach, duration, past::Past};

/// Learns weights.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow learn wine --truth labels.jsonl --since 24h --brokers kafka:9092\n\n\
    A line of the truth names a request by its caller's key, or by its `id`, and the value of\n\
    the right answer: {\"key\": \"row-1\", \"class\": 2}\n\
    Nothing changes by itself: paste what is learned, and `hedgerow apply`.\n\
    Fields of --json: docs/learn.md\n\n\
    Exit codes: 0 learned · 1 the log cannot be read, or holds no request\n            \
    2 refused (wrong arguments, a line that tells nothing)")]
pub(super) struct Learn {
    /// The rendezvous
    #[arg(value_name = "NAME")]
    name: String,

    /// What turned out to be true: one JSON object a line
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,

    /// How far to look back
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration::parse)]
    since: Duration,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

// === impl Learn ===

impl Learn {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        super::control::block_on(async {
            // A file that is not there is said before anybody is asked for anything.
            let file = open(&self.truth).map_err(Failure::Refused)?;
            let past = Past::open(&self.reach, &self.name, self.since).await?;
            let versions = past.versions.as_ref();
            let versions = versions.ok_or_else(|| anyhow!("there is no policy of `{}` in the log", self.name))?;
            let live = Arc::clone(versions.live());
            let truths = told(file, &self.truth, &live).map_err(Failure::Refused)?;
            let mut learning = Learning::new(live, truths);
            past.read(|recorded, _| learning.add(recorded)).await?;
            let lesson = learning.finish();
            if self.json {
                println!("{}", serde_json::to_string(&lesson).map_err(anyhow::Error::from)?);
            } else {
                print!("{lesson}");
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// Reads what turned out to be true from `path`, for the policy `live`.
pub(super) fn truths(path: &Path, live: &Arc<Definition>) -> anyhow::Result<Truths> {
    told(open(path)?, path, live)
}

fn told(file: File, path: &Path, live: &Arc<Definition>) -> anyhow::Result<Truths> {
    let truths = Truths::of(Arc::clone(live));
    let mut truths = truths.ok_or_else(|| anyhow!("{} has no `answer: {{ value: … }}`", live.policy_ref))?;
    for line in BufReader::new(file).lines() {
        truths.tell(&line.with_context(|| unreadable(path))?).with_context(|| path.display().to_string())?;
    }
    Ok(truths)
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| unreadable(path))
}

fn unreadable(path: &Path) -> String {
    format!("{}: cannot be read", path.display())
}

//! `hedgerow canary report NAME [CANARY]`: everything the comparison found.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use canary::Verdict;
use clap::{Args, ValueEnum};
use wire::ExecutorId;

use super::{
    super::{
        Failure,
        control::{Reach, block_on},
        duration,
    },
    reading::{Anew, Reports, canary},
};

/// Prints reports.
#[derive(Args, Debug)]
#[command(name = "report")]
#[command(after_help = "Examples:\n  \
    hedgerow canary report wine                               every canary, in words\n  \
    hedgerow canary report wine next --format html --out next.html\n  \
    hedgerow canary report wine --format markdown --out reports/    a file for each canary\n  \
    hedgerow canary report wine next --exit-code --brokers kafka:9092    to let a pipeline decide\n  \
    hedgerow canary report wine --truth labels.jsonl --since 7d --brokers kafka:9092    by what turned out to be true\n\n\
    What the verdicts mean and what they rest on: docs/canary.md; the fields of json: canary/report.schema.json\n\n\
    Exit codes: 0 printed · 1 failed · 2 wrong arguments; with --exit-code also 4 if one is worse, else 5 if one has \
    not enough evidence or cannot be compared")]
pub(super) struct ReportCommand {
    /// The rendezvous
    #[arg(value_name = "RENDEZVOUS")]
    rendezvous: String,

    /// The canary; every one of them when not given
    #[arg(value_name = "CANARY")]
    canary: Option<String>,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write it to this file; into a folder (that is there, or whose name ends with `/`) a file `canary-NAME` for each
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    /// What turned out to be true, as for `hedgerow learn`: compare the log anew, and judge by it too
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,

    /// Compare so much of the log anew, instead of what the station counted; 24h with --truth when not given
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    since: Option<Duration>,

    /// Say the verdict by the exit code
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    reach: Reach,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal
    Text,
    /// All fields
    Json,
    /// For a pull request
    Markdown,
    /// One file with charts, for everybody
    Html,
}

/// So far back truths are looked for.
const DAY: Duration = Duration::from_hours(24);

// === impl ReportCommand ===

impl ReportCommand {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        block_on(async {
            let mut reports = Reports::open(&self.reach, &self.rendezvous).await?;
            if self.truth.is_some() || self.since.is_some() {
                let since = self.since.unwrap_or(DAY);
                reports.compare_anew(&Anew { since, truth: self.truth.as_deref() }).await?;
            }
            let canaries = match &self.canary {
                Some(name) => vec![canary(name)?],
                None => all(&reports).await?,
            };
            let folder = self.out.as_deref().filter(|out| is_folder(out));
            if canaries.len() > 1 && self.out.is_some() && folder.is_none() {
                let hint = "name one of them, or a folder: --out reports/";
                return Err(Failure::Refused(anyhow!("{} canaries do not go into one file: {hint}", canaries.len())));
            }
            let mut verdicts = Vec::new();
            for canary in &canaries {
                let report = reports.report(canary).await?;
                let told = reports.rendered(&report, self.format).await?;
                match (folder, &self.out) {
                    (Some(folder), _) => {
                        fs::create_dir_all(folder).with_context(|| format!("{}: no folder", folder.display()))?;
                        let file = format!("canary-{canary}.{}", self.format.ending());
                        write(&folder.join(file), &told)?;
                    }
                    (None, Some(file)) => write(file, &told)?,
                    (None, None) => println!("{}", told.trim_end()),
                }
                verdicts.push(report.verdict);
            }
            Ok(if self.exit_code { exit_code(&verdicts) } else { ExitCode::SUCCESS })
        })
    }
}

/// Returns every canary there is; that there is none is an error.
pub(super) async fn all(reports: &Reports) -> Result<Vec<ExecutorId>, Failure> {
    let listed = reports.list().await?;
    if listed.is_empty() {
        let hint = "`canary: { of: NAME }` makes an executor one";
        return Err(Failure::Failed(anyhow!("`{}` has no canary: {hint}", reports.rendezvous)));
    }
    listed.iter().map(|one| canary(&one.canary)).collect()
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/')
}

fn write(file: &Path, told: &str) -> anyhow::Result<()> {
    fs::write(file, told).with_context(|| format!("{}: cannot be written", file.display()))?;
    eprintln!("{}", file.display());
    Ok(())
}

/// Returns what the verdicts come to as an exit code: the worst of them.
pub(super) fn exit_code(verdicts: &[Verdict]) -> ExitCode {
    let code = |verdict: &Verdict| match verdict {
        Verdict::Better | Verdict::NoWorse => (0, 0),
        Verdict::NotEnoughEvidence | Verdict::NotComparable => (1, 5),
        Verdict::Worse => (2, 4),
    };
    ExitCode::from(verdicts.iter().map(code).max().map_or(0, |(_, code)| code))
}

// === impl Format ===

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Json => "json",
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }
}

//! `hedgerow canary watch NAME`: how the comparison goes on, until its end or until somebody has seen enough.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use canary::{Report, Verdict};
use clap::Args;
use wire::ExecutorId;

use super::{
    super::{
        Failure,
        control::{Reach, block_on},
        duration, screen,
    },
    reading::{Reports, canary},
    report::{all, exit_code},
};

/// Shows reports as they grow.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    hedgerow canary watch wine                        every canary, until Ctrl-C\n  \
    hedgerow canary watch wine next --until-verdict   until it is known how it does\n\n\
    In a terminal the report is shown anew; elsewhere a line is printed for each change.\n\n\
    Exit codes: 0 seen enough · 1 failed · 2 wrong arguments; with --until-verdict also 4 if one is worse, else 5 if one \
    cannot be compared")]
pub(super) struct Watch {
    /// The rendezvous
    #[arg(value_name = "RENDEZVOUS")]
    rendezvous: String,

    /// The canary; every one of them when not given
    #[arg(value_name = "CANARY")]
    canary: Option<String>,

    /// Stop as soon as there is evidence enough about all that are watched
    #[arg(long)]
    until_verdict: bool,

    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration::parse)]
    every: Duration,

    #[command(flatten)]
    reach: Reach,
}

/// Where what is seen is shown.
enum Screen {
    Terminal,
    /// A line for each change; remembers what was printed of each canary.
    Lines(Vec<String>),
}

/// Nobody reads faster.
const EVERY_MIN: Duration = Duration::from_millis(100);

// === impl Watch ===

impl Watch {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        block_on(async {
            let reports = Reports::open(&self.reach, &self.rendezvous).await?;
            let canaries = match &self.canary {
                Some(name) => vec![canary(name)?],
                None => all(&reports).await?,
            };
            tokio::select! {
                seen = self.watch(&reports, &canaries) => seen,
                stopped = tokio::signal::ctrl_c() => {
                    stopped.context("Ctrl-C cannot be heard")?;
                    Ok(ExitCode::SUCCESS)
                }
            }
        })
    }

    async fn watch(&self, reports: &Reports, canaries: &[ExecutorId]) -> Result<ExitCode, Failure> {
        let mut screen = Screen::new();
        loop {
            let mut seen = Vec::new();
            for canary in canaries {
                seen.push(reports.report(canary).await?);
            }
            screen.show(&seen)?;
            let verdicts: Vec<Verdict> = seen.iter().map(|report| report.verdict).collect();
            if self.until_verdict && !verdicts.contains(&Verdict::NotEnoughEvidence) {
                return Ok(exit_code(&verdicts));
            }
            tokio::time::sleep(self.every.max(EVERY_MIN)).await;
        }
    }
}

// === impl Screen ===

impl Screen {
    fn new() -> Self {
        if io::stdout().is_terminal() { Self::Terminal } else { Self::Lines(Vec::new()) }
    }

    fn show(&mut self, reports: &[Report]) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Terminal => {
                let texts: Vec<String> =
                    reports.iter().map(|report| pages::canary::text(report, screen::width())).collect();
                screen::draw(&mut out, &texts.join("\n"))
            }
            Self::Lines(printed) => {
                let lines: Vec<String> = reports.iter().map(line).collect();
                let news: Vec<&str> = lines.iter().filter(|line| !printed.contains(line)).map(String::as_str).collect();
                let written = write!(out, "{}", news.concat());
                *printed = lines;
                written.and_then(|()| out.flush())
            }
        }
        .context("the output cannot be written")
    }
}

fn line(report: &Report) -> String {
    let Report { canary, reference, verdict, because, requests, .. } = report;
    format!("{canary} beside {reference}: {} after {} pairs: {because}\n", verdict.word(), requests.compared)
}

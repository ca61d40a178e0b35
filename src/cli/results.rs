//! `hedgerow results NAME`: the results of a rendezvous, each once, as the reader rule tells them.

use std::{
    fmt::Display,
    io::{self, BufWriter, ErrorKind, IsTerminal as _, Stdout, Write as _},
    ops::ControlFlow,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use bus::Clock;
use clap::Args;
use wire::{RendezvousName, Timestamp, Topics};

use super::{Failure, asking, control::Reach, duration, progress::Progress};
use crate::results::{Results, Wanted};

/// Prints results.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Debug)]
#[command(name = "results")]
#[command(after_help = "Examples:\n  \
    hedgerow results wine --brokers kafka:9092\n  \
    hedgerow results wine --brokers kafka:9092 --since 1h --json | jq .answer\n  \
    hedgerow results wine --at http://localhost:8080 --follow\n\n\
    How to read results in other languages, and fields of --json: docs/results.md\n\n\
    Exit codes: 0 printed, be it nothing, or stopped by Ctrl-C · 1 the log cannot be read · 2 refused")]
pub(super) struct ResultsCommand {
    /// The rendezvous
    #[arg(value_name = "NAME")]
    name: String,

    /// How far to look back
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    since: Duration,

    /// Look back to the oldest result that the log holds
    #[arg(long, conflicts_with = "since")]
    from_beginning: bool,

    /// Go on with the results to come, until Ctrl-C
    #[arg(long, short)]
    follow: bool,

    /// End after so many lines
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Show what is no result too, with the reason: void records, repeats, take-overs, garbage
    #[arg(long)]
    all: bool,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// Where lines go, until it has enough of them.
struct Printer {
    out: BufWriter<Stdout>,
    /// How many more may be printed.
    left: u64,
    printed: bool,
}

// === impl ResultsCommand ===

impl ResultsCommand {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let name = super::control::rendezvous(&self.name)?;
        super::control::block_on(async {
            tokio::select! {
                done = self.print(name) => done?,
                interrupted = tokio::signal::ctrl_c() => interrupted.context("Ctrl-C cannot be heard")?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn print(&self, name: RendezvousName) -> Result<(), Failure> {
        let mut printer = Printer::new(self.limit);
        let ended = if self.reach.bus_args().brokers().is_some() {
            self.over_the_log(name, &mut printer).await?
        } else {
            self.over_http(&name, &mut printer).await?
        };
        if ended.is_continue() && !printer.printed {
            eprintln!("there is no result of {} {}", self.name, self.looked());
        }
        Ok(())
    }

    async fn over_the_log(&self, name: RendezvousName, printer: &mut Printer) -> Result<ControlFlow<()>, Failure> {
        let clock = Clock::system();
        let bus = self.reach.bus_args().open(&clock).map_err(Failure::Refused)?;
        let since = if self.from_beginning { Timestamp::EPOCH } else { clock.now().before(self.since) };
        let topic = Topics::of(&name).results;
        let wanted = Wanted { rendezvous: name, since, follow: self.follow, all: self.all, after: None };
        let unread = || format!("cannot read {topic} on {}", bus.describe());
        let mut results = Results::open(&*bus, wanted).await.with_context(unread)?;
        // Where lines are seen to come there is no need of a bar, and no room.
        let mut progress = (!self.follow && !io::stdout().is_terminal()).then(Progress::new);
        while let Some(lines) = results.next().await.with_context(unread)? {
            for line in &lines {
                let shown = if self.json { printer.line(line.json()) } else { printer.line(line) };
                if shown?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if printer.flush()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if let Some(progress) = &mut progress {
                let (read, total) = results.progress();
                progress.show(read, total);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn over_http(&self, name: &RendezvousName, printer: &mut Printer) -> Result<ControlFlow<()>, Failure> {
        let mut query = vec![("follow", self.follow.to_string()), ("all", self.all.to_string())];
        if !self.from_beginning {
            query.push(("since_s", self.since.as_secs_f64().ceil().to_string()));
        }
        let media = if self.json { "application/x-ndjson" } else { "text/plain" };
        let mut response = asking::open(self.reach.at(), &["control", name.as_str(), "results"], &query, media).await?;
        let mut begun = Vec::new();
        let cut = || anyhow!("{} ended in the middle: look there for why", self.reach.at());
        while let Some(bytes) = response.chunk().await.map_err(|_| cut())? {
            begun.extend_from_slice(&bytes);
            let Some(end) = begun.iter().rposition(|byte| *byte == b'\n') else { continue };
            let lines: Vec<u8> = begun.drain(..=end).collect();
            for line in String::from_utf8_lossy(&lines).lines() {
                if printer.line(line)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if printer.flush()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Says from when on was looked.
    fn looked(&self) -> String {
        if self.from_beginning {
            return "in the log".to_owned();
        }
        format!("of the last {:?}: look further back with --since, or --from-beginning", self.since)
    }
}

// === impl Printer ===

impl Printer {
    fn new(limit: Option<u64>) -> Self {
        Self { out: BufWriter::new(io::stdout()), left: limit.unwrap_or(u64::MAX), printed: false }
    }

    /// Prints a line, unless enough are printed; breaks with the last one.
    fn line(&mut self, line: impl Display) -> anyhow::Result<ControlFlow<()>> {
        if self.left == 0 {
            return Ok(ControlFlow::Break(()));
        }
        (self.left, self.printed) = (self.left - 1, true);
        let written = writeln!(self.out, "{line}");
        match heard(written)? {
            ControlFlow::Continue(()) if self.left == 0 => self.flush().map(|_| ControlFlow::Break(())),
            written => Ok(written),
        }
    }

    fn flush(&mut self) -> anyhow::Result<ControlFlow<()>> {
        heard(self.out.flush())
    }
}

/// Whoever reads may go away when he has seen enough: `| head`.
fn heard(written: io::Result<()>) -> anyhow::Result<ControlFlow<()>> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        written => written.context("the output cannot be written").map(ControlFlow::Continue),
    }
}

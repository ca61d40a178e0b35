//! `hedgerow alerts test|list`: whether receivers of alerts take them, and what is wrong now.

use std::{process::ExitCode, sync::Arc, time::Instant};

use alarms::{Answer, Condition, Kind, Notice, Severity, Word};
use anyhow::Context as _;
use bus::Clock;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets::NOTHING};
use policies::rfc3339;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use wire::Timestamp;

use super::{
    Failure, asking,
    control::{Control, Reach, block_on},
};
use crate::{
    alerting::{AlertArgs, Alerts, Courier, Looks, WantedAlerts, Watch},
    lagging::Lagging,
    measuring::Measuring,
};

/// Tries receivers, and lists what is wrong.
#[derive(Args, Debug)]
pub(super) struct AlertsCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Send one notification to each receiver that is named, and say what it answers
    Test(Test),
    /// Show what is wrong now, whether anybody was told of it or not
    List(List),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow alerts test --alert-webhook http://localhost:9093/hedgerow\n  \
    HEDGEROW_ALERT_SLACK=https://hooks.slack.com/… hedgerow alerts test\n  \
    hedgerow alerts test --alert-slack @slack.url --json\n\n\
    --json prints a list: [{receiver, host, taken, said, took_ms}]\n\n\
    Exit codes: 0 each has taken it · 1 one has not · 2 nobody is named, or an address is none")]
struct Test {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    alerts: AlertArgs,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  hedgerow alerts list                              of the process at localhost:8080\n  \
    hedgerow alerts list --brokers kafka:9092         of every rendezvous there is\n  \
    hedgerow alerts list --json | jq '.conditions[].summary'\n\n\
    --json prints {at_us, conditions: [{kind, rendezvous, subject, severity, since_us, summary, path}], unseen: \
    [{kind, rendezvous}]}, as GET /api/v1/alerts does\n\n\
    Exit codes: 0 shown, whatever is wrong · 1 failed · 2 wrong arguments"
)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// What a receiver answered.
#[derive(Serialize)]
struct Tried {
    receiver: String,
    host: String,
    taken: bool,
    said: String,
    took_ms: u128,
}

// === impl AlertsCommand ===

impl AlertsCommand {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        match &self.command {
            Command::Test(test) => test.run(),
            Command::List(list) => list.run(),
        }
    }
}

// === impl Test ===

impl Test {
    fn run(&self) -> Result<ExitCode, Failure> {
        let wanted = self.alerts.wanted().map_err(Failure::Refused)?;
        if wanted.receivers.is_empty() {
            return Err(Failure::Refused(WantedAlerts::nobody()));
        }
        block_on(async {
            let (courier, notice) = (Courier::new(wanted.console)?, notice(Clock::system().now()));
            let mut tried = Vec::new();
            for receiver in &wanted.receivers {
                let began = Instant::now();
                let attempt = courier.send(receiver, &notice).await;
                tried.push(Tried {
                    receiver: receiver.name.clone(),
                    host: receiver.host(),
                    taken: attempt.answer == Answer::Taken,
                    said: attempt.said,
                    took_ms: began.elapsed().as_millis(),
                });
            }
            if self.json {
                println!("{}", serde_json::to_string_pretty(&tried).map_err(anyhow::Error::from)?);
            } else {
                tried.iter().for_each(Tried::print);
            }
            Ok(if tried.iter().all(|one| one.taken) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

/// Returns what receivers are sent to see whether they take it.
fn notice(at: Timestamp) -> Notice {
    let condition = Condition {
        kind: Kind::BreakerOpen,
        rendezvous: None,
        subject: "test".to_owned(),
        severity: Severity::Info,
        since_us: at.as_micros(),
        summary: "a test by `hedgerow alerts test`: nothing is wrong".to_owned(),
        path: "/health".to_owned(),
    };
    Notice { word: Word::Fires, condition, at }
}

// === impl Tried ===

impl Tried {
    fn print(&self) {
        let Self { receiver, host, said, took_ms, .. } = self;
        let taken = if self.taken { "has taken it" } else { "has not taken it" };
        println!("{receiver} at {host} {taken}: {said} ({took_ms} ms)");
    }
}

// === impl List ===

impl List {
    fn run(&self) -> Result<ExitCode, Failure> {
        block_on(async {
            let alerts = self.alerts().await?;
            if self.json {
                println!("{}", serde_json::to_string_pretty(&alerts).map_err(anyhow::Error::from)?);
            } else {
                print!("{}", shown(&alerts));
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn alerts(&self) -> Result<Alerts, Failure> {
        match self.reach.open().await? {
            Control::Log(follower) => {
                let clock = Clock::system();
                let bus = self.reach.bus_args().open(&clock).map_err(Failure::Refused)?;
                let stop = CancellationToken::new();
                let measuring = Arc::new(Measuring::new(Arc::clone(&bus), clock.clone(), stop));
                let lagging = Arc::new(Lagging::new(Arc::clone(&bus), clock.clone()));
                Ok(Alerts::of(&Watch::new(Looks { bus, clock, follower, measuring, lagging })).await)
            }
            Control::Door { client, at } => {
                let text = asking::get(&client, &at, &["api", "v1", "alerts"], &[], "application/json").await?;
                let unread = || format!("{at} does not answer as this version of hedgerow does");
                Ok(serde_json::from_str(&text).with_context(unread)?)
            }
        }
    }
}

fn shown(alerts: &Alerts) -> String {
    let mut text = String::new();
    if alerts.conditions.is_empty() {
        text.push_str("nothing is wrong\n");
    } else {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.add_rows(alerts.conditions.iter().map(|condition| {
            let of = condition.rendezvous.as_deref().unwrap_or("-").to_owned();
            let since = format!("since {}", rfc3339(Timestamp::from_micros(condition.since_us)));
            [condition.severity.as_str().to_owned(), of, condition.kind.to_string(), condition.summary.clone(), since]
        }));
        text = table.trim_fmt() + "\n";
    }
    text.extend(alerts.unseen.iter().map(|unseen| {
        let of = unseen.rendezvous.as_deref().unwrap_or("-");
        format!("not known now: {} of {of}\n", unseen.kind)
    }));
    text
}

//! `hedgerow canary self-test`: canaries that hang, are slow and crash, and what became of the results meanwhile.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use bus::Clock;
use canary::Interval;
use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    cli::Failure,
    self_test::{KindTold, SelfTest as Test, Shown, TimeTold},
    settings::BusArgs,
};

/// Shows that canaries change nothing: asks without one, and with canaries that hang, are slow and crash.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow canary self-test\n  \
    hedgerow canary self-test --rate 1000 --seconds 300 --brokers localhost:9092\n  \
    hedgerow canary self-test wine.yaml --payload 1000000\n\n\
    Blocks of the same requests follow each other: without a canary, with one that hangs, without, with one that is\n\
    slow, and so on; each is an edit of one rendezvous that runs, under a name of its own.\n\
    How it is judged, and the fields of --json: docs/canary.md\n\n\
    Exit codes: 0 the canaries changed nothing · 1 they did, or it could not be tried · 2 refused")]
pub(super) struct SelfTest {
    /// The policy to try it on, with the models it names; a small one with servers of its own, when not given
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// How many requests a second
    #[arg(long, default_value_t = 200, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,

    /// How long to ask in all
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,

    /// How often each kind of canary has its turn
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,

    /// How many bytes every eighth request has, and every answer of a canary that says much
    #[arg(long, default_value_t = 65_536, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    payload: u32,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    bus: BusArgs,
}

// === impl SelfTest ===

impl SelfTest {
    pub(in crate::cli) fn run(&self) -> Result<ExitCode, Failure> {
        let clock = Clock::system();
        let bus = self.bus.open(&clock).map_err(Failure::Refused)?;
        let test = self.test()?;
        let bar = self.bar();
        let progress = |done: usize, all: usize| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        };
        let shown = crate::cli::runtime()?.block_on(test.run(bus, clock, progress))?;
        bar.finish_and_clear();
        if self.json {
            println!("{}", serde_json::to_string(&shown).map_err(anyhow::Error::from)?);
        } else {
            print!("{}", page(&shown));
        }
        Ok(ExitCode::from(u8::from(shown.changed)))
    }

    fn test(&self) -> Result<Test, Failure> {
        let policy = match &self.file {
            Some(file) => {
                // Every mistake in it is told with its place before anything is started.
                let (definition, folder) = crate::cli::load(file)?;
                Some((definition.text.to_string(), folder))
            }
            None => None,
        };
        Ok(Test {
            policy,
            rate: self.rate,
            length: Duration::from_secs(self.seconds.into()),
            rounds: self.rounds,
            payload: usize::try_from(self.payload).context("the payload is too large").map_err(Failure::Refused)?,
            partitions: self.bus.partitions,
        })
    }

    fn bar(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:30} block {pos} of {len}, {elapsed}");
        let bar = if self.json { ProgressBar::hidden() } else { ProgressBar::new(1) };
        bar.with_style(style.expect("the template is a constant"))
    }
}

/// Returns what people read.
fn page(shown: &Shown) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["canaries", "requests", "same result", "p50", "p99", "p99 against none"]);
    for kind in &shown.kinds {
        table.add_row(row(kind));
    }
    let (audit, noise) = (&shown.audit, shown.kinds.first().map_or(0.0, |without| without.p99.noise));
    let differing: String = shown
        .kinds
        .iter()
        .flat_map(|kind| kind.differing.iter().map(move |one| (kind, one)))
        .fold(String::new(), |text, (kind, one)| format!("{text}{}: {one}\n", kind.kind.told()));
    format!(
        "{}\n\n{}\n\nblocks without a canary differ from each other by {noise:.2} ms in p99: that is the noise\n\
         audit: {} requests accepted, {} results, {} missing, {} second\n{differing}{} a second over {}, as `{}`\n",
        shown.verdict,
        table.trim_fmt(),
        audit.accepted,
        audit.results,
        audit.missing,
        audit.second,
        shown.rate,
        shown.bus,
        shown.rendezvous,
    )
}

fn row(kind: &KindTold) -> [String; 6] {
    let is_first = kind.canaries == 0;
    let against = if is_first { String::new() } else { against(kind.p99) };
    let ms = |time: TimeTold| time.ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.2} ms"));
    let same = format!("{} of {}", kind.same, kind.requests);
    [kind.kind.told().to_owned(), kind.requests.to_string(), same, ms(kind.p50), ms(kind.p99), against]
}

fn against(time: TimeTold) -> String {
    let Interval { low: Some(low), high: Some(high) } = time.difference else { return "too few requests".to_owned() };
    let word = if low > time.noise { "slower" } else { "within noise" };
    format!("{low:+.2} to {high:+.2} ms, {word}")
}

#[cfg(test)]
mod tests {
    use crate::self_test::{AuditTold, Kind};

    use super::*;

    fn told(kind: Kind, canaries: usize, p99: f64, high: Option<f64>) -> KindTold {
        let interval = |low, high| Interval { low: Some(low), high };
        let time = |ms: f64| TimeTold {
            ms: Some(ms),
            interval: interval(ms - 0.5, high.map(|high| ms + high)),
            difference: interval(p99 - 11.0, high),
            noise: 1.25,
        };
        let changed = if p99 > 12.25 { vec!["p99"] } else { Vec::new() };
        let differing_share = Interval { low: Some(0.0), high: Some(0.004) };
        let (p50, p99) = (time(4.5), time(p99));
        KindTold {
            kind,
            canaries,
            requests: 1_500,
            same: 1_500,
            differing: Vec::new(),
            differing_share,
            p50,
            p99,
            changed,
        }
    }

    fn shown(kinds: Vec<KindTold>) -> Shown {
        let audit = AuditTold { ok: true, accepted: 4_500, results: 4_500, missing: 0, second: 0 };
        let test =
            Test { policy: None, rate: 200, length: Duration::from_mins(1), rounds: 3, payload: 65_536, partitions: 4 };
        test.shown(kinds, audit, "the embedded bus", &wire::RendezvousName::new("canary-self-test-1").unwrap())
    }

    #[test]
    fn what_people_read() {
        let kinds = |p99, high| {
            let hangs = told(Kind::Hangs, 1, 11.2, Some(0.8));
            shown(vec![told(Kind::Without, 0, 11.0, Some(0.4)), hangs, told(Kind::Ten, 10, p99, high)])
        };
        insta::assert_snapshot!("self_test_nothing_changed", page(&kinds(10.9, Some(0.9))));
        insta::assert_snapshot!("self_test_p99_changed", page(&kinds(14.0, Some(4.2))));
        insta::assert_snapshot!("self_test_too_few", page(&kinds(11.0, None)));
    }
}

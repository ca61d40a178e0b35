//! Faults on a real Kafka: processes are killed, stopped and rolled under load, and what is left is audited.
//!
//! [`run`] makes one row of the table: it starts a broker and the stations of one rendezvous, each a process of the real
//! binary, lets callers ask at a steady rate whatever becomes of the answers, does harm, waits until all is answered,
//! stops every station as a supervisor would, and reads the topics and the archive.
//!
//! A row is *ok* if each accepted request has exactly one result, if whatever callers were told is in the log, and if
//! the archive, and what is sealed, hold each once. Times are told, and judged only where a row is about them.

mod archive;
mod audit;
mod deployment;
mod fault;
mod load;
mod log;
mod row;
mod sealed;

use std::{
    cmp::Reverse,
    fmt,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use bus::{Clock, KafkaBus, KafkaSettings};
use wire::Timestamp;

use crate::{
    audit::Audit,
    deployment::{Deployment, Order, Role},
    load::Load,
    log::{Log, Silence},
};
pub use crate::{
    fault::Fault,
    row::{Row, table},
};

/// How a row is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `hedgerow` binary.
    pub binary: PathBuf,
    /// Requests a second.
    pub rate: u32,
    /// How often a station is killed; what takes longer is done in proportion.
    pub kills: u32,
    /// How long a storm lasts.
    pub storm: Duration,
    /// How long a collector is stopped in its tracks.
    pub pause: Duration,
    /// How long an answer may take.
    pub budget: Duration,
    /// Whether a row that is about time is judged by it: not on a machine that does something else beside.
    pub on_time: bool,
    /// Whether what the processes said is kept, though all went well.
    pub keep: bool,
}

/// A broker that has just started compiles what it does most, and is slow meanwhile: where time is judged, the harm and the
/// counting of what came late begin so much later.
const WARM_UP: Duration = Duration::from_secs(15);

/// The load goes on for so long before and after the harm.
const CALM: Duration = Duration::from_secs(2);

/// So soon another collector serves what a killed one served.
const RECOVERY: Duration = Duration::from_secs(1);

/// So many missed deadlines are told one by one.
const TOLD: usize = 10;
/// So many silences of partitions are told, the longest ones.
const SILENCES: usize = 5;

/// Makes one row of what `faults` do, one after the other; tells on stderr what is done.
pub fn run(faults: &[Fault], settings: &Settings) -> anyhow::Result<Row> {
    let said = Progress::of(faults);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    said.line("starting the broker and the stations");
    let mut deployment = Deployment::start(&settings.binary, faults, settings.budget)?;
    let outcome = suffer(faults, settings, &mut deployment, &runtime, &said);
    if settings.keep || !matches!(&outcome, Ok(row) if row.ok) {
        said.line(format_args!("what the broker and the stations said is in {}", deployment.keep().display()));
    }
    outcome
}

fn suffer(
    faults: &[Fault],
    settings: &Settings,
    deployment: &mut Deployment,
    runtime: &tokio::runtime::Runtime,
    said: &Progress,
) -> anyhow::Result<Row> {
    let clock = Clock::system();
    let bus = runtime.block_on(async { KafkaBus::connect(KafkaSettings::new(deployment.brokers())) })?;
    let load = runtime.block_on(Load::start(settings.rate, deployment, &bus))?;
    if settings.on_time {
        said.line(format_args!("{} requests a second, until all is warm", settings.rate));
        thread::sleep(WARM_UP);
        // A broker that has never moved a partition takes several times as long over it.
        for _ in 0..deployment.count(Role::Collector) {
            deployment.replace_oldest(Role::Collector, Order::SuccessorFirst)?;
        }
    }
    let (began, warm) = (clock.now(), Instant::now());
    said.line(format_args!("{} requests a second; the harm begins", settings.rate));
    thread::sleep(CALM);
    let mut strikes = Vec::new();
    for fault in faults {
        let struck = fault.strike(settings, deployment, &clock)?;
        said.line(format_args!("{fault}: struck {} times", struck.len()));
        strikes.extend(struck);
    }
    thread::sleep(CALM);
    let ended = clock.now();
    let callers = runtime.block_on(load.stop(warm))?;
    said.line(format_args!("{} requests asked; auditing", callers.asked));

    // It waits for what is due; what came by then is what the processes wrote, and nothing that a stop finishes.
    let mut problems: Vec<String> = Audit::of(deployment)?.problem().into_iter().collect();
    let seals = deployment.count(Role::Sealer) > 0;
    if seals {
        let log = runtime.block_on(Log::read(&bus, deployment.name()))?;
        sealed::catch_up(deployment, &log)?;
    }
    said.line("stopping the stations");
    problems.extend(deployment.stop_all());
    said.line("auditing what is left");
    let audit = Audit::of(deployment)?;
    let log = runtime.block_on(Log::read(&bus, deployment.name()))?;
    if seals {
        problems.extend(sealed::problem(deployment, &log)?);
    }
    problems.extend(audit.problem());
    problems.extend(log.unknown_to(&callers));
    problems.extend(archive::problem(deployment.folder(), &log.offsets)?);
    let missed = log.missed(began);
    for silence in longest(log.silences(&(began..ended))) {
        let Silence { partition, from, lasted } = silence;
        let (after, strike) = since_strike(&strikes, from);
        said.line(format_args!(
            "partition {partition} was silent for {lasted:?} from {} on, {after:?} after strike {strike}",
            humantime::format_rfc3339_millis(from.into())
        ));
    }
    let mut row = Row::new(faults, &strikes, &callers, &audit, (&log, missed.len()), began..ended);
    if settings.on_time
        && let [fault] = faults
    {
        problems.extend(untimely(*fault, &row, &strikes, &missed));
    }
    row.ok = problems.is_empty();
    row.problems = problems;
    said.line(if row.ok { "ok" } else { "NOT OK" });
    row.problems.iter().for_each(|problem| said.line(problem));
    Ok(row)
}

/// Says what took too long, where a row is about that.
fn untimely(fault: Fault, row: &Row, strikes: &[Timestamp], missed: &[(Timestamp, Duration)]) -> Option<String> {
    if fault == Fault::Recovery && row.outage_ms_p99 > RECOVERY.as_millis().try_into().unwrap_or(u64::MAX) {
        return Some(format!("a partition had no result for {} ms after a kill", row.outage_ms_p99));
    }
    if fault != Fault::RollCollectors || missed.is_empty() {
        return None;
    }
    let when = |(at, late): &(Timestamp, Duration)| {
        let (after, strike) = since_strike(strikes, *at);
        format!("{after:?} after strike {strike} by {late:?}")
    };
    let each: Vec<String> = missed.iter().map(when).take(TOLD).collect();
    let count = missed.len();
    Some(format!("{count} deadlines were missed while nothing but collectors was replaced: {}", each.join(", ")))
}

/// Returns how long before `at` the last strike was, and which one that was.
fn since_strike(strikes: &[Timestamp], at: Timestamp) -> (Duration, usize) {
    let strike = strikes.iter().filter(|strike| **strike <= at).count();
    (strike.checked_sub(1).map_or(Duration::ZERO, |last| at.since(strikes[last])), strike)
}

/// Returns the longest of `silences`, of which there may be very many.
fn longest(mut silences: Vec<Silence>) -> Vec<Silence> {
    silences.sort_unstable_by_key(|silence| Reverse(silence.lasted));
    silences.truncate(SILENCES);
    silences
}

/// Tells on stderr what is done, and since when.
struct Progress {
    row: String,
    began: Instant,
}

impl Progress {
    fn of(faults: &[Fault]) -> Self {
        Self { row: row::name(faults), began: Instant::now() }
    }

    fn line(&self, what: impl fmt::Display) {
        eprintln!("{:>5.1} s  {}: {what}", self.began.elapsed().as_secs_f64(), self.row);
    }
}

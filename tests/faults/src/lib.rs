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

use std::{path::PathBuf, thread, time::Duration};

use bus::{Clock, KafkaBus, KafkaSettings};

use crate::{
    audit::Audit,
    deployment::{Deployment, Role},
    load::Load,
    log::Log,
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
}

/// The load goes on for so long before and after the harm.
const CALM: Duration = Duration::from_secs(2);

/// Makes one row; tells on stderr what is done.
pub fn run(fault: Fault, settings: &Settings) -> anyhow::Result<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut deployment = Deployment::start(&settings.binary, fault, settings.budget)?;
    let outcome = suffer(fault, settings, &mut deployment, &runtime);
    if !matches!(&outcome, Ok(row) if row.ok) {
        eprintln!("{fault}: what the broker and the stations said is in {}", deployment.keep().display());
    }
    outcome
}

fn suffer(
    fault: Fault,
    settings: &Settings,
    deployment: &mut Deployment,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<Row> {
    let clock = Clock::system();
    let bus = runtime.block_on(async { KafkaBus::connect(KafkaSettings::new(deployment.brokers())) })?;
    let load = runtime.block_on(Load::start(settings.rate, deployment, &bus))?;
    let began = clock.now();
    eprintln!("{fault}: {} requests a second; the harm begins", settings.rate);
    thread::sleep(CALM);
    let strikes = fault.strike(settings, deployment, &clock)?;
    thread::sleep(CALM);
    let ended = clock.now();
    let callers = runtime.block_on(load.stop())?;
    eprintln!("{fault}: struck {} times, {} requests asked; settling", strikes.len(), callers.asked);

    // It waits for what is due; what came by then is what the processes wrote, and nothing that a stop finishes.
    let mut problems: Vec<String> = Audit::of(deployment)?.problem().into_iter().collect();
    let seals = fault.processes(Role::Sealer) > 0;
    if seals {
        let log = runtime.block_on(Log::read(&bus, deployment.name()))?;
        sealed::catch_up(deployment, &log)?;
    }
    problems.extend(deployment.stop_all());
    let audit = Audit::of(deployment)?;
    let log = runtime.block_on(Log::read(&bus, deployment.name()))?;
    if seals {
        problems.extend(sealed::problem(deployment, &log)?);
    }
    problems.extend(audit.problem());
    problems.extend(log.unknown_to(&callers));
    problems.extend(archive::problem(deployment.folder(), &log.offsets)?);
    let mut row = Row::new(fault, &strikes, &callers, &audit, &log, began..ended);
    if settings.on_time && fault == Fault::RollCollectors && row.missed > 0 {
        problems.push(format!("{} deadlines were missed while nothing but collectors was replaced", row.missed));
    }
    row.ok = problems.is_empty();
    row.problems = problems;
    Ok(row)
}

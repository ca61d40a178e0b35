//! What hedgerow costs, measured beside what it could cost at the least and what others would use: `make bench`.
//!
//! Reading order: `arguments` → `scenario` (what is measured, one file each) → `system` (what can be measured) → `work`
//! (what all of them are given) → `measure` (how) → `line` (what is told) → `keep` and `plot` (what is left of it).
//!
//! Open loop, latency from the intended send time, every process's processor time, losses counted from the log.

mod arguments;
mod cpu;
mod kafka;
mod keep;
mod line;
mod measure;
mod plot;
mod scenario;
mod system;
mod work;

use clap::Parser as _;

use crate::arguments::{ALL, Arguments, What};

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.plots {
        return arguments.keep.as_deref().map_or(Ok(()), keep::publish);
    }
    let mut failed = None;
    for what in arguments.only.map_or(ALL.to_vec(), |only| vec![only]) {
        // What was measured before is not lost, nor is what can be measured after.
        if let Err(error) = report(what, &arguments).await {
            eprintln!("{what:?} failed: {error:#}");
            failed = Some(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Measures one scenario, says what came of it, and keeps it if that is wanted.
async fn report(what: What, arguments: &Arguments) -> anyhow::Result<()> {
    let lines = what.measure(arguments).await?;
    eprintln!("{}\n", line::table(&lines));
    for line in &lines {
        println!("{}", serde_json::to_string(line)?);
    }
    let Some(folder) = &arguments.keep else { return Ok(()) };
    keep::store(folder, lines)?;
    keep::publish(folder)
}

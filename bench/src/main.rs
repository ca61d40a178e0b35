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

use crate::{
    arguments::{ALL, Arguments},
    line::Line,
};

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if !arguments.plots {
        let lines = measure(&arguments).await?;
        if let Some(folder) = &arguments.keep {
            keep::store(folder, lines)?;
        }
    }
    if let Some(folder) = &arguments.keep {
        keep::publish(folder)?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let mut all = Vec::new();
    for what in arguments.only.map_or(ALL.to_vec(), |only| vec![only]) {
        let lines = what.measure(arguments).await?;
        eprintln!("{}", line::table(&lines));
        for line in &lines {
            println!("{}", serde_json::to_string(line)?);
        }
        all.extend(lines);
    }
    if arguments.only.is_none() {
        eprintln!("\n{}", line::table(&all));
    }
    Ok(all)
}

//! What hedgerow costs, measured beside what it could cost at the least and what others would use: `make bench`.
//!
//! Reading order: `arguments` → `scenario` (what is measured, one file each) → `system` (what can be measured) → `work`
//! (what all of them are given) → `measure` (how) → `line` (what is told).
//!
//! Open loop, latency from the intended send time, every process's processor time, losses counted from the log.

mod arguments;
mod cpu;
mod kafka;
mod line;
mod measure;
mod scenario;
mod system;
mod work;

use clap::Parser as _;

use crate::arguments::{ALL, Arguments};

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut all = Vec::new();
    for what in arguments.only.map_or(ALL.to_vec(), |only| vec![only]) {
        let lines = what.measure(&arguments).await?;
        eprintln!("{}", line::table(&lines));
        for line in &lines {
            println!("{}", serde_json::to_string(line)?);
        }
        all.extend(lines);
    }
    if arguments.only.is_none() {
        eprintln!("\n{}", line::table(&all));
    }
    Ok(())
}

//! `make simulate`: plays as many worlds as wanted, or one of them with its whole trace.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::Instant,
};

use simulation::{Sight, judge, play, seeds, truth::Truth};

const HELP: &str = "\
Plays simulated worlds and judges what came of them.

Usage: hedgerow-simulation [--seeds N] [--from N] [--threads N] [--json]
       hedgerow-simulation --seed N

  --seeds N    how many worlds to play [10000]
  --from N     the first seed [0]
  --threads N  how many at a time [one for each core]
  --seed N     plays one and prints its whole trace
  --json       prints one JSON object and nothing else

Examples:
  make simulate SEEDS=100000
  make simulate SEED=4711

Exit codes: 0 nothing is broken, 1 something is, 2 the arguments are not understood.
";

struct Arguments {
    seeds: u64,
    from: u64,
    threads: usize,
    seed: Option<u64>,
    json: bool,
}

fn main() -> ExitCode {
    match arguments() {
        Ok(Some(arguments)) => match arguments.seed {
            Some(seed) => one(seed),
            None => many(&arguments),
        },
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}\nhint: --help shows what there is");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Option<Arguments>, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut arguments = Arguments { seeds: 10_000, from: 0, threads, seed: None, json: false };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut number = || {
            let value = given.next().ok_or_else(|| format!("{name} needs a number"))?;
            value.replace('_', "").parse::<u64>().map_err(|_| format!("{name} needs a number, not `{value}`"))
        };
        match name.as_str() {
            "--seeds" => arguments.seeds = number()?,
            "--from" => arguments.from = number()?,
            "--threads" => arguments.threads = usize::try_from(number()?.max(1)).unwrap_or(1),
            "--seed" => arguments.seed = Some(number()?),
            "--json" => arguments.json = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("`{name}` is no option")),
        }
    }
    Ok(Some(arguments))
}

fn one(seed: u64) -> ExitCode {
    let played = play(seed, true);
    for line in &played.trace {
        println!("{line}");
    }
    let broken = judge(&Truth::of(&played.story));
    for broken in &broken {
        println!("{}: {}", broken.invariant, broken.how);
    }
    if !broken.is_empty() {
        return ExitCode::FAILURE;
    }
    println!("nothing is broken");
    ExitCode::SUCCESS
}

fn many(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let end = arguments.from.saturating_add(arguments.seeds);
    let shows = !arguments.json && std::io::stderr().is_terminal();
    let report = seeds::play_all(arguments.from..end, arguments.threads, |done| {
        if shows {
            eprint!("\r{done} of {} worlds", arguments.seeds);
            // Nobody need be looking.
            let _ = std::io::stderr().flush();
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(report.worlds).unwrap_or(u32::MAX)) / seconds;
    if arguments.json {
        let seen: serde_json::Map<_, _> =
            Sight::ALL.iter().map(|sight| (format!("{sight:?}"), report.sights.count(*sight).into())).collect();
        let broken: Vec<_> = report
            .broken
            .iter()
            .map(|(seed, broken)| serde_json::json!({"seed": seed, "invariant": broken.invariant, "how": broken.how}))
            .collect();
        let told = serde_json::json!({
            "worlds": report.worlds, "events": report.events, "seconds": seconds, "worlds_per_second": rate,
            "ok": broken.is_empty(), "broken": broken, "worlds_in_which": seen,
        });
        println!("{told}");
    } else {
        if shows {
            eprintln!();
        }
        println!("{report}");
        println!("{rate:.0} worlds a second, {seconds:.1} s");
    }
    if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! What can be asked of the benchmark.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures hedgerow beside what it could cost at the least and what others would use instead, in one run.
///
/// One JSON line for each system and rate on stdout, a table on stderr. Everything takes about half an hour: `overhead`
/// two, `throughput` five, `embedded` two, `core` half a minute, `stragglers` three, `hedge` one and a half, `overload`
/// four, `edits` one and a half, `watched` four, `state` one and a half, `swap` three, `models50` one, `kinds` half a minute.
/// `peers` takes four more, and is measured only when it is named; so is `profile`, which takes half a minute.
#[derive(Parser, Debug)]
pub(crate) struct Arguments {
    /// What to measure; everything but `peers` and `profile` when not given
    #[arg(long, value_enum)]
    pub(crate) only: Option<What>,

    /// Requests a second, instead of the scenario's own rates
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,

    /// Measured seconds for each system and rate, instead of the scenario's own
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: Option<u32>,

    /// Seconds of the same load before, not counted
    #[arg(long, default_value_t = 5)]
    pub(crate) warmup: u32,

    /// Live edits in all, while `edits` is measured
    #[arg(long, default_value_t = 1_000)]
    pub(crate) edits: u32,

    /// Keeps the lines in this folder's results.jsonl, in place of those of the same scenarios, and publishes them: plots
    /// into the folder, the table into the page benchmarks.md beside it
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,

    /// Measures nothing, and publishes what was kept
    #[arg(long, requires = "keep")]
    pub(crate) plots: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// A bare fan-out and a bare three-hop chain beside hedgerow, at 1,000 requests a second on a real Kafka
    Overhead,
    /// From 100 to 17,000 requests a second, with a canary and a decoy, beside a bare fan-out with as many readers
    Throughput,
    /// On the embedded bus: 1,000 requests a second, and the highest rate that holds
    Embedded,
    /// The collector's pure core alone
    Core,
    /// Two of a hundred answers of each executor take 60 ms, the budget is 20 ms
    Stragglers,
    /// What a spare executor buys that starts when the first is slow, and what it costs
    Hedge,
    /// Up to three times what the executors can do, and how soon a spike of it is over
    Overload,
    /// What edits of the policy cost under load, and how soon every station has them
    Edits,
    /// What it costs to be looked at: the console open on two pages, a scrape each second; and to be traced
    Watched,
    /// The same requests to an executor that keeps state and to one that does not
    State,
    /// New versions of a published model each second, under 2,000 requests a second
    Swap,
    /// One model and fifty in one process: memory, and processor time while nothing is asked
    #[value(name = "models50")]
    Models50,
    /// A call through each kind of executor, beside the same model called without hedgerow
    Kinds,
    /// The stragglers' work on Kafka Streams and on Ray Serve, which bench/peers/setup.sh installs
    Peers,
    /// Where the processor time goes, as flamegraph.svg in the folder of `--keep`: `make profile`
    Profile,
}

/// In the order in which they are measured.
pub(crate) const ALL: [What; 13] = [
    What::Overhead,
    What::Throughput,
    What::Embedded,
    What::Core,
    What::Stragglers,
    What::Hedge,
    What::Overload,
    What::Edits,
    What::Watched,
    What::State,
    What::Swap,
    What::Models50,
    What::Kinds,
];

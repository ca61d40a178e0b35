//! What can be asked of the benchmark.

use clap::{Parser, ValueEnum};

/// Measures hedgerow beside what it could cost at the least and what others would use instead, in one run.
///
/// One JSON line for each system and rate on stdout, a table on stderr. Everything takes about half an hour; `overhead`
/// two minutes, `throughput` five, `embedded` two, `core` half a minute, `stragglers` three, `overload` five, `edits` one
/// and a half.
#[derive(Parser, Debug)]
pub(crate) struct Arguments {
    /// What to measure; everything when not given
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
    /// Up to three times what the executors can do, and how soon a spike of it is over
    Overload,
    /// What edits of the policy cost under load, and how soon every station has them
    Edits,
}

/// In the order in which they are measured.
pub(crate) const ALL: [What; 7] =
    [What::Overhead, What::Throughput, What::Embedded, What::Core, What::Stragglers, What::Overload, What::Edits];

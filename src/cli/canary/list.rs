//! `hedgerow canary list NAME`: each canary, and what the comparison found so far.

use std::process::ExitCode;

use clap::Args;
use comfy_table::{Table, presets::NOTHING};

use super::{
    super::{
        Failure,
        control::{Reach, block_on},
    },
    reading::Reports,
};
use crate::canaries::Listed;

/// Lists canaries.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow canary list wine\n  \
    hedgerow canary list wine --json --brokers kafka:9092\n\n\
    --json prints a list: [{canary, reference, verdict (better, no_worse, worse, not_enough_evidence, \
    not_comparable), because, compared}]\n\nExit codes: 0 shown · 1 failed · 2 wrong arguments")]
pub(super) struct List {
    /// The rendezvous
    #[arg(value_name = "RENDEZVOUS")]
    rendezvous: String,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

// === impl List ===

impl List {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        block_on(async {
            let reports = Reports::open(&self.reach, &self.rendezvous).await?;
            let listed = reports.list().await?;
            if self.json {
                println!("{}", serde_json::to_string(&listed).map_err(anyhow::Error::from)?);
            } else if listed.is_empty() {
                println!("`{}` has no canary: `canary: {{ of: NAME }}` makes an executor one", reports.rendezvous);
            } else {
                println!("{}", table(&listed));
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn table(listed: &[Listed]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.add_rows(listed.iter().map(|one| {
        let beside = format!("beside {}", one.reference);
        [
            one.canary.clone(),
            beside,
            one.verdict.word().to_owned(),
            format!("{} pairs", one.compared),
            one.because.clone(),
        ]
    }));
    table.trim_fmt()
}

//! `hedgerow schema`: what editors complete and explain policy files by.

use std::process::ExitCode;

use clap::Args;

/// Prints the schema.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow schema > policy.schema.json\n\nThen begin a policy with\n  \
    # yaml-language-server: $schema=policy.schema.json\n\nThe schema sees keys, types and words; \
    `hedgerow check` sees what they mean together.")]
pub(super) struct Schema {}

impl Schema {
    #[expect(clippy::unused_self, reason = "it has no options")]
    pub(super) fn run(&self) -> ExitCode {
        print!("{}", policies::SCHEMA);
        ExitCode::SUCCESS
    }
}

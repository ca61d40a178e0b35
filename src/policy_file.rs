//! Reads policy files: no more of them than a policy can be.

use std::{
    fs::File,
    io::{self, Read},
};

use anyhow::Context as _;

/// Returns what lies in the file `source`, or what comes on the standard input if that is `-`; of what is too large to
/// be a policy only so much that it shows.
pub fn read(source: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = if source == "-" { bounded(io::stdin().lock()) } else { File::open(source).and_then(bounded) };
    bytes.with_context(|| format!("{source}: cannot be read"))
}

fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let most = u64::try_from(policies::FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns what to call `source` in messages.
#[must_use]
pub fn called(source: &str) -> &str {
    if source == "-" { "stdin" } else { source }
}

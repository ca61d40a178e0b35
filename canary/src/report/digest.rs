//! A report's name by its content, to be written down with what was done by it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Report;

// === impl Report ===

impl Report {
    /// Returns the SHA-256 of the report as `serde_json::to_vec` writes it, in hex: the digest of the file that
    /// `hedgerow canary report --format json` writes, but for the line feed at its end.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "text and numbers always become JSON")]
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).expect("a report is text and numbers");
        Sha256::digest(json).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

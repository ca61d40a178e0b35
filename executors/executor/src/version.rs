//! PURE: what a model is called that nobody gave a version: by its content.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use wire::ModelVersion;

/// So many bytes of the hash tell models apart.
const BYTES: usize = 6;

/// Returns `name@…` with the first 12 hexadecimal digits of the SHA-256 of `content`.
#[must_use]
pub fn version_of(name: &str, content: &[u8]) -> ModelVersion {
    let digits = Sha256::digest(content).iter().take(BYTES).fold(String::with_capacity(2 * BYTES), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    });
    ModelVersion::new(name, &digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_the_same_version() {
        assert_eq!(version_of("forest", b"abc").as_str(), "forest@ba7816bf8f01");
    }
}

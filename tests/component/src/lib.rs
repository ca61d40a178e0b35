//! Makes a component of the example in `examples/wasm`: builds it for wasm32-unknown-unknown, and does what
//! `wasm-tools component new` does, so that nobody needs to install that for a test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use wit_component::ComponentEncoder;

const TARGET: &str = "wasm32-unknown-unknown";

/// Returns the bytes of the example's component. The first call takes a minute, for it builds the macros that the example uses.
pub fn rank() -> anyhow::Result<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--quiet", "--locked", "--package", "hedgerow-rank", "--target", TARGET]);
    cargo.current_dir(&root);
    let built = cargo.output().context("cargo cannot be run")?;
    ensure!(
        built.status.success(),
        "the example cannot be built for {TARGET} (`tools/setup.sh build` adds that target): {}",
        String::from_utf8_lossy(&built.stderr)
    );
    let module = folder.join(TARGET).join("release").join("hedgerow_rank.wasm");
    let bytes = fs::read(&module).with_context(|| format!("{} cannot be read", module.display()))?;
    ComponentEncoder::default().module(&bytes)?.validate(true).encode()
}

//! Writes the example's component to the file that is named: `cargo run -p hedgerow-component -- target/wasm/rank.wasm`.

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let path: PathBuf = env::args_os().nth(1).context("name the file that is to be written")?.into();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, hedgerow_component::rank()?).with_context(|| format!("{} cannot be written", path.display()))
}

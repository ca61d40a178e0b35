//! The wine example, carried by the binary so that the demo runs in an empty folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::{Map, Value};

macro_rules! example {
    ($path:literal) => {
        ($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)).as_slice())
    };
}

const POLICY: &str = "policies/wine.yaml";

const FILES: &[(&str, &[u8])] = &[
    example!("policies/wine.yaml"),
    example!("examples/wine/models/forest.onnx"),
    example!("examples/wine/models/boost.onnx"),
    example!("examples/wine/models/linear.onnx"),
    example!("examples/wine/models/mlp.onnx"),
];

const ROWS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/wine/wine.csv"));

/// Writes policy and models into `folder`; returns the policy's path.
pub(super) fn unpack(folder: &Path) -> anyhow::Result<PathBuf> {
    for (name, bytes) in FILES {
        let path = folder.join(name);
        let parent = path.parent().context("every shipped file lies in a folder")?;
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(folder.join(POLICY))
}

/// Returns the rows as request bodies, without the class: the models are to say it.
pub(super) fn rows() -> Vec<Bytes> {
    let mut lines = ROWS.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    lines.map(|line| body(&names, line)).collect()
}

fn body(names: &[&str], line: &str) -> Bytes {
    let features: Map<String, Value> = names
        .iter()
        .zip(line.split(','))
        .filter(|(name, _)| **name != "class")
        .map(|(name, text)| ((*name).to_owned(), text.parse::<f64>().unwrap_or(f64::NAN).into()))
        .collect();
    Bytes::from(Value::Object(features).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_thirteen_numbers() {
        let rows = rows();
        assert_eq!(rows.len(), 178);
        for row in rows {
            let row: Map<String, Value> = serde_json::from_slice(&row).unwrap();
            assert_eq!((row.len(), row.values().all(Value::is_number)), (13, true));
        }
    }
}

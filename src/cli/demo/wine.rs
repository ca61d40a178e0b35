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
const CANARIES: &str = "policies/wine-canaries.yaml";

const FILES: &[(&str, &[u8])] = &[
    example!("policies/wine.yaml"),
    example!("policies/wine-canaries.yaml"),
    example!("examples/wine/models/forest.onnx"),
    example!("examples/wine/models/boost.onnx"),
    example!("examples/wine/models/linear.onnx"),
    example!("examples/wine/models/mlp.onnx"),
    example!("examples/wine/models/better.onnx"),
    example!("examples/wine/models/shuffled.onnx"),
];

const ROWS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/wine/wine.csv"));
/// Those that no model was trained on.
const UNSEEN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/wine/unseen.csv"));

/// By how much of their spread wines that are measured once more differ from what was measured first.
const ERROR: f64 = 0.5;

/// Which wines are asked about, or what else.
pub(super) enum Wines {
    /// All rows, again and again.
    Rows(Vec<Bytes>),
    /// Wines that no model has seen, drawn at random, each measured once more with an error. Rows in a fixed cycle are no
    /// random sample, and seventy of them would soon be known by heart.
    Drawn(Cellar),
}

/// Wines, with what they are.
pub(super) struct Cellar {
    names: Vec<&'static str>,
    wines: Vec<(Vec<f64>, u8)>,
    /// Of each feature, over all rows.
    spread: Vec<f64>,
}

/// Writes policies and models into `folder`; returns the path of the policy, or of the one with three canaries.
pub(super) fn unpack(folder: &Path, canaries: bool) -> anyhow::Result<PathBuf> {
    for (name, bytes) in FILES {
        let path = folder.join(name);
        let parent = path.parent().context("every shipped file lies in a folder")?;
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(folder.join(if canaries { CANARIES } else { POLICY }))
}

// === impl Wines ===

impl Wines {
    /// Returns the rows as they are.
    pub(super) fn rows() -> Self {
        let (names, wines) = read(ROWS);
        Self::Rows(wines.iter().map(|(features, _)| body(&names, features)).collect())
    }

    /// Returns what `file` has instead: one JSON object a line.
    pub(super) fn lines(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{}: cannot be read", file.display()))?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let rows: Vec<Bytes> = lines.map(|line| Bytes::copy_from_slice(line.as_bytes())).collect();
        anyhow::ensure!(
            !rows.is_empty(),
            "{}: there is no input in it, which is one JSON object a line",
            file.display()
        );
        Ok(Self::Rows(rows))
    }

    /// Returns those that no model has seen.
    pub(super) fn drawn() -> Self {
        let (names, wines) = read(UNSEEN);
        let (_, all) = read(ROWS);
        let column = |place| all.iter().map(|(features, _)| features[place]).collect::<Vec<f64>>();
        let spread = (0..names.len()).map(|place| deviation(&column(place))).collect();
        Self::Drawn(Cellar { names, wines, spread })
    }

    /// Returns the body of the request of this number, always the same: without the class, which the models are to say.
    pub(super) fn body(&self, number: u64) -> Bytes {
        match self {
            Self::Rows(rows) => rows[usize::try_from(number).unwrap_or(0) % rows.len()].clone(),
            Self::Drawn(cellar) => cellar.draw(number).0,
        }
    }

    /// Returns what the wine of this request was, if that can be told.
    pub(super) fn class(&self, number: u64) -> Option<u8> {
        match self {
            Self::Rows(_) => None,
            Self::Drawn(cellar) => Some(cellar.draw(number).1),
        }
    }
}

// === impl Cellar ===

impl Cellar {
    fn draw(&self, number: u64) -> (Bytes, u8) {
        let mut dice = fastrand::Rng::with_seed(number);
        let (features, class) = &self.wines[dice.usize(0..self.wines.len())];
        let measured: Vec<f64> = features
            .iter()
            .zip(&self.spread)
            .map(|(value, spread)| ((value + normal(&mut dice) * spread * ERROR) * 1_000.0).round() / 1_000.0)
            .collect();
        (body(&self.names, &measured), *class)
    }
}

/// Returns a number of the standard normal distribution, by Box and Muller.
fn normal(dice: &mut fastrand::Rng) -> f64 {
    let (one, other) = (1.0 - dice.f64(), dice.f64());
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

#[expect(clippy::cast_precision_loss, reason = "a few rows")]
fn deviation(column: &[f64]) -> f64 {
    let count = column.len() as f64;
    let mean = column.iter().sum::<f64>() / count;
    (column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// Returns the features' names, and each wine's features and class, which is the last column.
fn read(rows: &'static str) -> (Vec<&'static str>, Vec<(Vec<f64>, u8)>) {
    let mut lines = rows.lines();
    let mut names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    names.pop();
    let wine = |line: &str| {
        let (features, class) = line.rsplit_once(',').unwrap_or_default();
        let number = |text: &str| text.parse().unwrap_or(f64::NAN);
        (features.split(',').map(number).collect(), class.parse().unwrap_or(u8::MAX))
    };
    (names, lines.map(wine).collect())
}

fn body(names: &[&str], features: &[f64]) -> Bytes {
    let member = |(name, value): (&&str, &f64)| ((*name).to_owned(), Value::from(*value));
    let features: Map<String, Value> = names.iter().zip(features).map(member).collect();
    Bytes::from(Value::Object(features).to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn check_body(body: &Bytes) {
        let row: Map<String, Value> = serde_json::from_slice(body).unwrap();
        assert_eq!((row.len(), row.values().all(Value::is_number)), (13, true));
    }

    #[test]
    fn every_row_is_thirteen_numbers() {
        let Wines::Rows(rows) = Wines::rows() else { panic!("these are the rows") };
        assert_eq!(rows.len(), 178);
        rows.iter().for_each(check_body);
    }

    #[test]
    fn wines_that_are_drawn_are_of_all_classes_and_none_is_measured_alike_twice() {
        let wines = Wines::drawn();
        let bodies: HashSet<Bytes> = (0..300).map(|number| wines.body(number)).collect();
        assert_eq!(bodies.len(), 300);
        bodies.iter().for_each(check_body);
        let classes: HashSet<u8> = (0..300).filter_map(|number| wines.class(number)).collect();
        assert_eq!(classes, HashSet::from([0, 1, 2]));
        assert_eq!(wines.body(7), Wines::drawn().body(7));
    }

    #[test]
    fn unseen_wines_are_rows_of_the_data() {
        let (names, unseen) = read(UNSEEN);
        let (all_names, all) = read(ROWS);
        assert_eq!((names, unseen.len()), (all_names, 70));
        assert!(unseen.iter().all(|wine| all.contains(wine)));
    }
}

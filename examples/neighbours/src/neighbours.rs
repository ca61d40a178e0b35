//! The five known wines that are nearest to one that is asked about, by all that was measured of it.

use bytes::Bytes;
use executor::{
    BoxFuture, Executor, Input,
    answer::{self, Output, Values},
    version_of,
};
use policies::InputSchema;
use wire::{ExecutorId, Failure, ModelVersion};

/// The wines that are known.
pub struct Neighbours {
    model: ModelVersion,
    known: Vec<Wine>,
    /// Of each number the mean and the spread: a gram of alcohol is more than one of proline.
    scales: Vec<(f64, f64)>,
}

struct Wine {
    /// As far from the mean as the spread goes, each.
    numbers: Vec<f64>,
    grower: usize,
}

const WINES: &str = include_str!("../../wine/wine.csv");
/// Those of them that nobody is to know, so that he can be asked about them.
const UNSEEN: &str = include_str!("../../wine/unseen.csv");
const GROWERS: usize = 3;
/// So many of the nearest are asked.
const NEAREST: usize = 5;

// === impl Neighbours ===

impl Neighbours {
    /// Returns the model for a policy whose input is `schema`, or says how that differs from what it knows of wines.
    #[expect(clippy::missing_panics_doc, reason = "what is compiled in has a head and numbers")]
    pub fn new(name: &ExecutorId, schema: &InputSchema) -> Result<Self, String> {
        let (head, rows) = WINES.split_once('\n').expect("the file has a head");
        let measured = head.trim_end().trim_end_matches(",class");
        let asked = schema.members().map(|name| &**name).collect::<Vec<_>>().join(",");
        if asked != measured {
            return Err(format!("it knows wines by {measured}, in this order, and the policy's input is {asked}"));
        }
        let seen = rows.lines().filter(|row| !UNSEEN.lines().any(|unseen| unseen == *row));
        let rows: Vec<Vec<f64>> = seen.map(numbers).collect();
        let scales: Vec<(f64, f64)> = (0..schema.features.len()).map(|column| scale(&rows, column)).collect();
        let known = rows.iter().map(|row| Wine { numbers: scaled(row, &scales), grower: grower(row) }).collect();
        Ok(Self { model: version_of(name.as_str(), WINES.as_bytes()), known, scales })
    }

    /// Returns the share that each grower has of the nearest wines.
    fn shares(&self, numbers: &[f64]) -> [f64; GROWERS] {
        let asked = scaled(numbers, &self.scales);
        let mut by_distance: Vec<(f64, usize)> =
            self.known.iter().map(|wine| (distance(&wine.numbers, &asked), wine.grower)).collect();
        by_distance.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut shares = [0.0; GROWERS];
        for (_, grower) in by_distance.iter().take(NEAREST) {
            shares[*grower] += 1.0 / as_f64(NEAREST);
        }
        shares
    }
}

impl Executor for Neighbours {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            let shares = self.shares(input.features()?);
            let most = (0..GROWERS).max_by(|one, other| shares[*one].total_cmp(&shares[*other])).unwrap_or_default();
            let class = [i64::try_from(most).expect("there are three growers")];
            // By these names it is a classifier's answer, as an ONNX model's would be.
            Ok(answer::compose(&[
                Output { name: "label".into(), values: Values::I64(class.as_slice().into()) },
                Output { name: "probabilities".into(), values: Values::F64(shares.as_slice().into()) },
            ]))
        })
    }

    fn model(&self) -> ModelVersion {
        self.model.clone()
    }
}

fn numbers(row: &str) -> Vec<f64> {
    row.split(',').map(|cell| cell.trim().parse().expect("the file holds numbers")).collect()
}

fn grower(row: &[f64]) -> usize {
    (0..GROWERS).find(|grower| row.last().is_some_and(|last| *last < as_f64(*grower) + 0.5)).unwrap_or_default()
}

fn scale(rows: &[Vec<f64>], column: usize) -> (f64, f64) {
    let count = as_f64(rows.len());
    let mean = rows.iter().map(|row| row[column]).sum::<f64>() / count;
    let spread = rows.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / count;
    (mean, spread.sqrt())
}

/// Returns the numbers on one scale; what stands behind them, the grower, is left out.
fn scaled(numbers: &[f64], scales: &[(f64, f64)]) -> Vec<f64> {
    numbers.iter().zip(scales).map(|(number, (mean, spread))| (number - mean) / spread).collect()
}

fn distance(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred wines")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

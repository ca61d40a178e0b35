//! `hedgerow models publish NAME`: a model's bytes become a version of it, which serves at once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow};
use artifacts::{ArtifactError, Artifacts, Settled, hash};
use bytes::Bytes;
use clap::Args;
use control::{ModelBytes, WantedModel};
use onnx::OnnxError;
use wire::{BY_VALUE_MAX, Descriptor, ModelAction, ModelKind, Publish, Source, TensorSpec};

use super::{
    super::{
        Failure,
        control::{Reach, Signature, block_on},
    },
    changes::{model_name, told},
};
use crate::settings::pair;

/// Makes a model's bytes a version of it, live at once.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  hedgerow models publish forest --onnx forest.onnx --version 7 --metric accuracy=0.93\n  \
    hedgerow models publish forest --onnx forest.onnx --version 8 --aside     for a canary: `model: forest@8`\n  \
    hedgerow models publish forest --uri https://shelf/forest-9.onnx --version 9\n\n\
    A file of up to 1 MB travels in the log; a larger one stays where it is, and --uri says where that is: \
    `file:///…`, which every process must have, `http(s)://…`, `s3://bucket/key` (AWS_… in the environment) or \
    `models:/name@alias` and `models:/name/7` of MLflow (MLFLOW_TRACKING_URI). The model is fetched once now, and hashed; \
    an alias is followed now; executors refuse other bytes.\n\n\
    Fields of --json: model · outcome (live, aside, refused) · version · before · if refused: why, sentence\n\n\
    Exit codes: 0 published · 1 refused or failed · 2 wrong arguments · 3 somebody else was first"
)]
pub(super) struct PublishCommand {
    /// The model's name, as policies write it: `model: NAME`
    #[arg(value_name = "NAME")]
    model: String,

    /// An ONNX file of at most 1 MB: its bytes travel in the log
    #[arg(long, value_name = "FILE", required_unless_present = "uri")]
    onnx: Option<PathBuf>,

    /// Where an ONNX model lies: every executor fetches it from there
    #[arg(long, value_name = "URI", conflicts_with = "onnx")]
    uri: Option<String>,

    /// Its version: a label that is used once, 1 to 60 letters, digits, `.`, `_`, `+`, `-`
    #[arg(long, value_name = "V")]
    version: String,

    /// Let nobody use it but who names this version, a canary for instance
    #[arg(long)]
    aside: bool,

    /// Only if version V is live
    #[arg(long, value_name = "V")]
    expect: Option<String>,

    /// How good it is: a name and a number; repeatable
    #[arg(long = "metric", value_name = "NAME=NUMBER", value_parser = pair, help_heading = "What is known of it")]
    metrics: Vec<(String, String)>,

    /// What it was trained with; repeatable
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair, help_heading = "What is known of it")]
    parameters: Vec<(String, String)>,

    /// What it was trained on: a reference that you understand
    #[arg(long, value_name = "REF", help_heading = "What is known of it")]
    trained_on: Option<String>,

    /// When it was made, RFC 3339; the file's date, when not given
    #[arg(long, value_name = "WHEN", help_heading = "What is known of it")]
    created: Option<humantime::Timestamp>,

    /// What it takes, where that cannot be read from it: `input:f32[-1,13]`; repeatable
    #[arg(long = "input", value_name = "TENSOR", help_heading = "What is known of it")]
    inputs: Vec<TensorSpec>,

    /// What it gives, likewise; repeatable
    #[arg(long = "output", value_name = "TENSOR", help_heading = "What is known of it")]
    outputs: Vec<TensorSpec>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    signature: Signature,

    #[command(flatten)]
    reach: Reach,
}

/// A model, as it was found.
struct Found {
    bytes: Bytes,
    source: Source,
    created: Option<String>,
    trained_on: Option<String>,
}

// === impl PublishCommand ===

impl PublishCommand {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let name = model_name(&self.model)?;
        block_on(async {
            let found = self.found().await?;
            let descriptor = self.descriptor(&found).map_err(Failure::Refused)?;
            let by_value = matches!(descriptor.source, Source::Value { .. });
            let publish = Publish { descriptor, aside: self.aside, expected: self.expect.clone() };
            let wanted = WantedModel {
                author: self.signature.author(),
                message: self.signature.message.clone(),
                action: ModelAction::Publish(Box::new(publish)),
                bytes: by_value.then_some(ModelBytes(found.bytes)),
            };
            let outcome = self.reach.open().await?.change_model(&name, &wanted).await?;
            Ok(told(&name, &outcome, self.json)?)
        })
    }

    async fn found(&self) -> Result<Found, Failure> {
        match (&self.onnx, &self.uri) {
            (Some(file), _) => read(file).map_err(Failure::Refused),
            (None, Some(uri)) => {
                let artifacts = Artifacts::default();
                let fetched = async {
                    let Settled { uri, trained_on } = artifacts.settle(uri).await?;
                    let bytes = artifacts.fetch(&uri).await?;
                    Ok(Found { bytes, source: Source::Reference { uri }, created: None, trained_on })
                };
                fetched.await.map_err(|error: ArtifactError| Failure::Failed(error.into()))
            }
            (None, None) => Err(Failure::Refused(anyhow!("name the model's bytes, with --onnx or --uri"))),
        }
    }

    fn descriptor(&self, Found { bytes, source, created, trained_on }: &Found) -> anyhow::Result<Descriptor> {
        let (inputs, outputs) = self.signature_of(bytes)?;
        let metrics = self.metrics.iter().map(|(name, value)| {
            let number = value.parse().ok().and_then(serde_json::Number::from_f64);
            Ok((name.clone(), number.with_context(|| format!("the metric `{name}` is no number: `{value}`"))?))
        });
        Ok(Descriptor {
            version: self.version.clone(),
            kind: ModelKind::Onnx,
            sha256: hash(bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            source: source.clone(),
            inputs,
            outputs,
            parameters: self.parameters.iter().cloned().collect(),
            metrics: metrics.collect::<anyhow::Result<BTreeMap<_, _>>>()?,
            trained_on: self.trained_on.clone().or_else(|| trained_on.clone()),
            created: self.created.map(|created| created.to_string()).or_else(|| created.clone()),
        })
    }

    /// Returns what the model says of itself. Loading it here finds what no executor could load before anybody tries.
    fn signature_of(&self, bytes: &[u8]) -> anyhow::Result<(Vec<TensorSpec>, Vec<TensorSpec>)> {
        let place = self.onnx.clone().or_else(|| self.uri.as_ref().map(PathBuf::from)).unwrap_or_default();
        let given = || (self.inputs.clone(), self.outputs.clone());
        match onnx::signature(&place, bytes) {
            Ok((inputs, outputs)) if self.inputs.is_empty() && self.outputs.is_empty() => Ok((inputs, outputs)),
            Ok(_) => Ok(given()),
            Err(OnnxError::Library(error)) => {
                eprintln!("note: the model is published unread: {error}");
                Ok(given())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Found> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("{shown}: cannot be read"))?;
    if bytes.len() > BY_VALUE_MAX {
        return Err(anyhow!(
            "{shown} has {} bytes, and {BY_VALUE_MAX} may travel in the log: put it where every executor reaches it, and \
             say where with --uri",
            bytes.len()
        ));
    }
    let made = std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let created = made.map(|made| humantime::format_rfc3339_seconds(made).to_string());
    Ok(Found { bytes: bytes.into(), source: Source::Value { offsets: vec![0] }, created, trained_on: None })
}

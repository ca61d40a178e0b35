//! `hedgerow models list` and `hedgerow models show NAME`.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use models::{ModelView, VersionView};
use wire::{Descriptor, Source, TensorSpec};

use super::{
    super::{
        Failure,
        control::{Reach, block_on},
    },
    changes::model_name,
};

/// Shows every model, and which version serves.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow models list\n  hedgerow models list --json --brokers kafka:9092\n\n\
    Fields of --json: models: [as of `hedgerow models show --json`] · refused: [{model, author, at, message, why}]\n\n\
    Exit codes: 0 shown · 1 failed · 2 wrong arguments")]
pub(super) struct List {
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// Shows a model's versions: what each is, who published it, when and why.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow models show forest\n  hedgerow models show forest --version 7\n\n\
    Fields of --json: name · live · previous · versions: [{version, state (aside, live, superseded, retired), note, \
    author, published, message, live_since, kind, sha256, size, source: {value: {offsets}} or {reference: {uri}}, \
    inputs, outputs: [{name, of, shape}], parameters, metrics, trained_on, created}]\n\n\
    Exit codes: 0 shown · 1 failed · 2 wrong arguments")]
pub(super) struct Show {
    /// The model
    #[arg(value_name = "NAME")]
    model: String,

    /// One version, with all that is known of it; the live one, when there is one version only
    #[arg(long, value_name = "V")]
    version: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// So many refused changes are shown.
const REFUSED_SHOWN: usize = 5;
/// So many digits of a hash are shown; `--json` has them all.
const HASH_SHOWN: usize = 12;

// === impl List ===

impl List {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        block_on(async {
            let all = self.reach.open().await?.models().await?;
            if self.json {
                println!("{}", serde_json::to_string(&all).map_err(anyhow::Error::from)?);
                return Ok(ExitCode::SUCCESS);
            }
            if all.models.is_empty() {
                println!("no model is published: `hedgerow models publish NAME --onnx FILE --version 1` does that");
            }
            print!("{}", table(all.models.iter().map(row)));
            for refused in all.refused.iter().rev().take(REFUSED_SHOWN) {
                println!(
                    "refused: a change of {} by {}, {}: {}",
                    refused.model, refused.author, refused.at, refused.why
                );
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn row(model: &ModelView) -> [String; 5] {
    let live = model.versions.iter().find(|version| model.live.as_ref() == Some(&version.descriptor.version));
    let standing = match live {
        Some(live) => format!("version {} is live", live.descriptor.version),
        None if model.versions.iter().all(|version| version.state == "retired") => "retired".to_owned(),
        None => "no version is live".to_owned(),
    };
    let what = live.map_or_else(String::new, |live| what(&live.descriptor));
    let since = live.map_or_else(String::new, |live| {
        format!("by {}, since {}", live.author, live.live_since.as_deref().unwrap_or_default())
    });
    let versions = match model.versions.len() {
        1 => "1 version".to_owned(),
        count => format!("{count} versions"),
    };
    [model.name.clone(), standing, what, since, versions]
}

fn what(descriptor: &Descriptor) -> String {
    let hash = descriptor.sha256.get(..HASH_SHOWN).unwrap_or(&descriptor.sha256);
    format!("{} {hash} {}", descriptor.kind.as_str(), size(descriptor.size))
}

// === impl Show ===

impl Show {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let name = model_name(&self.model)?;
        block_on(async {
            let mut view = self.reach.open().await?.model(&name).await?;
            if let Some(wanted) = &self.version {
                view.versions.retain(|version| version.descriptor.version == *wanted);
                if view.versions.is_empty() {
                    return Err(anyhow::anyhow!("there is no version {wanted} of `{name}`").into());
                }
            }
            if self.json {
                println!("{}", serde_json::to_string(&view).map_err(anyhow::Error::from)?);
            } else if let [only] = &view.versions[..] {
                print!("{}", one(&view.name, only));
            } else {
                print!("{}", table(view.versions.iter().rev().map(line)));
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn line(version: &VersionView) -> [String; 6] {
    let descriptor = &version.descriptor;
    let metrics = descriptor.metrics.iter().map(|(name, value)| format!("{name} {value}"));
    [
        descriptor.version.clone(),
        version.standing(),
        what(descriptor),
        metrics.collect::<Vec<_>>().join(", "),
        format!("by {}, {}", version.author, version.published),
        version.message.clone(),
    ]
}

/// All that is known of a version.
fn one(model: &str, version: &VersionView) -> String {
    let Descriptor { version: label, kind, sha256, size: bytes, source, parameters, metrics, .. } = &version.descriptor;
    let source = match source {
        Source::Value { .. } => "by value, in the log".to_owned(),
        Source::Reference { uri } => uri.clone(),
    };
    let tensors = |tensors: &[TensorSpec]| tensors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut text = format!("{model}@{label}: {}\n", version.standing());
    let mut say = |what: &str, told: &str| {
        if !told.is_empty() {
            let _ = writeln!(text, "  {what:<12}{told}");
        }
    };
    say("published", &format!("{} by {}", version.published, version.author));
    say("why", &version.message);
    say("live since", version.live_since.as_deref().unwrap_or_default());
    say("is", &format!("{}, {} ({bytes} bytes)", kind.as_str(), size(*bytes)));
    say("sha256", sha256);
    say("bytes", &source);
    say("takes", &tensors(&version.descriptor.inputs));
    say("gives", &tensors(&version.descriptor.outputs));
    say("trained on", version.descriptor.trained_on.as_deref().unwrap_or_default());
    say("created", version.descriptor.created.as_deref().unwrap_or_default());
    let pairs = metrics.iter().map(|(name, value)| format!("{name} {value}"));
    say("metrics", &pairs.collect::<Vec<_>>().join(", "));
    let pairs = parameters.iter().map(|(name, value)| format!("{name} {value}"));
    say("parameters", &pairs.collect::<Vec<_>>().join(", "));
    text
}

#[expect(clippy::cast_precision_loss, reason = "nobody reads more digits")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn table<const COLUMNS: usize>(rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.add_rows(rows);
    let text = table.trim_fmt();
    if text.is_empty() { text } else { text + "\n" }
}

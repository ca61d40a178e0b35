//! What an executor runs, and how it is asked.

use std::path::Path;

use wire::{ExecutorId, ModelName};

use crate::{
    Credentials, ExecutorKind, Memory, Protocol, SecretRef, ServerSpec,
    diagnostic::{Report, Spanned},
    document::{CredentialsEntry, ExecutorEntry, KindEntry},
};

/// The function of a Python file that is called, unless the policy says.
const FUNCTION: &str = "score";
/// A stack and some room: nothing that was compiled by an ordinary compiler comes up in less.
const MEMORY_MIN: Memory = Memory::mebi(1);
/// All that 32 bits reach.
const MEMORY_MAX: Memory = Memory::mebi(4_096);
/// More attempts than this are no patience any more but load.
const RETRIES_MAX: usize = 10;

/// Returns what `entry` runs; `None` if it does not say, or says it wrongly.
pub(super) fn kind(entry: &ExecutorEntry, report: &mut Report<'_>) -> Option<ExecutorKind> {
    let kind = entry.kind.as_ref()?;
    if !matches!(kind, KindEntry::Server(..)) {
        refuse_server_fields(entry, report);
    }
    if !matches!(kind, KindEntry::Wasm(_)) {
        refuse_memory(entry, report);
    }
    Some(match kind {
        KindEntry::Onnx(path) => ExecutorKind::Onnx(path.is.clone().into()),
        KindEntry::Server(protocol, url) => ExecutorKind::Server(server(*protocol, url, entry, report)),
        KindEntry::Python(place) => python(place, report)?,
        KindEntry::Wasm(path) => ExecutorKind::Wasm { file: path.is.clone().into(), memory: memory(entry, report) },
        KindEntry::Model(model) => published(model, report)?,
        KindEntry::Elsewhere => {
            refuse_station_fields(entry, report);
            ExecutorKind::Elsewhere
        }
        KindEntry::Rust(name) => compiled_in(name, report)?,
        KindEntry::Echo => ExecutorKind::Echo,
        KindEntry::Constant { answer, delay } => {
            ExecutorKind::Constant { answer: answer.as_str().into(), delay: *delay }
        }
    })
}

fn server(protocol: Protocol, url: &Spanned<String>, entry: &ExecutorEntry, report: &mut Report<'_>) -> ServerSpec {
    if !url.is.starts_with("http://") && !url.is.starts_with("https://") {
        report.error(url.at, format!("`{}` is not an HTTP URL", url.is)).hint("start with `http://` or `https://`");
    } else if let Some(hint) = misplaced(protocol, &url.is) {
        report
            .error(url.at, format!("`{}` is not where a `{}` server has a model", url.is, protocol.as_str()))
            .hint(hint);
    }
    let credentials = entry.credentials.as_ref().and_then(|written| credentials(written, report));
    ServerSpec { protocol, url: url.is.clone(), credentials, retries: retries(entry, report) }
}

/// Returns what is to be written instead of a URL that cannot be a model's.
fn misplaced(protocol: Protocol, url: &str) -> Option<&'static str> {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match protocol {
        Protocol::Grpc if path.is_empty() => {
            Some("name the model behind the port: `grpc: \"http://scorer:8081/wine\"`")
        }
        Protocol::TensorFlow if !path.ends_with(":predict") => {
            Some("end in `:predict`: `tensorflow: \"http://scorer:8501/v1/models/wine:predict\"`")
        }
        Protocol::Pmml if !path.contains("model/") || path.ends_with("model/") => {
            Some("end in the model's name: `pmml: \"http://scorer:8080/openscoring/model/wine\"`")
        }
        // What is wrong with the URL of an `infer`, its client says better.
        _ => None,
    }
}

fn retries(entry: &ExecutorEntry, report: &mut Report<'_>) -> u8 {
    let Some(retries) = &entry.retries else { return 0 };
    match u8::try_from(retries.is.get()) {
        Ok(times) if retries.is.get() <= RETRIES_MAX => times,
        _ => {
            report
                .error(retries.at, format!("{} retries are no patience but load", retries.is))
                .label(format!("at most {RETRIES_MAX}"))
                .hint("write how often a call that failed is made again: `retries: 1`");
            0
        }
    }
}

fn credentials(written: &CredentialsEntry, report: &mut Report<'_>) -> Option<Credentials> {
    let secret = match (&written.env, &written.file) {
        (Some(name), None) => SecretRef::Env(name.is.as_str().into()),
        (None, Some(path)) => SecretRef::File(path.is.clone().into()),
        (env, _) => {
            let problem =
                if env.is_some() { "credentials are in one place" } else { "nothing says where the secret is" };
            report
                .error(written.at, problem)
                .hint("say where: `credentials: { env: VENDOR_TOKEN }` or `credentials: { file: token.txt }`");
            return None;
        }
    };
    Some(Credentials { secret, header: written.header.as_ref().map(|header| header.is.to_lowercase().into()) })
}

fn refuse_server_fields(entry: &ExecutorEntry, report: &mut Report<'_>) {
    let fields = [
        ("credentials", entry.credentials.as_ref().map(|credentials| credentials.at)),
        ("retries", entry.retries.as_ref().map(|retries| retries.at)),
    ];
    for (field, at) in fields.into_iter().filter_map(|(field, at)| Some((field, at?))) {
        report
            .error(at, format!("executor `{}` asks no server, which `{field}` is for", entry.name.is))
            .hint("take it out: it is for `http`, `grpc`, `tensorflow` and `pmml`");
    }
}

fn refuse_memory(entry: &ExecutorEntry, report: &mut Report<'_>) {
    if let Some(memory) = &entry.memory {
        report
            .error(memory.at, format!("executor `{}` has no memory of its own, which `memory` is for", entry.name.is))
            .hint("take it out: it is for `wasm`");
    }
}

/// Returns how much memory a component may have.
fn memory(entry: &ExecutorEntry, report: &mut Report<'_>) -> Memory {
    let Some(written) = &entry.memory else { return Memory::USUAL };
    if !(MEMORY_MIN..=MEMORY_MAX).contains(&written.is) {
        report
            .error(written.at, format!("{} is no size that a component can have of memory", written.is))
            .label(format!("from {MEMORY_MIN} to {MEMORY_MAX}"))
            .hint(format!("write how much it may have, or nothing for {}: `memory: 64MiB`", Memory::USUAL));
    }
    written.is
}

/// What only our own station does is not promised of an executor that somebody else runs.
fn refuse_station_fields(entry: &ExecutorEntry, report: &mut Report<'_>) {
    let fields = [
        ("concurrency", entry.concurrency.as_ref().map(|concurrency| concurrency.at)),
        ("max_batch", entry.max_batch.as_ref().map(|most| most.at)),
        ("hears", entry.hears.as_ref().map(|hears| hears.at)),
    ];
    for (field, at) in fields.into_iter().filter_map(|(field, at)| Some((field, at?))) {
        report
            .error(at, format!("executor `{}` runs elsewhere, where nobody reads its `{field}`", entry.name.is))
            .hint("take it out, and say it to the program that runs the executor");
    }
}

/// Reads `rank.py` and `rank.py:score`.
fn python(place: &Spanned<String>, report: &mut Report<'_>) -> Option<ExecutorKind> {
    let (file, function) = place.is.rsplit_once(':').unwrap_or((&place.is, FUNCTION));
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && text.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    if Path::new(file).extension().is_none_or(|extension| extension != "py") || !is_name(function) {
        report
            .error(place.at, format!("`{}` names no function of a Python file", place.is))
            .hint(format!("write `rank.py`, whose function `{FUNCTION}` is called, or `rank.py:best` for another"));
        return None;
    }
    Some(ExecutorKind::Python { file: file.into(), function: function.into() })
}

fn compiled_in(name: &Spanned<String>, report: &mut Report<'_>) -> Option<ExecutorKind> {
    if ExecutorId::new(&name.is).is_err() {
        report
            .error(name.at, format!("`{}` names nothing that could be compiled in", name.is))
            .hint("write the name that the process gave it: `rust: heater`");
        return None;
    }
    Some(ExecutorKind::Rust(name.is.as_str().into()))
}

/// Reads `forest` and `forest@7`.
fn published(model: &Spanned<String>, report: &mut Report<'_>) -> Option<ExecutorKind> {
    let (name, version) = model.is.split_once('@').map_or((model.is.as_str(), None), |(name, at)| (name, Some(at)));
    let Some(name) = ModelName::new(name).ok().filter(|_| version != Some("")) else {
        report
            .error(model.at, format!("`{}` names no published model", model.is))
            .hint("write `forest`, which follows the live version, or `forest@7` for one of them");
        return None;
    };
    Some(ExecutorKind::Model { name, version: version.map(Into::into) })
}

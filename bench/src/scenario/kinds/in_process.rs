//! Kinds whose calls need nothing but this process: a function as a component, the same in Rust, an echo and a constant.

use std::{fs, hint::black_box, sync::Arc, time::Duration};

use anyhow::anyhow;
use bytes::Bytes;
use executor::{BoxFuture, Constant, Echo, Executor, Input, failed};
use policies::InputSchema;
use rank::rank;
use tempfile::TempDir;
use wasm::Wasm;
use wire::{ExecutorId, Failure, ModelVersion};

use super::{Calls, beside, standing, through};
use crate::{cpu::Whose, line::Line};

const WINE: &[u8] = br#"{"alcohol":12.8,"sulphates":0.7,"volatile_acidity":0.3}"#;

/// The example's function as an executor in Rust.
struct Rank;

// === impl Rank ===

impl Executor for Rank {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move { ranked(&input.body).map(Bytes::from).map_err(failed) })
    }

    fn model(&self) -> ModelVersion {
        ModelVersion::new("rank", "1")
    }
}

pub(super) async fn measure() -> anyhow::Result<Vec<Line>> {
    let schema = Arc::new(InputSchema::of(&["alcohol", "sulphates", "volatile_acidity"], &[]));
    let (wine, name) = (Bytes::from_static(WINE), ExecutorId::new("rank").expect("a name"));
    let component = rank_as_a_component(&schema)?;
    let echo = Echo::new(&name);
    let constant = Constant::new(&name, r#"{"class":"plain"}"#, Duration::ZERO);
    let answer = Bytes::from_static(br#"{"class":"plain"}"#);

    let function = || {
        Calls::new(async || {
            black_box(ranked(black_box(WINE)).map_err(|problem| anyhow!(problem))?);
            Ok(())
        })
    };
    let clone = |bytes: &Bytes| {
        let bytes = bytes.clone();
        Calls::new(async move || {
            black_box(black_box(&bytes).clone());
            Ok(())
        })
    };
    let mut lines = Vec::new();
    lines.extend(beside("wasm", Whose::Own, function(), through(&component, &schema, &wine)).await?);
    lines.extend(beside("rust", Whose::Own, function(), through(&Rank, &schema, &wine)).await?);
    lines.extend(beside("echo", Whose::Own, clone(&wine), through(&echo, &schema, &wine)).await?);
    lines.extend(beside("constant", Whose::Own, clone(&answer), through(&constant, &schema, &wine)).await?);
    Ok(lines)
}

fn ranked(body: &[u8]) -> Result<String, String> {
    rank(std::str::from_utf8(body).map_err(|error| error.to_string())?)
}

fn rank_as_a_component(schema: &InputSchema) -> anyhow::Result<Wasm> {
    let folder = TempDir::new()?;
    let path = folder.path().join("rank.wasm");
    fs::write(&path, component::rank()?)?;
    let spec = wasm::Spec { path: &path, memory: policies::Memory::USUAL, schema: Some(schema) };
    Ok(Wasm::load("rank", spec, standing())?)
}

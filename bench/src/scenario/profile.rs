//! `profile`: where hedgerow's processor time goes, as a flame graph of the load of `overhead`.
//!
//! Linux' perf takes samples of this process, in which every station, the Kafka client and the load live; the broker is
//! another's. `inferno` folds and draws them. Nothing is measured here: to be sampled slows everything down.

use std::{
    fs::{self, File},
    path::Path,
    process::{self, Command, Stdio},
};

use anyhow::{Context as _, ensure};
use bus::Clock;
use tempfile::TempDir;

use super::Kafka;
use crate::{
    arguments::Arguments,
    keep,
    line::{Line, grouped},
    measure::Subject,
    system::{Hedgerow, Order},
    work::AMPLE,
};

const RATE: u32 = 1_000;
const SECONDS: u32 = 10;

/// Samples a second. Not a round figure: no timer of ours keeps step with it.
const SAMPLES: &str = "-F199";

/// What is narrower than so many of a hundred of the whole is not drawn, from the first on, until the picture is small
/// enough to be kept.
const NARROWEST: [&str; 5] = ["0.1", "0.2", "0.4", "0.8", "1.6"];
const BYTES_MAX: u64 = 300_000;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let folder = arguments.keep.as_deref().context("say where the flame graph goes: --keep docs/bench")?;
    let work = tempfile::tempdir()?;
    let Kafka { bus, .. } = Kafka::start()?;
    let (rate, seconds) = (arguments.rate.unwrap_or(RATE), arguments.seconds.unwrap_or(SECONDS));
    let mut ours = Subject::new(Hedgerow::start(&bus, &Clock::system(), Order::default()).await?, AMPLE);
    ours.warm_up(rate, arguments.warmup).await?;
    let samples = work.path().join("samples");
    let mut perf = Command::new("perf")
        .args(["record", "--quiet", SAMPLES, "-e", "cpu-clock", "--call-graph", "dwarf,16384", "-o"])
        .arg(&samples)
        .args(["-p", &process::id().to_string(), "--", "sleep", &seconds.to_string()])
        .spawn()
        .context("perf cannot be started: `make profile` says how to get it")?;
    ours.measure(rate, seconds).await?;
    ensure!(perf.wait()?.success(), "perf took no samples: its own words are above");
    ours.finish("profile", rate).await?;
    fs::create_dir_all(folder)?;
    let title = format!("hedgerow at {} requests a second, three executors", grouped(f64::from(rate)));
    draw(&work, &samples, &title, &folder.join(keep::FLAMES))?;
    Ok(Vec::new())
}

fn draw(work: &TempDir, samples: &Path, title: &str, picture: &Path) -> anyhow::Result<()> {
    let [told, folded] = ["told", "folded"].map(|name| work.path().join(name));
    // What is inlined would be looked up frame by frame, for minutes.
    let mut script = Command::new("perf");
    into(script.args(["script", "--no-inline", "-i"]).arg(samples), &told)?;
    into(Command::new("inferno-collapse-perf").arg(&told), &folded)?;
    for narrowest in NARROWEST {
        let mut flames = Command::new("inferno-flamegraph");
        // What is counted is the processor time that a sample stands for.
        flames.args(["--title", title, "--minwidth", narrowest, "--countname", "ns"]);
        into(flames.arg(&folded), picture)?;
        if fs::metadata(picture)?.len() <= BYTES_MAX {
            break;
        }
    }
    eprintln!("  {} has {} bytes", picture.display(), fs::metadata(picture)?.len());
    Ok(())
}

fn into(command: &mut Command, file: &Path) -> anyhow::Result<()> {
    let name = command.get_program().display().to_string();
    let status = command.stdout(Stdio::from(File::create(file)?)).status();
    let status = status.with_context(|| format!("{name} cannot be started: `make profile` sets it up"))?;
    ensure!(status.success(), "{name} failed: its own words are above");
    Ok(())
}

//! A Python function: called in an interpreter with the JSON read and written there, and in a worker of hedgerow's.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    num::NonZeroUsize,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
};

use anyhow::Context as _;
use bytes::Bytes;
use policies::InputSchema;
use python::{Python, Spec};

use super::{Side, beside, standing, through};
use crate::{cpu::Whose, line::Line};

const WINE: &str = r#"{"alcohol":12.8,"sulphates":0.7,"volatile_acidity":0.3}"#;
/// Makes calls for as long as a turn is whenever it is told to, and says how long each took.
const DIRECTLY: &str = "import json, sys, time
sys.path.insert(0, '.')
import rank
rank.load()
body = sys.argv[1]
for told in sys.stdin:
    took, end = [], time.perf_counter_ns() + int(told)
    while (began := time.perf_counter_ns()) < end:
        json.dumps(rank.score(json.loads(body)))
        took.append(time.perf_counter_ns() - began)
    print(json.dumps(took), flush=True)
";

/// An interpreter that calls the function itself.
struct Directly {
    child: Child,
    told: ChildStdin,
    said: BufReader<ChildStdout>,
}

pub(super) async fn measure() -> anyhow::Result<Vec<Line>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python/rank.py");
    let schema = Arc::new(InputSchema::of(&["alcohol", "sulphates", "volatile_acidity"], &[]));
    let workers = NonZeroUsize::MIN;
    let spec = Spec { path: &file, function: "score", schema: Some(&schema), workers, max_batch: None };
    let ours = Python::load("rank", spec, standing()).await?;
    let direct = Directly::start(file.parent().context("it lies in a folder")?)?;
    let body = Bytes::from_static(WINE.as_bytes());
    Ok(beside("python", Whose::All, direct, through(&ours, &schema, &body)).await?.into())
}

// === impl Directly ===

impl Directly {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::var_os(python::VARIABLE).unwrap_or_else(|| "python3".into()));
        command.args(["-c", DIRECTLY, WINE]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("python3 cannot be run")?;
        let told = child.stdin.take().context("it has an input")?;
        let mut said = BufReader::new(child.stdout.take().context("it has an output")?);
        // `load` prints one line.
        said.read_line(&mut String::new())?;
        Ok(Self { child, told, said })
    }
}

impl Side for Directly {
    async fn turn(&mut self) -> anyhow::Result<Vec<f64>> {
        writeln!(self.told, "{}", super::TURN.as_nanos())?;
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the interpreter said {line:?}"))
    }
}

impl Drop for Directly {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

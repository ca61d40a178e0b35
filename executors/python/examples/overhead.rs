//! What it costs to call a function through a worker, beside calling it in Python itself:
//! `cargo run --release -p hedgerow-python --example overhead`.

use std::{
    io::{self, Write as _},
    num::NonZeroUsize,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use executor::{Executor as _, Input};
use hedgerow_python::{Python, Spec};
use policies::InputSchema;
use wire::{RendezvousName, RequestId, Timestamp};

const CALLS: u32 = 10_000;
const ROUNDS: usize = 5;
const FUNCTION: &str = "def score(x): return {'value': 0.3 * x['hue'] + 0.7 * x['ash'], 'class': int(x['hue'] > 1)}\n\
                        def score_batch(rows): return [score(x) for x in rows]\n";
/// The function alone, and what JSON costs on top wherever it is called from.
const DIRECTLY: &str = "import json, time, sys\nsys.path[0] = '.'\nfrom rank import score\nbody = '{\"hue\": 1.05, \"ash\": 2.5}'\n\
                        def best(what):\n took = []\n for _ in range(5):\n  began = time.perf_counter()\n  for _ in range(10000): what()\n  \
                        took.append(time.perf_counter() - began)\n return min(took) * 100\nx = json.loads(body)\n\
                        print(f'directly            {best(lambda: score(x)):6.1f} us')\n\
                        print(f'directly, with JSON {best(lambda: json.dumps(score(json.loads(body)))):6.1f} us')\n";

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("rank.py");
    std::fs::write(&path, FUNCTION)?;
    Command::new("python3").args(["-c", DIRECTLY]).current_dir(&folder).status()?;
    let schema = Arc::new(InputSchema::of(&["hue", "ash"], &[]));
    let workers = NonZeroUsize::MIN;
    let spec = Spec { path: &path, function: "score", schema: Some(&schema), workers, max_batch: None };
    let python = Python::load("rank", spec, Arc::new(|| Timestamp::EPOCH)).await.map_err(io::Error::other)?;
    let wine = RendezvousName::new("wine").expect("a name");
    let (request, due) = (RequestId::from_key(&wine, "one"), Timestamp::EPOCH.after(Duration::from_secs(9)));
    let input = Input::new(request, due, r#"{"hue": 1.05, "ash": 2.5}"#.into(), schema);
    for rows in [1_u32, 8, 32] {
        let inputs: Vec<&Input> = (0..rows).map(|_| &input).collect();
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            for _ in 0..CALLS / rows {
                assert!(python.score_batch(&inputs).await.iter().all(Result::is_ok), "every row is answered");
            }
            best = best.min(began.elapsed());
        }
        let each = best.as_secs_f64() * 1e6 / f64::from(CALLS / rows * rows);
        writeln!(io::stdout(), "a worker, {rows:2} a call {each:6.1} us")?;
    }
    Ok(())
}

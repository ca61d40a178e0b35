//! What batches save: a backlog of 10,000 requests scored one by one and in calls of up to `max_batch`, decoding and
//! writing included: `cargo run -p hedgerow-onnx --example batches`.

use std::{
    io::{self, Write as _},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use executor::{Executor as _, Input};
use futures::FutureExt as _;
use hedgerow_onnx::Onnx;
use policies::InputSchema;
use wire::{RendezvousName, RequestId, Timestamp};

const BACKLOG: u32 = 10_000;
const SIZES: [usize; 4] = [1, 4, 32, 128];
const ROUNDS: usize = 5;
const FEATURES: &str = "alcohol,malic_acid,ash,alcalinity_of_ash,magnesium,total_phenols,flavanoids,\
                        nonflavanoid_phenols,proanthocyanins,color_intensity,hue,od280_od315,proline";

fn main() -> io::Result<()> {
    let schema = Arc::new(InputSchema::of(&FEATURES.split(',').collect::<Vec<_>>(), &[]));
    for name in ["forest", "boost", "linear", "mlp"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/wine/models/{name}.onnx"));
        let model = Onnx::load(name, &path, &schema, None).map_err(io::Error::other)?;
        for size in SIZES {
            // The best of some: whatever else runs here only makes it slower.
            let took = (0..ROUNDS).map(|_| score(&model, &schema, size)).min().unwrap_or_default();
            let each = took.as_secs_f64() / f64::from(BACKLOG);
            writeln!(io::stdout(), "{name:6} {size:3} in a call: {:7.0}/s, {:5.1} us each", 1.0 / each, each * 1e6)?;
        }
    }
    Ok(())
}

fn score(model: &Onnx, schema: &Arc<InputSchema>, size: usize) -> Duration {
    let inputs: Vec<Input> = (0..BACKLOG).map(|number| input(schema, number)).collect();
    let began = Instant::now();
    for batch in inputs.chunks(size) {
        let answered = match batch {
            [only] => model.score(only).now_or_never().is_some_and(|answer| answer.is_ok()),
            several => {
                let several: Vec<&Input> = several.iter().collect();
                let answers = model.score_batch(&several).now_or_never();
                answers.is_some_and(|answers| answers.iter().all(Result::is_ok))
            }
        };
        assert!(answered, "every row is answered");
    }
    began.elapsed()
}

fn input(schema: &Arc<InputSchema>, number: u32) -> Input {
    let wine = RendezvousName::new("wine").expect("a name");
    let value = 0.5 + f64::from(number % 97) * 0.13;
    let members: Vec<String> = schema.features.iter().map(|name| format!("\"{name}\":{value:.2}")).collect();
    let body = format!("{{{}}}", members.join(","));
    Input::new(RequestId::from_key(&wine, &number.to_string()), Timestamp::EPOCH, body.into(), Arc::clone(schema))
}

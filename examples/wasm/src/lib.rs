//! How good a wine a bottle holds, by rules that somebody wrote down: what `policy.yaml` beside it asks, as a WebAssembly
//! component. The same rules in Python are in `examples/python/rank.py`.

use serde::{Deserialize, Serialize};

wit_bindgen::generate!({ path: "../../executors/wasm/hedgerow.wit", world: "model" });

/// What a request says.
#[derive(Deserialize)]
struct Wine {
    alcohol: f64,
    sulphates: f64,
    volatile_acidity: f64,
}

/// What is answered.
#[derive(Serialize)]
struct Rank {
    class: &'static str,
    quality: f64,
}

struct Model;

impl Guest for Model {
    fn score(input: String) -> Result<Option<String>, String> {
        rank(&input).map(Some)
    }
}

export!(Model);

/// Returns the rank of the wine that `input` is, JSON both, or why it has none.
pub fn rank(input: &str) -> Result<String, String> {
    let wine: Wine = serde_json::from_str(input).map_err(|error| error.to_string())?;
    let quality = 2.2 + 0.31 * wine.alcohol + 0.94 * wine.sulphates - 1.09 * wine.volatile_acidity;
    let rank = Rank { class: if quality > 5.5 { "fine" } else { "plain" }, quality: (quality * 100.0).round() / 100.0 };
    serde_json::to_string(&rank).map_err(|error| error.to_string())
}

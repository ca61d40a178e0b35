//! An ONNX model: a row through a session of onnxruntime itself, and its outputs looked at.

use std::{hint::black_box, path::Path, sync::Arc};

use anyhow::ensure;
use bytes::Bytes;
use onnx::Onnx;
use ort::{inputs, session::Session, value::Tensor};
use policies::InputSchema;

use super::{Calls, beside, through};
use crate::{cpu::Whose, line::Line};

const FEATURES: &str = "alcohol,malic_acid,ash,alcalinity_of_ash,magnesium,total_phenols,flavanoids,\
                        nonflavanoid_phenols,proanthocyanins,color_intensity,hue,od280_od315,proline";
const WINE: [f32; 13] = [13.0, 2.34, 2.36, 19.5, 99.7, 2.3, 2.03, 0.36, 1.59, 5.06, 0.96, 2.61, 746.0];

pub(super) async fn measure() -> anyhow::Result<Vec<Line>> {
    let names: Vec<&str> = FEATURES.split(',').collect();
    let schema = Arc::new(InputSchema::of(&names, &[]));
    let members: Vec<String> = names.iter().zip(WINE).map(|(name, number)| format!("\"{name}\":{number}")).collect();
    let body = Bytes::from(format!("{{{}}}", members.join(",")));
    let mut lines = Vec::new();
    for name in ["linear", "forest"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/wine/models/{name}.onnx"));
        let ours = Onnx::load(name, &file, &schema, None)?;
        let mut session = session(&file)?;
        let input = session.inputs()[0].name().to_owned();
        let mut tensor = Tensor::from_array(([1, WINE.len()], WINE.to_vec()))?;
        let direct = Calls::new(async || {
            tensor.extract_tensor_mut().1.copy_from_slice(black_box(&WINE));
            let outputs = session.run(inputs![input.as_str() => &tensor])?;
            ensure!(outputs[0].try_extract_tensor::<i64>()?.1.len() == 1, "a label for the row");
            black_box(outputs[1].try_extract_tensor::<f32>()?.1);
            Ok(())
        });
        lines.extend(beside(&format!("onnx {name}"), Whose::Own, direct, through(&ours, &schema, &body)).await?);
    }
    Ok(lines)
}

/// Returns a session as ours is: on one thread.
fn session(file: &Path) -> anyhow::Result<Session> {
    let told = |error: ort::Error<_>| anyhow::anyhow!(error.to_string());
    let builder = Session::builder(onnx::environment()?)?.with_intra_threads(1).map_err(told)?;
    Ok(builder.with_inter_threads(1).map_err(told)?.commit_from_file(file)?)
}

//! A server that does as TensorFlow Serving's REST documentation says, and what the executor makes of it.
//!
//! TensorFlow Serving itself is on none of the package registries that the tests may use, so its words are written down
//! here: the row format and its errors, a model's status and its metadata, as they come out of its Protobuf's JSON.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use executor::Executor;
use policies::{Protocol, ServerSpec};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Errand, connect,
    rig::{self, LONG, ask, read, standing},
};

/// A model: its inputs and outputs, each with its datatype and the dimensions behind the rows'.
#[derive(Clone)]
struct Model {
    inputs: Vec<(&'static str, &'static str, Vec<i64>)>,
    outputs: Vec<&'static str>,
    /// What it says about an instance.
    says: fn(&Value) -> Value,
}

/// A served model, and what it was asked.
struct Served {
    address: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

type Answer = (StatusCode, Json<Value>);

fn error(status: StatusCode, words: &str) -> Answer {
    (status, Json(json!({ "error": words })))
}

impl Model {
    async fn serve(self) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1/models/wine:predict", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (model, metadata, kept) = (self.clone(), self.metadata(), Arc::clone(&asked));
        let predict = move |body: String| async move {
            let Ok(body) = serde_json::from_str::<Value>(&body) else {
                return error(StatusCode::BAD_REQUEST, "JSON Parse error: Invalid value. at offset: 0");
            };
            kept.lock().unwrap().push(body.clone());
            model.predict(&body)
        };
        let status = |version: &str, state: &str| json!({"version": version, "state": state, "status": {"error_code": "OK", "error_message": ""}});
        let statuses = json!({"model_version_status": [
            status("9", "AVAILABLE"), status("10", "AVAILABLE"), status("11", "LOADING"), status("8", "END")]});
        let routes = Router::new()
            .route("/v1/models/wine", get(|| async { Json(statuses) }))
            .route("/v1/models/wine/metadata", get(|| async { Json(metadata) }))
            .route("/v1/models/{name}", post(predict))
            .fallback(|| async { error(StatusCode::NOT_FOUND, "Malformed request: GET /v1/nothing") });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Served { address, asked }
    }

    fn metadata(&self) -> Value {
        let tensor = |dtype: &str, dims: &[i64]| {
            let sizes = std::iter::once(&-1).chain(dims);
            let dims: Vec<Value> = sizes.map(|size| json!({"size": size.to_string(), "name": ""})).collect();
            json!({"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": false}, "name": "x:0"})
        };
        let inputs: Value =
            self.inputs.iter().map(|(name, dtype, dims)| ((*name).to_owned(), tensor(dtype, dims))).collect();
        let outputs: Value = self.outputs.iter().map(|name| ((*name).to_owned(), tensor("DT_FLOAT", &[2]))).collect();
        let serving = json!({"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict"});
        json!({
            "model_spec": {"name": "wine", "signature_name": "", "version": "10"},
            "metadata": {"signature_def": {"signature_def": {"serving_default": serving}}},
        })
    }

    /// The row format: a list of instances, each a value of the only input or an object of all inputs.
    fn predict(&self, body: &Value) -> Answer {
        let Some(instances) = body["instances"].as_array() else {
            return error(StatusCode::BAD_REQUEST, "Missing 'inputs' or 'instances' key");
        };
        let fits = |value: &Value, dims: &[i64], dtype: &str| match (dims, value) {
            ([], value) => {
                value.is_number() && (dtype != "DT_INT64" || value.is_i64())
                    || dtype == "DT_STRING" && value.is_string()
            }
            ([length], Value::Array(values)) => usize::try_from(*length) == Ok(values.len()),
            _ => false,
        };
        for instance in instances {
            let is_fit = match self.inputs.as_slice() {
                [(_, dtype, dims)] => fits(instance, dims, dtype),
                several => several.iter().all(|(name, dtype, dims)| fits(&instance[*name], dims, dtype)),
            };
            if !is_fit {
                return error(
                    StatusCode::BAD_REQUEST,
                    &format!("Failed to process element: {instance} of 'instances' list"),
                );
            }
        }
        (StatusCode::OK, Json(json!({ "predictions": instances.iter().map(self.says).collect::<Vec<_>>() })))
    }
}

/// A model as Keras exports it: one input, one output, both with names that nobody chose.
fn keras() -> Model {
    let says = |instance: &Value| json!([0.25, instance[0]]);
    Model { inputs: vec![("dense_input", "DT_FLOAT", vec![2])], outputs: vec!["dense_1"], says }
}

async fn asked(served: &Served) -> Arc<dyn Executor> {
    connect(&spec(&served.address), rig::errand(standing())).await.unwrap()
}

fn spec(address: &str) -> ServerSpec {
    ServerSpec { protocol: Protocol::TensorFlow, url: address.to_owned(), credentials: None, retries: 0 }
}

#[tokio::test]
async fn a_model_of_one_input_is_given_the_list_of_all_features() {
    let served = keras().serve().await;
    let executor = asked(&served).await;
    assert_eq!(executor.model().as_str(), "vendor@10", "the newest version that serves");
    assert_eq!(ask(&executor, LONG).await.unwrap(), json!({"dense_1": [0.25, 1.0]}));
    assert_eq!(*served.asked.lock().unwrap(), [json!({"instances": [[1.0, 2.0]]})]);
    assert_eq!(executor.model().as_str(), "vendor@10", "its answers say nothing of that");
}

#[tokio::test]
async fn a_model_of_an_input_for_each_feature_is_given_them_by_name() {
    let says = |instance: &Value| json!({"label": instance["ash"], "probabilities": [[0.1, 0.9]]});
    let inputs = vec![("ash", "DT_INT64", vec![]), ("hue", "DT_FLOAT", vec![1])];
    let served = Model { inputs, outputs: vec!["label", "probabilities"], says }.serve().await;
    let expected = json!({"class": 2, "probability": 0.9, "probabilities": [0.1, 0.9]});
    assert_eq!(ask(&asked(&served).await, LONG).await.unwrap(), expected);
    assert_eq!(*served.asked.lock().unwrap(), [json!({"instances": [{"ash": 2, "hue": [1.0]}]})]);
}

#[tokio::test]
async fn a_single_number_is_a_regressors_answer() {
    for says in [(|instance: &Value| instance[1].clone()) as fn(&Value) -> Value, |instance| json!([instance[1]])] {
        let served = Model { says, ..keras() }.serve().await;
        assert_eq!(ask(&asked(&served).await, LONG).await.unwrap(), json!({"value": 2.0}));
    }
}

#[tokio::test]
async fn a_batch_is_one_call_with_an_instance_for_each_row() {
    let served = keras().serve().await;
    let errand = Errand { max_batch: NonZeroUsize::new(4), ..rig::errand(standing()) };
    let executor = connect(&spec(&served.address), errand).await.unwrap();
    let inputs = [rig::input(r#"{"hue": 3, "ash": 2}"#), rig::input("{}"), rig::input(r#"{"hue": 5, "ash": 2}"#)];
    let answers = executor.score_batch(&inputs.iter().collect::<Vec<_>>()).await;
    let answers: Vec<_> = answers.into_iter().map(read).collect();
    assert_eq!(
        (&answers[0], &answers[2]),
        (&Ok(json!({"dense_1": [0.25, 3.0]})), &Ok(json!({"dense_1": [0.25, 5.0]})))
    );
    assert!(answers[1].as_ref().unwrap_err().contains("feature `hue` is missing"));
    assert_eq!(served.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_model_that_does_not_fit_is_refused_at_once_and_a_refusal_is_told_in_the_server_s_words() {
    let wide = Model { inputs: vec![("a", "DT_FLOAT", vec![]), ("b", "DT_FLOAT", vec![])], ..keras() }.serve().await;
    let refused = connect(&spec(&wide.address), rig::errand(standing())).await.err().expect("refused").to_string();
    assert!(refused.contains("an input `a`, the policy has no such feature"), "{refused}");
    let narrow = Model { inputs: vec![("dense_input", "DT_FLOAT", vec![3])], ..keras() }.serve().await;
    let problem = ask(&asked(&narrow).await, LONG).await.unwrap_err();
    assert!(problem.contains("400") && problem.contains("Failed to process element"), "{problem}");
}

#[tokio::test]
async fn a_judge_s_model_is_given_text() {
    let says = |instance: &Value| json!([instance.as_str().unwrap().len()]);
    let served = Model { inputs: vec![("case", "DT_STRING", vec![])], outputs: vec!["n"], says }.serve().await;
    let errand = Errand { takes: crate::Takes::Text, ..rig::errand(standing()) };
    let executor = connect(&spec(&served.address), errand).await.unwrap();
    assert_eq!(read(executor.score(&rig::input("{\"input\": {}}")).await), Ok(json!({"value": 13.0})));
}

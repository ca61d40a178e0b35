//! TensorFlow Serving's REST: `:predict` in its row format.
//!
//! The model's signature (`/metadata`) says what an instance looks like: the list of all features where the model has one
//! input, an object of its inputs by name where it has one for each feature. Answers do not say which version gave them,
//! so the model is asked for that again now and then.

mod rows;

use executor::Input;
use reqwest::Url;
use serde_json::Value;

use crate::{
    ServerError,
    dialect::{Answers, Call, Description, Dialect, Problem, Silence},
    layout::Takes,
    web::{Web, address},
};
use rows::{Layout, Metadata, Predicted, Status};

/// A model's `:predict`, and the model itself.
pub(crate) struct TensorFlow {
    predict: Url,
    /// `/v1/models/m`, or one of its versions, or who has one of its labels.
    model: Url,
    web: Web,
}

// === impl TensorFlow ===

impl TensorFlow {
    /// Returns the model whose `:predict` is at `url` (`http://host/v1/models/m:predict`).
    pub(crate) fn new(url: &str, connections: usize) -> Result<Self, ServerError> {
        const WHAT: &str = "a model's `:predict`";
        let predict = address(url, WHAT)?;
        let Some(path) = predict.path().strip_suffix(":predict") else {
            let problem = "its path does not end in `:predict`".to_owned();
            return Err(ServerError::Address { url: url.to_owned(), what: WHAT, problem });
        };
        let mut model = predict.clone();
        model.set_path(path);
        Ok(Self { predict, model, web: Web::new(url, connections)? })
    }

    /// Returns the newest version that serves; one that nobody tells is no reason to do without the model.
    async fn version(&self, call: &Call) -> Option<String> {
        let body = self.web.get(self.model.clone(), call).await.ok()?;
        serde_json::from_slice::<Status>(&body).ok()?.serving()
    }
}

impl Dialect for TensorFlow {
    type Layout = Layout;

    const IS_SILENT_ABOUT_VERSIONS: bool = true;

    fn assumed(&self, takes: &Takes) -> Layout {
        Layout::assumed(takes)
    }

    async fn describe(&self, takes: &Takes, call: Call) -> Result<Description<Layout>, Silence> {
        let mut metadata = self.model.clone();
        metadata.set_path(&format!("{}/metadata", self.model.path()));
        let body = self.web.get(metadata, &call).await.map_err(Silence::of)?;
        let metadata: Metadata = serde_json::from_slice(&body)
            .map_err(|error| Silence::Mute(self.web.unreadable("description of a model", &error, &body)))?;
        let layout = Layout::of(&metadata, takes).map_err(Silence::Misfit)?;
        Ok(Description { layout, version: self.version(&call).await })
    }

    fn check(&self, layout: &Layout, input: &Input) -> Result<(), String> {
        layout.instance(input).map(drop)
    }

    async fn ask(&self, layout: &Layout, rows: &[&Input], call: Call) -> Result<Answers, Problem> {
        let instances: Vec<Value> =
            rows.iter().map(|row| layout.instance(row)).collect::<Result<_, _>>().map_err(Problem::Failed)?;
        let request = serde_json::to_vec(&serde_json::json!({ "instances": instances }))
            .expect("numbers and names are always written");
        let body = self.web.post(self.predict.clone(), request, &call).await?;
        let unreadable = |problem: &dyn std::fmt::Display| self.web.unreadable("prediction", problem, &body);
        let predicted: Predicted =
            serde_json::from_slice(&body).map_err(|error| Problem::Failed(unreadable(&error)))?;
        let bodies = predicted.answers(layout, rows.len()).map_err(|problem| Problem::Refused(unreadable(&problem)))?;
        Ok(Answers { bodies, version: None })
    }
}

#[cfg(test)]
mod tests;

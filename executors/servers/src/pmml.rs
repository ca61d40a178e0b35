//! Openscoring's REST, behind which a JVM evaluates PMML.
//!
//! A model's fields are asked for once, and each is given the feature of its name; features that it has no field for stay
//! here. Several inputs go to `/batch` at once. Which version a model has, only a checksum of its file tells. A JVM loads what
//! it runs when it is first needed, which takes longer than a budget: so it is asked once before anybody waits for it.

mod evaluation;

use executor::Input;
use reqwest::Url;

use crate::{
    ServerError,
    dialect::{Answers, Call, Description, Dialect, Problem, Silence},
    layout::Takes,
    web::{Web, address},
};
use evaluation::{BatchRequest, BatchResponse, Evaluated, Layout, ModelResponse, Request};

/// What a model is described as, in words.
const WHAT: &str = "a model on an Openscoring server";

/// A model and its `/batch`.
pub(crate) struct Pmml {
    model: Url,
    batch: Url,
    web: Web,
}

// === impl Pmml ===

impl Pmml {
    /// Returns the model at `url` (`http://host/openscoring/model/m`).
    pub(crate) fn new(url: &str, connections: usize) -> Result<Self, ServerError> {
        let model = address(url, WHAT)?;
        let mut batch = model.clone();
        batch.set_path(&format!("{}/batch", model.path().trim_end_matches('/')));
        Ok(Self { model, batch, web: Web::new(url, connections)? })
    }

    async fn evaluate(&self, request: Request<'_>, call: &Call) -> Result<Vec<Evaluated>, Problem> {
        let body = self.web.post(self.model.clone(), written(&request), call).await?;
        self.read::<Evaluated>(&body).map(|evaluated| vec![evaluated])
    }

    async fn evaluate_all(&self, requests: Vec<Request<'_>>, call: &Call) -> Result<Vec<Evaluated>, Problem> {
        let (rows, id) = (requests.len(), requests[0].id.clone());
        let body = self.web.post(self.batch.clone(), written(&BatchRequest { id, requests }), call).await?;
        let responses = self.read::<BatchResponse>(&body)?.responses;
        if responses.len() == rows {
            return Ok(responses);
        }
        let problem = format!("it has {} responses to {rows} requests", responses.len());
        Err(Problem::Refused(self.web.unreadable("evaluation", &problem, &body)))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, body: &[u8]) -> Result<T, Problem> {
        serde_json::from_slice(body).map_err(|error| Problem::Failed(self.web.unreadable("evaluation", &error, body)))
    }
}

impl Dialect for Pmml {
    type Layout = Layout;

    const IS_SILENT_ABOUT_VERSIONS: bool = true;
    const IS_COLD_AT_FIRST: bool = true;

    fn assumed(&self, takes: &Takes) -> Layout {
        Layout::assumed(takes)
    }

    async fn describe(&self, takes: &Takes, call: Call) -> Result<Description<Layout>, Silence> {
        let body = self.web.get(self.model.clone(), &call).await.map_err(Silence::of)?;
        let model: ModelResponse = serde_json::from_slice(&body)
            .map_err(|error| Silence::Mute(self.web.unreadable("description of a model", &error, &body)))?;
        let layout = Layout::of(&model, takes).map_err(Silence::Misfit)?;
        Ok(Description { layout, version: model.version() })
    }

    fn check(&self, layout: &Layout, input: &Input) -> Result<(), String> {
        layout.request(input).map(drop)
    }

    async fn ask(&self, layout: &Layout, rows: &[&Input], call: Call) -> Result<Answers, Problem> {
        let mut requests: Vec<Request> =
            rows.iter().map(|row| layout.request(row)).collect::<Result<_, _>>().map_err(Problem::Failed)?;
        let evaluated = if rows.len() == 1 {
            self.evaluate(requests.remove(0), &call).await?
        } else {
            self.evaluate_all(requests, &call).await?
        };
        let answer = |evaluated: Evaluated| {
            evaluated.answer(layout).map_err(|words| Problem::Refused(format!("`{}` answered: {words}", self.model)))
        };
        Ok(Answers { bodies: evaluated.into_iter().map(answer).collect::<Result<_, _>>()?, version: None })
    }
}

fn written(request: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("numbers and names are always written")
}

#[cfg(test)]
mod tests;

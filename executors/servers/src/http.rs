//! The Open Inference Protocol v2 as JSON over HTTP.

mod answer;

use executor::Input;
use reqwest::Url;
use serde::Serialize;

use crate::{
    ServerError,
    dialect::{Answers, Call, Description, Dialect, Problem, Silence},
    layout::{Given, Layout, Takes},
    web::{Web, address},
};
use answer::Inferred;

/// A model's `infer`, and the model itself.
pub(crate) struct Http {
    infer: Url,
    model: Url,
    web: Web,
}

#[derive(Serialize)]
struct Infer<'a> {
    id: String,
    inputs: Vec<Given<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<Wanted<'a>>,
}

#[derive(Serialize)]
struct Wanted<'a> {
    name: &'a str,
}

// === impl Http ===

impl Http {
    /// Returns the model whose `infer` is at `url` (`http://host/v2/models/m/infer`).
    pub(crate) fn new(url: &str, connections: usize) -> Result<Self, ServerError> {
        const WHAT: &str = "a model's `infer`";
        let infer = address(url, WHAT)?;
        let Some(path) = infer.path().strip_suffix("/infer") else {
            let problem = "its path does not end in `/infer`".to_owned();
            return Err(ServerError::Address { url: url.to_owned(), what: WHAT, problem });
        };
        let mut model = infer.clone();
        model.set_path(path);
        Ok(Self { infer, model, web: Web::new(url, connections)? })
    }
}

impl Dialect for Http {
    type Layout = Layout;

    const IS_SILENT_ABOUT_VERSIONS: bool = false;

    fn assumed(&self, takes: &Takes) -> Layout {
        Layout::assumed(takes)
    }

    async fn describe(&self, takes: &Takes, call: Call) -> Result<Description<Layout>, Silence> {
        let body = self.web.get(self.model.clone(), &call).await.map_err(Silence::of)?;
        let metadata = serde_json::from_slice(&body)
            .map_err(|error| Silence::Mute(self.web.unreadable("description of a model", &error, &body)))?;
        Ok(Description { layout: Layout::of(metadata, takes).map_err(Silence::Misfit)?, version: None })
    }

    fn check(&self, layout: &Layout, input: &Input) -> Result<(), String> {
        layout.check(input)
    }

    async fn ask(&self, layout: &Layout, rows: &[&Input], call: Call) -> Result<Answers, Problem> {
        let id = rows.first().map(|row| row.request.to_string()).unwrap_or_default();
        let outputs = layout.wanted.iter().map(|name| Wanted { name }).collect();
        let request = Infer { id, inputs: layout.tensors(rows).map_err(Problem::Failed)?, outputs };
        let request = serde_json::to_vec(&request).expect("numbers and names are always written");
        let body = self.web.post(self.infer.clone(), request, &call).await?;
        let unreadable = |problem: &dyn std::fmt::Display| self.web.unreadable("inference response", problem, &body);
        let mut inferred: Inferred =
            serde_json::from_slice(&body).map_err(|error| Problem::Failed(unreadable(&error)))?;
        let version = inferred.model_version.take();
        let bodies = inferred.answers(rows.len()).map_err(|problem| Problem::Refused(unreadable(&problem)))?;
        Ok(Answers { bodies, version })
    }
}

#[cfg(test)]
mod tests;

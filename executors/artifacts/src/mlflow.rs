//! Models that are registered with `MLflow`: where a version's files lie, asked of its REST API.

use std::path::Path;

use models::{Pick, Reference};
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;

use crate::{ArtifactError, Artifacts, Settled, download, server};

/// A tracking server, asked about one reference.
pub(crate) struct MlFlow<'run> {
    client: &'run reqwest::Client,
    base: Url,
    token: Option<String>,
    user: Option<(String, Option<String>)>,
    uri: &'run str,
}

/// Where a version's file lies.
pub(crate) enum Place {
    /// With the tracking server, under this path.
    Proxied(Vec<String>),
    /// Somewhere that is reached without it.
    Elsewhere(Reference),
}

#[derive(Deserialize)]
struct Found {
    model_version: Version,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    run_id: Option<String>,
}

#[derive(Deserialize)]
struct Download {
    artifact_uri: String,
}

/// What `MLflow`'s ONNX flavour calls its file.
const FILE: &str = "model.onnx";
const API: [&str; 3] = ["api", "2.0", "mlflow"];

// === impl MlFlow ===

impl<'run> MlFlow<'run> {
    pub(crate) async fn of(artifacts: &'run Artifacts, uri: &'run str) -> Result<Self, ArtifactError> {
        let environment = &artifacts.environment;
        let missing = |missing: &str| ArtifactError::Environment { uri: uri.to_owned(), missing: missing.to_owned() };
        let base = environment("MLFLOW_TRACKING_URI")
            .ok_or_else(|| missing("set MLFLOW_TRACKING_URI to the address of the MLflow server"))?;
        let base: Url = base.parse().map_err(|_| missing("MLFLOW_TRACKING_URI is no address"))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(missing("MLFLOW_TRACKING_URI must be a server's address: `http://…`"));
        }
        let user = environment("MLFLOW_TRACKING_USERNAME").map(|user| (user, environment("MLFLOW_TRACKING_PASSWORD")));
        let token = environment("MLFLOW_TRACKING_TOKEN");
        Ok(Self { client: artifacts.client().await?, base, token, user, uri })
    }

    /// Returns the version that is meant now, by its number, and the run that made it.
    pub(crate) async fn settle(&self, name: &str, pick: &Pick) -> Result<Settled, ArtifactError> {
        let Version { version, run_id } = self.version(name, pick).await?;
        let run_id = run_id.filter(|run| !run.is_empty());
        let trained_on = run_id.map(|run| format!("mlflow run {run}"));
        Ok(Settled { uri: format!("models:/{name}/{version}"), trained_on })
    }

    /// Returns where the model's file lies.
    pub(crate) async fn place(&self, name: &str, pick: &Pick) -> Result<Place, ArtifactError> {
        let version = self.version(name, pick).await?.version;
        let query = [("name", name), ("version", version.as_str())];
        let Download { artifact_uri } = self.ask(&["model-versions", "get-download-uri"], &query).await?;
        let artifact = match artifact_uri.trim_end_matches('/') {
            file if Path::new(file).extension().is_some_and(|kind| kind == "onnx") => file.to_owned(),
            folder => format!("{folder}/{FILE}"),
        };
        if let Some(path) = artifact.strip_prefix("mlflow-artifacts:") {
            let path = path.trim_start_matches('/').split('/').map(str::to_owned);
            let proxy = ["api", "2.0", "mlflow-artifacts", "artifacts"].map(str::to_owned);
            return Ok(Place::Proxied(proxy.into_iter().chain(path).collect()));
        }
        let reference = Reference::parse(&artifact)?;
        if matches!(reference, Reference::MlFlow { .. }) {
            return Err(server(
                self.uri,
                &format!("MLflow says that it lies at {artifact}, which leads nowhere"),
                false,
            ));
        }
        Ok(Place::Elsewhere(reference))
    }

    async fn version(&self, name: &str, pick: &Pick) -> Result<Version, ArtifactError> {
        let Found { model_version } = match pick {
            Pick::Alias(alias) => {
                self.ask(&["registered-models", "alias"], &[("name", name), ("alias", alias.as_str())]).await?
            }
            Pick::Version(version) => {
                let version = version.to_string();
                self.ask(&["model-versions", "get"], &[("name", name), ("version", version.as_str())]).await?
            }
        };
        Ok(model_version)
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ArtifactError> {
        let path: Vec<String> = API.iter().chain(path).map(|part| (*part).to_owned()).collect();
        let body = download(self.get(&path, query), self.uri).await?;
        let unlike = |error| server(self.uri, &format!("its server does not answer as MLflow would: {error}"), false);
        serde_json::from_slice(&body).map_err(unlike)
    }

    pub(crate) fn get(&self, path: &[String], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.query_pairs_mut().extend_pairs(query);
        let request = self.client.get(url);
        match (&self.token, &self.user) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some((user, password))) => request.basic_auth(user, password.as_ref()),
            (None, None) => request,
        }
    }
}

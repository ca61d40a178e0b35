//! How commands reach the policies that run: over the log, or through the door of a process; the same either way.

mod told;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use bus::Clock;
use clap::Args;
use control::{Follower, ModelOutcome, Outcome, PolicyView, WantedModel, door::Wanted};
use models::ModelView;
use reqwest::header;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use wire::{Action, ModelName, RendezvousName};

use super::Failure;
use crate::{
    console::{OPERATOR, READER},
    publications::{ModelsView, view},
    settings::{BusArgs, pair},
};

pub(super) use told::{conflict, exit_code, told};

/// Where the policies run.
#[derive(Args, Debug)]
pub(super) struct Reach {
    /// Where a process listens that runs the rendezvous (`hedgerow up`); not used with brokers
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        env = "HEDGEROW_AT",
        hide_env_values = true,
        help_heading = "Where"
    )]
    at: String,

    /// Kafka brokers, `host:port[,host:port…]`: the log itself, whichever processes run
    #[arg(long, env = "BROKERS", hide_env_values = true, value_name = "HOST:PORT", help_heading = "Where")]
    brokers: Option<String>,

    /// A client option passed through to librdkafka, for TLS and SASL; repeatable
    #[arg(long = "kafka", value_name = "KEY=VALUE", value_parser = pair, help_heading = "Where")]
    options: Vec<(String, String)>,

    /// A file of such options, one `key=value` a line
    #[arg(long, value_name = "FILE", env = "KAFKA_CONFIG", hide_env_values = true, help_heading = "Where")]
    kafka_config: Option<PathBuf>,
}

/// Who changes something, and why.
#[derive(Args, Debug)]
pub(super) struct Signature {
    /// Who you are; `$USER` when not given. A claim: the log's access rules decide who may write at all
    #[arg(long, value_name = "NAME", env = "HEDGEROW_AUTHOR", hide_env_values = true)]
    author: Option<String>,

    /// Why, for those who read the versions later
    #[arg(long, short, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(super) message: String,
}

/// The policies that run.
pub(super) enum Control {
    /// As the log tells them.
    Log(Follower),
    /// As a process tells them that follows its log.
    Door {
        /// Asks it.
        client: reqwest::Client,
        /// Its address, without a slash at the end.
        at: String,
    },
}

/// The exit code of a change that somebody else's came before.
pub(super) const CONFLICT: u8 = 3;
/// How long the log may take to tell what versions there are.
const PATIENCE: Duration = Duration::from_secs(30);

// === impl Reach ===

impl Reach {
    /// Opens the way. Over the log, it returns once every version is known.
    pub(super) async fn open(&self) -> Result<Control, Failure> {
        let clock = Clock::system();
        let bus = self.bus_args();
        if bus.brokers().is_none() {
            let client = client()?.timeout(PATIENCE).build().context("no HTTP client")?;
            return Ok(Control::Door { client, at: self.at.trim_end_matches('/').to_owned() });
        }
        let bus = bus.open(&clock).map_err(Failure::Refused)?;
        let place = bus.describe();
        let follower = Follower::start(bus, clock, Arc::default(), CancellationToken::new());
        match tokio::time::timeout(PATIENCE, follower).await {
            Ok(follower) => Ok(Control::Log(follower.with_context(|| format!("on {place}"))?)),
            Err(_) => Err(anyhow!("{place} did not tell within {PATIENCE:?} what versions there are").into()),
        }
    }
}

impl Reach {
    /// Returns where a process listens, if no brokers are named.
    pub(super) fn at(&self) -> &str {
        self.at.trim_end_matches('/')
    }

    /// Returns how the log is reached, if brokers are named.
    pub(super) fn bus_args(&self) -> BusArgs {
        BusArgs {
            brokers: self.brokers.clone(),
            options: self.options.clone(),
            kafka_config: self.kafka_config.clone(),
            ..BusArgs::default()
        }
    }
}

// === impl Signature ===

impl Signature {
    pub(super) fn author(&self) -> String {
        self.author.clone().unwrap_or_else(whoever_calls)
    }
}

/// Returns the name of the user that runs this process.
pub(super) fn whoever_calls() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

// === impl Control ===

impl Control {
    /// Returns the names of all rendezvous that have a version.
    pub(super) async fn names(&self) -> anyhow::Result<Vec<String>> {
        #[derive(serde::Deserialize)]
        struct Names {
            rendezvous: Vec<String>,
        }
        match self {
            Self::Log(follower) => Ok(follower.names().iter().map(ToString::to_string).collect()),
            Self::Door { client, at } => Ok(get::<Names>(client, at, "/control").await?.rendezvous),
        }
    }

    /// Returns what there is to know about a policy that has a version.
    pub(super) async fn view(&self, name: &RendezvousName) -> anyhow::Result<PolicyView> {
        let view = self.view_if_any(name).await?;
        if view.newest == 0 {
            let names = self.names().await?.join("`, `");
            bail!("there is no policy of `{name}` yet; there is `{names}`");
        }
        Ok(view)
    }

    /// Returns what there is to know about a policy, be it nothing. A process knows only those it runs.
    pub(super) async fn view_if_any(&self, name: &RendezvousName) -> anyhow::Result<PolicyView> {
        match self {
            Self::Log(follower) => {
                let history = follower.history(name).context("the log speaks of too many rendezvous")?;
                let view = PolicyView::from(&*history.borrow());
                Ok(view)
            }
            Self::Door { client, at } => get(client, at, &format!("/control/{name}")).await,
        }
    }

    /// Returns a version's text.
    pub(super) async fn text(&self, name: &RendezvousName, version: u64) -> anyhow::Result<String> {
        match self {
            Self::Log(follower) => {
                let history = follower.history(name).context("the log speaks of too many rendezvous")?;
                let text = history.borrow().entry(version).map(|entry| entry.text().to_string());
                text.with_context(|| format!("`{name}` has no version {version}"))
            }
            Self::Door { client, at } => {
                let response = asked(at, client.get(format!("{at}/control/{name}/{version}"))).await?;
                Ok(answered(response).await?.text().await?)
            }
        }
    }

    /// Returns every model that is published.
    pub(super) async fn models(&self) -> anyhow::Result<ModelsView> {
        match self {
            Self::Log(follower) => Ok(ModelsView::from(&**follower.models().borrow())),
            Self::Door { client, at } => get(client, at, "/api/v1/models?stats=false").await,
        }
    }

    /// Returns what there is to know about a model.
    pub(super) async fn model(&self, name: &ModelName) -> anyhow::Result<ModelView> {
        match self {
            Self::Log(follower) => view(&follower.models().borrow(), name.as_str()).map_err(anyhow::Error::msg),
            Self::Door { client, at } => get(client, at, &format!("/api/v1/models/{name}?stats=false")).await,
        }
    }

    /// Wants something changed about a model, and returns what came of it.
    pub(super) async fn change_model(&self, name: &ModelName, wanted: &WantedModel) -> anyhow::Result<ModelOutcome> {
        match self {
            Self::Log(follower) => Ok(follower.publish_model(name, wanted.clone()).await?),
            Self::Door { client, at } => {
                outcome(at, asked(at, client.post(format!("{at}/models/{name}")).json(wanted)).await?).await
            }
        }
    }

    /// Wants a change, and returns what came of it.
    pub(super) async fn change(
        &self,
        name: &RendezvousName,
        author: &str,
        message: &str,
        action: Action,
    ) -> anyhow::Result<Outcome> {
        match self {
            Self::Log(follower) => Ok(follower.publish(follower.change(name, author, message, action)).await?),
            Self::Door { client, at } => {
                let wanted = Wanted { author: author.to_owned(), message: message.to_owned(), action };
                outcome(at, asked(at, client.post(format!("{at}/control/{name}")).json(&wanted)).await?).await
            }
        }
    }
}

/// Reads what came of a change.
async fn outcome<T: DeserializeOwned>(at: &str, response: reqwest::Response) -> anyhow::Result<T> {
    if !matches!(response.status().as_u16(), 409 | 422) {
        return Ok(answered(response).await?.json().await?);
    }
    let body = response.text().await?;
    serde_json::from_str(&body).map_err(|_| anyhow!("{at} refuses: {}", error_of(&body)))
}

/// Returns who asks a process: with the operator's token if the environment has it, else with the reader's.
pub(super) fn client() -> anyhow::Result<reqwest::ClientBuilder> {
    let said = |(variable, _): (&str, &str)| std::env::var(variable).ok().filter(|said| !said.trim().is_empty());
    // What a proxy elsewhere would reach as 127.0.0.1 is not this machine.
    let client = reqwest::Client::builder().no_proxy();
    let Some(token) = said(OPERATOR).or_else(|| said(READER)) else { return Ok(client) };
    let bearer = header::HeaderValue::from_str(&format!("Bearer {}", token.trim()));
    let mut bearer = bearer.context("the token in the environment cannot be sent")?;
    bearer.set_sensitive(true);
    Ok(client.default_headers(header::HeaderMap::from_iter([(header::AUTHORIZATION, bearer)])))
}

async fn get<T: DeserializeOwned>(client: &reqwest::Client, at: &str, path: &str) -> anyhow::Result<T> {
    let response = asked(at, client.get(format!("{at}{path}"))).await?;
    answered(response).await?.json().await.with_context(|| format!("{at} does not answer as hedgerow would"))
}

pub(super) async fn asked(at: &str, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
    request.send().await.map_err(|error| {
        if error.is_builder() {
            return anyhow!("`{at}` is no address: write it like http://127.0.0.1:8080");
        }
        anyhow!(
            "nothing answers at {at}: `hedgerow up` listens there if it runs; name another place with --at, or the log \
             with --brokers"
        )
    })
}

/// Returns the response if it is an answer; what a door says instead becomes the error.
async fn answered(response: reqwest::Response) -> anyhow::Result<reqwest::Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, at) = (response.status(), response.url().clone());
    bail!("{at} says {status}: {}", error_of(&response.text().await.unwrap_or_default()))
}

pub(super) fn error_of(body: &str) -> String {
    let said: Option<serde_json::Value> = serde_json::from_str(body).ok();
    said.and_then(|said| Some(said.get("error")?.as_str()?.to_owned())).unwrap_or_else(|| body.trim().to_owned())
}

/// Runs a command that reaches the policies.
pub(super) fn block_on(command: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    super::runtime()?.block_on(command)
}

pub(super) fn rendezvous(name: &str) -> Result<RendezvousName, Failure> {
    RendezvousName::new(name).map_err(|error| Failure::Refused(error.into()))
}

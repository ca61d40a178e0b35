//! Whom commands that look back ask: the log itself, or a running process.

use std::{sync::Arc, time::Duration};

use ::models::Registry;
use ::policies::{Definition, Versions};
use anyhow::{Context as _, anyhow, bail};
use bus::{Bus, Clock};
use reqwest::{Url, header};
use wire::RendezvousName;

use super::{
    Failure,
    control::{Control, Reach, asked, client, error_of},
};

/// Whoever is there takes a connection within that.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// One rendezvous, and where its past is found.
pub(super) enum Source {
    /// In the log.
    Log {
        /// The log.
        bus: Arc<dyn Bus>,
        /// Whose topics.
        rendezvous: RendezvousName,
        /// All its versions; `None` if there are none, or a file stands for them.
        versions: Option<Arc<Versions>>,
        /// The models that are published; none, if a file stands for its versions.
        models: Arc<Registry>,
    },
    /// With a process that runs it.
    Door {
        /// Asks it.
        client: reqwest::Client,
        /// Its address.
        at: String,
        /// Whom it is asked about.
        rendezvous: RendezvousName,
    },
}

// === impl Source ===

impl Source {
    /// Finds the rendezvous `name`, or the only one there is. With a `file` that stands for its policy no version is
    /// looked for.
    pub(super) async fn open(
        reach: &Reach,
        clock: &Clock,
        name: Option<&str>,
        file: Option<&Definition>,
    ) -> Result<Self, Failure> {
        let bus = reach.bus_args();
        if let (Some(file), Some(_)) = (file, bus.brokers()) {
            let rendezvous = name.map_or_else(|| Ok(file.name().clone()), super::control::rendezvous)?;
            return Ok(Self::Log {
                bus: bus.open(clock).map_err(Failure::Refused)?,
                rendezvous,
                versions: None,
                models: Arc::default(),
            });
        }
        let control = reach.open().await?;
        let rendezvous = match name {
            Some(name) => super::control::rendezvous(name)?,
            None => only(&control.names().await?)?,
        };
        match control {
            Control::Log(follower) => {
                let versions = follower.versions(&rendezvous).map(|versions| Arc::clone(&versions.borrow()));
                let models = Arc::clone(&follower.models().borrow());
                Ok(Self::Log { bus: bus.open(clock).map_err(Failure::Refused)?, rendezvous, versions, models })
            }
            Control::Door { client, at } => Ok(Self::Door { client, at, rendezvous }),
        }
    }
}

/// Asks the process at `at` for what `path` and `query` give, as `media`, however long it goes on.
pub(super) async fn open(
    at: &str,
    path: &[&str],
    query: &[(&str, String)],
    media: &'static str,
) -> anyhow::Result<reqwest::Response> {
    let client = client()?.connect_timeout(CONNECT_WITHIN).build().context("no HTTP client")?;
    let response = ask(&client, at, path, query, media).await?;
    if response.status().is_success() {
        return Ok(response);
    }
    bail!("{}", error_of(&response.text().await?))
}

/// Asks the process at `at` for what `path` and `query` give, as `media`.
pub(super) async fn get(
    client: &reqwest::Client,
    at: &str,
    path: &[&str],
    query: &[(&str, String)],
    media: &'static str,
) -> anyhow::Result<String> {
    let response = ask(client, at, path, query, media).await?;
    let status = response.status();
    let text = response.text().await?;
    if !status.is_success() {
        bail!("{}", error_of(&text));
    }
    Ok(text)
}

async fn ask(
    client: &reqwest::Client,
    at: &str,
    path: &[&str],
    query: &[(&str, String)],
    media: &'static str,
) -> anyhow::Result<reqwest::Response> {
    let mut url = Url::parse(at).with_context(|| format!("`{at}` is no address"))?;
    url.path_segments_mut().map_err(|()| anyhow!("`{at}` is no address"))?.pop_if_empty().extend(path);
    url.query_pairs_mut().extend_pairs(query);
    asked(at, client.get(url).header(header::ACCEPT, media)).await
}

fn only(names: &[String]) -> Result<RendezvousName, Failure> {
    match names {
        [name] => super::control::rendezvous(name),
        [] => Err(Failure::Failed(anyhow!("there is no rendezvous that has a policy"))),
        _ => Err(Failure::Refused(anyhow!("say which with --rendezvous: {}", names.join(", ")))),
    }
}

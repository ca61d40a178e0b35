//! What watches over a process and its log: how far stations are behind, what is there and what is not, what is wrong, and
//! who is told of it. One of each, however many ask.

use std::sync::Arc;

use axum::Router;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::{
    alerting::{self, Looks, WantedAlerts, Watch, alert_routes},
    door::Shelf,
    health::{Checkup, api_route, health_route},
    lagging::{Lagging, lag_routes},
};

/// Whoever watches.
#[derive(Clone)]
pub struct Oversight {
    /// How far stations are behind.
    pub lagging: Arc<Lagging>,
    /// What is wrong.
    pub watch: Arc<Watch>,
    /// What is there and what is not.
    pub checkup: Arc<Checkup>,
}

// === impl Oversight ===

impl Oversight {
    /// Begins to watch, and to tell whoever wants to be told, until `stop`.
    pub fn start(
        looks: Looks,
        wanted: WantedAlerts,
        registry: &mut Registry,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let lagging = Arc::clone(&looks.lagging);
        let watch = Arc::new(Watch::new(looks.clone()));
        let receivers = alerting::start(wanted, Arc::clone(&watch), registry, stop.clone())?;
        Ok(Self { lagging, watch, checkup: Checkup::start(looks, receivers, stop) })
    }

    /// Returns the routes under `/api`.
    pub fn api(&self, versions: Shelf) -> Router {
        lag_routes(Arc::clone(&self.lagging), versions)
            .merge(alert_routes(Arc::clone(&self.watch)))
            .merge(api_route(Arc::clone(&self.checkup)))
    }

    /// Returns `/health`, where no console serves it.
    pub fn health(&self) -> Router {
        health_route(Arc::clone(&self.checkup))
    }
}

//! The standard health service, `grpc.health.v1`, as balancers and supervisors ask it.
//!
//! The name of a rendezvous is a service of its own; the empty name and the protocol's are all of them together.

use std::time::Duration;

use futures::{StreamExt as _, stream, stream::BoxStream};
use oip::server::SERVICE_NAME;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

use super::{AROUND, Starters};
use crate::starter::Starter;

/// The path under which its calls are.
pub(super) const PATH: &str = "/grpc.health.v1.Health/{call}";
/// How often it is looked for whoever watches.
const LOOKS: Duration = Duration::from_millis(500);

/// Whoever is asked how it is.
#[derive(Clone)]
pub(super) struct Asked {
    starters: Starters,
    /// From then on nobody is let in any more.
    stop: CancellationToken,
}

/// Whoever watches one service.
struct Watcher {
    asked: Asked,
    service: String,
    told: Option<ServingStatus>,
}

/// Returns the service.
pub(super) fn service(starters: Starters, stop: CancellationToken) -> HealthServer<Asked> {
    HealthServer::new(Asked { starters, stop }).max_decoding_message_size(AROUND)
}

// === impl Asked ===

impl Asked {
    fn status(&self, service: &str) -> ServingStatus {
        let serves = |is_ready: bool| {
            if is_ready && !self.stop.is_cancelled() { ServingStatus::Serving } else { ServingStatus::NotServing }
        };
        match service {
            "" | SERVICE_NAME => serves(self.starters.values().all(Starter::is_ready)),
            name => self.starters.get(name).map_or(ServingStatus::ServiceUnknown, |one| serves(one.is_ready())),
        }
    }
}

#[tonic::async_trait]
impl Health for Asked {
    async fn check(&self, call: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &call.get_ref().service;
        match self.status(service) {
            ServingStatus::ServiceUnknown => {
                let shown: String = service.chars().take(60).collect();
                Err(Status::not_found(format!("there is no service and no rendezvous `{shown}`")))
            }
            status => Ok(Response::new(told(status))),
        }
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(&self, call: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let watcher = Watcher { asked: self.clone(), service: call.into_inner().service, told: None };
        Ok(Response::new(stream::unfold(watcher, Watcher::next).map(Ok).boxed()))
    }
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

// === impl Watcher ===

impl Watcher {
    /// Returns how it is as soon as that is not what was told; `None` once the process stops, which waits for its callers.
    async fn next(mut self) -> Option<(HealthCheckResponse, Self)> {
        loop {
            let is_last = self.asked.stop.is_cancelled();
            let status = self.asked.status(&self.service);
            if self.told.replace(status) != Some(status) {
                return Some((told(status), self));
            }
            if is_last {
                return None;
            }
            tokio::select! {
                () = sleep(LOOKS) => {}
                () = self.asked.stop.cancelled() => {}
            }
        }
    }
}

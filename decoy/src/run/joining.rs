//! Becomes a member of the decoy's group.

use std::time::Duration;

use bus::{BusError, Consumer};
use wire::Topics;

use super::DecoyStation;

/// How long to wait before the bus is asked again.
const PATIENCE: Duration = Duration::from_millis(250);

/// Joins the group, however long the bus cannot be reached.
pub(super) async fn join(station: &DecoyStation) -> Result<Box<dyn Consumer>, BusError> {
    let topics = Topics::of(station.definition.name());
    let since = station.clock.now();
    let mut told = false;
    loop {
        match station.bus.member(&topics.group("decoy"), &topics.requests).await {
            Err(BusError::Unavailable(reason)) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%reason, bus = station.bus.describe(), "the decoy waits for the bus");
                }
                tokio::time::sleep(PATIENCE).await;
            }
            Ok(consumer) if told => {
                tracing::info!(waited = ?station.clock.now().since(since), "the decoy has reached the bus");
                return Ok(consumer);
            }
            joined => return joined,
        }
    }
}

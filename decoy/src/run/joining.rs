//! Becomes a member of the decoy's group.

use bus::{BusError, Consumer, Outage};
use wire::Topics;

use super::{DecoyStation, WHO};

/// Joins the group, however long the bus cannot be reached.
pub(super) async fn join(station: &DecoyStation) -> Result<Box<dyn Consumer>, BusError> {
    let topics = Topics::of(station.definition.name());
    let group = topics.group("decoy");
    Outage::of(WHO).insist(&station.clock, || station.bus.member(&group, &topics.requests)).await
}

//! What is measured: one file each.

mod edits;
mod embedded;
mod fifty;
mod hedge;
mod kinds;
mod overhead;
mod overload;
mod peers;
mod profile;
mod pure_core;
mod state;
mod stragglers;
mod swap;
mod throughput;
mod watched;

use std::{sync::Arc, time::Duration};

use broker::Broker;
use bus::{Bus, KafkaBus, KafkaSettings};

use crate::{
    arguments::{Arguments, What},
    line::Line,
};

// === impl What ===

impl What {
    /// Measures it.
    pub(crate) async fn measure(self, arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
        eprintln!("{self:?}");
        match self {
            Self::Overhead => overhead::measure(arguments).await,
            Self::Throughput => throughput::measure(arguments).await,
            Self::Embedded => embedded::measure(arguments).await,
            Self::Core => pure_core::measure(),
            Self::Stragglers => stragglers::measure(arguments).await,
            Self::Hedge => hedge::measure(arguments).await,
            Self::Overload => overload::measure(arguments).await,
            Self::Edits => edits::measure(arguments).await,
            Self::Watched => watched::measure(arguments).await,
            Self::State => state::measure(arguments).await,
            Self::Swap => swap::measure(arguments).await,
            Self::Models50 => fifty::measure(arguments).await,
            Self::Kinds => kinds::measure().await,
            Self::Peers => peers::measure(arguments).await,
            Self::Profile => profile::measure(arguments).await,
        }
    }
}

/// A real Kafka: the one that this process starts and all scenarios share, or that of `KAFKA_BROKERS`.
struct Kafka {
    brokers: &'static str,
    bus: Arc<dyn Bus>,
}

impl Kafka {
    fn start() -> anyhow::Result<Self> {
        let brokers = Broker::shared()?;
        Ok(Self { brokers, bus: Arc::new(KafkaBus::connect(KafkaSettings::new(brokers))?) })
    }
}

/// The budget of whatever is about being in time.
const SHORT: Duration = Duration::from_millis(20);

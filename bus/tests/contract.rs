//! The bus contract, proved of the embedded bus.

#[path = "contract/laws.rs"]
#[macro_use]
mod laws;

use std::sync::Arc;

use hedgerow_bus::{Bus, Clock, EmbeddedBus};

async fn embedded() -> Arc<dyn Bus> {
    EmbeddedBus::new(Clock::system())
}

contract!(embedded);

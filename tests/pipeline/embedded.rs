//! Every case on the embedded bus.

use bus::{Clock, EmbeddedBus};
use hedgerow::app::Role;

use crate::{
    cases,
    rendezvous::{ALL, AROUND, Rendezvous, UNARCHIVED},
};

async fn start(policy: &str, roles: &[Role]) -> Rendezvous {
    let clock = Clock::system();
    Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, policy, roles).await
}

crate::cases::each!(start);

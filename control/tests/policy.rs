//! The policy that these tests change.

#![allow(dead_code, clippy::unwrap_used, reason = "all of this is tests, none of which needs all of it")]

use std::{sync::Arc, time::Duration};

use bus::{Bus, Clock};
use hedgerow_control::Follower;
use policies::Definition;
use tokio_util::sync::CancellationToken;
use wire::{Action, Apply, ApplyMode, Change, RendezvousName};

/// Long enough for whatever is waited for on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A policy that differs by its budget.
pub(crate) fn text(budget_ms: u64) -> String {
    format!(
        "rendezvous: wine
budget: {budget_ms}ms
input: {{ features: [alcohol] }}
answer: {{ value: class }}
executors:
  echo: {{ echo: {{}} }}
decide:
  - first: any
    until: {budget_ms}ms
  - default: {{ class: unknown }}
"
    )
}

pub(crate) fn definition(budget_ms: u64) -> Definition {
    Definition::parse("wine.yaml", &text(budget_ms)).unwrap_or_else(|problems| panic!("{problems}"))
}

pub(crate) fn name() -> RendezvousName {
    RendezvousName::new("wine").unwrap()
}

pub(crate) async fn follow(bus: &Arc<impl Bus>) -> Follower {
    let bus: Arc<dyn Bus> = Arc::clone(bus) as _;
    let started = Follower::start(bus, Clock::system(), Arc::default(), CancellationToken::new());
    tokio::time::timeout(PATIENCE, started).await.expect("the topic is read to its end").unwrap()
}

pub(crate) fn apply(follower: &Follower, author: &str, expected: u64, text: &str) -> Change {
    apply_as(follower, author, expected, text, ApplyMode::Live)
}

pub(crate) fn apply_as(follower: &Follower, author: &str, expected: u64, text: &str, mode: ApplyMode) -> Change {
    let apply = Apply { mode, ..Apply::live(text.into(), expected) };
    follower.change(&name(), author, "because", Action::Apply(apply))
}

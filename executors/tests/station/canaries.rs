//! Canaries: they have a budget of their own, and are given what others are given, however large.

use bus::Clock;
use wire::{FailureKind, Reply};

use crate::{LONG, Model, Rig};

const POLICY: &str = "(50ms) fine: { echo: }
  patient: { echo: , canary: { of: fine, budget: 5s } }
  hasty: { echo: , canary: { of: fine, budget: 1us } }
  other: { echo: , canary: { of: fine } }";

#[tokio::test]
async fn a_canary_may_take_as_long_as_its_own_budget_says_and_nobody_else_may() {
    let rig = Rig::of_policy(Clock::system(), POLICY).await;
    let running = rig.start_kinds().await;
    for (budget, expired) in [(std::time::Duration::ZERO, ["fine", "hasty", "other"].as_slice()), (LONG, &["hasty"])] {
        rig.send(budget);
        for heard in rig.responses(4).await {
            let is_expired =
                matches!(&heard.response.reply, Reply::Failure(failure) if failure.kind == FailureKind::Expired);
            let executor = heard.response.executor.as_str();
            assert_eq!(is_expired, expired.contains(&executor), "{executor}: {:?}", heard.response.reply);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn the_largest_input_that_a_topic_takes_passes_to_canaries_as_to_others() {
    let policy = "fine: { echo: }\n  next: { echo: , canary: { of: fine } }\n  \
                  patient: { echo: , canary: { of: fine, budget: 15s } }";
    let models = ["fine", "next", "patient"].map(|name| (name, Model::Reading));
    let rig = Rig::scripted(Clock::system(), policy, &models).await;
    let running = rig.start().await;
    assert!(rig.send_largest(LONG) > 1_000_000);
    for heard in rig.responses(3).await {
        assert_eq!(heard.response.reply, Reply::Answer(r#"{"read":[1.5, 2.0]}"#.into()), "{}", heard.response.executor);
    }
    running.stop().await;
}

//! A function in a Python file decides: the example, in a rendezvous; and how whoever ranks bottles is tried.

use bus::{Clock, EmbeddedBus};
use policies::DecidedBy;

use crate::rendezvous::{ALL, Rendezvous, body};

/// The example's own policy, under a name of its own and with a budget that no machine is too slow for.
fn example() -> String {
    include_str!("../../examples/python/policy.yaml")
        .replace("rendezvous: bottles", "rendezvous: NAME")
        .replace("python: rank.py", "python: ../examples/python/rank.py")
        .replace("200ms", "20s")
        .replace("150ms", "15s")
        .replace("180ms", "18s")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_function_answers_in_a_rendezvous() {
    answers_about_bottles(&example()).await;
}

/// Asks about fifty bottles, and expects what the function says of them by hand.
pub(crate) async fn answers_about_bottles(policy: &str) {
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, policy, &ALL).await;
    let bodies: Vec<String> = (0..50)
        .map(|number| format!(r#"{{"alcohol":{},"sulphates":0.7,"volatile_acidity":0.3}}"#, 9 + number % 5))
        .collect();
    for (number, answered) in rendezvous.ask_all(&bodies).await.iter().enumerate() {
        let said = body(answered);
        assert_eq!(said.decision.decided_by, DecidedBy::Prefer);
        // 2.2 + 0.31 × alcohol + 0.94 × 0.7 − 1.09 × 0.3, by hand.
        let class = if number % 5 >= 1 { "fine" } else { "plain" };
        assert_eq!(said.answer["class"], class, "{}", said.answer);
    }
    rendezvous.stop().await;
}

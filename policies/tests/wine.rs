//! The policies we ship are sound, and their examples come true.

use hedgerow_policies::Definition;

#[test]
fn every_example_of_the_wine_policy_comes_true() {
    let text = include_str!("../wine.yaml");
    let wine = Definition::parse("policies/wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    let outcomes = wine.play_examples();
    assert!(outcomes.len() >= 6);
    for outcome in outcomes {
        assert!(outcome.passed, "{}\n{}", outcome.name, outcome.timeline);
    }
}

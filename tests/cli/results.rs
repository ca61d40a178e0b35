//! `hedgerow results`: its help, and what it refuses.

use super::{hedgerow, text};

#[test]
fn help_of_results_has_examples() {
    insta::assert_snapshot!("help_results", text(&hedgerow(&["results", "--help"]).stdout));
}

#[test]
fn results_refuses_what_it_cannot_mean() {
    let cases: [(&[&str], &str); 5] = [
        (&["results"], "<NAME>"),
        (&["results", "no name"], "`no name` is not a name"),
        (&["results", "wine", "--since", "soon"], "10ms, 1.5s, 30m, 24h, 7d"),
        (&["results", "wine", "--since", "1h", "--from-beginning"], "--from-beginning"),
        (&["results", "wine", "--limit", "many"], "--limit"),
    ];
    for (arguments, expected) in cases {
        let output = hedgerow(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected) && output.stdout.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn results_of_nobody_say_where_to_look() {
    let output = hedgerow(&["results", "wine", "--at", "http://127.0.0.1:1"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nothing answers at http://127.0.0.1:1") && said.contains("--brokers"), "{said}");
}

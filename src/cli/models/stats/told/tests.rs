//! The tables, as people see them.

use models::{Batches, Duration};

use super::*;

fn numbers(requests: u64, failed: u64) -> Numbers {
    let duration = Duration {
        p50_us: Some(412),
        p90_us: Some(700),
        p99_us: Some(1_900),
        p999_us: Some(9_250),
        min_us: Some(301),
        max_us: Some(31_000),
    };
    let batches = Some(Batches { mean: 2.0, p50: 1, p99: 8, max: 32 });
    Numbers {
        calls: Some(requests / 2),
        requests,
        failed,
        expired: 6,
        overloaded: 1,
        duration,
        batches,
        ..Numbers::default()
    }
}

fn model(name: &str) -> ModelStats {
    let run = |executor: &str, canary, live| RunBy {
        rendezvous: "wine".to_owned(),
        executor: executor.to_owned(),
        canary,
        live,
    };
    let version = |version: &str, numbers: Numbers| VersionStats {
        version: version.to_owned(),
        first_used: None,
        last_used: (numbers.requests > 0).then(|| "2026-11-22T11:00:00Z".to_owned()),
        numbers,
    };
    ModelStats {
        name: name.to_owned(),
        published: true,
        current: Some("7".to_owned()),
        previous: Some("6".to_owned()),
        since: Some("2026-11-20T09:30:00Z".to_owned()),
        run_by: vec![run("forest", false, true), run("next", true, true), run("old", false, false)],
        window_us: 3_600_000_000,
        all: numbers(124_000, 3),
        versions: vec![
            version("7", numbers(123_000, 0)),
            version("8", Numbers { calls: Some(0), ..Numbers::default() }),
        ],
    }
}

#[test]
fn every_model_has_a_line() {
    let (since, current, versions) = (None, None, Vec::new());
    let heard = Numbers { calls: None, batches: None, ..numbers(50, 0) };
    let far =
        ModelStats { name: "wine/far".to_owned(), published: false, all: heard, since, current, versions, ..model("") };
    insta::assert_snapshot!(all(&[model("forest"), far]));
}

#[test]
fn a_model_is_told_version_by_version() {
    insta::assert_snapshot!(one(&model("forest")));
}

#[test]
fn without_any_model_it_says_what_to_do() {
    assert!(all(&[]).contains("hedgerow models publish"));
}

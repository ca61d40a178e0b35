//! What is counted while collectors come and go, against what the log holds.

use std::{sync::Arc, time::Duration};

use ::measures::{Overview, Times};
use hedgerow::{app::Role, measuring::Measuring, recordings::Recordings};
use policies::DecidedBy;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::{ResultKind, Timestamp};

use crate::rendezvous::{PATIENCE, Rendezvous};

/// One answers at once, another when the result is long out.
pub(crate) const COUNTED: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class }
objectives: [{ within: 10s, share: 99%, window: 30d }]
executors:
  quick: { constant: { answer: { class: 1 } } }
  slow: { constant: { answer: { class: 2 }, delay: 300ms }, concurrency: 1000 }
decide:
  - first: any
    until: 20s
  - default: { class: unknown }
";

fn measuring(rendezvous: &Rendezvous) -> Measuring {
    let app = &rendezvous.app;
    Measuring::new(Arc::clone(&app.bus), app.clock.clone(), CancellationToken::new())
}

/// Waits until so many results are counted, and all that is late.
async fn overview(rendezvous: &Rendezvous, measuring: &Measuring, results: u64) -> Overview {
    let enough = async {
        loop {
            let definition = rendezvous.app.definition();
            let overview = measuring.overview(&definition, Duration::from_hours(1)).await.unwrap();
            let late: u64 = overview.executors.iter().map(|runner| runner.late).sum();
            if overview.results >= results && late >= results {
                return overview;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, enough).await.expect("every result is counted, and every late answer")
}

pub(crate) async fn numbers_of_several_collectors_add_up_to_those_of_the_log_across_restarts(rendezvous: Rendezvous) {
    const EACH: usize = 60;
    let bodies = |from: usize| (from..from + EACH).map(|x| format!("{{\"x\": {x}}}")).collect::<Vec<_>>();
    let one = rendezvous.another(Role::Collector).await;
    let live = measuring(&rendezvous);
    rendezvous.ask_all(&bodies(0)).await;
    overview(&rendezvous, &live, EACH as u64).await;
    let two = rendezvous.another_process(&[Role::Collector]).await;
    rendezvous.ask_all(&bodies(EACH)).await;
    overview(&rendezvous, &live, 2 * EACH as u64).await;
    one.stop().await.unwrap();
    rendezvous.ask_all(&bodies(2 * EACH)).await;
    overview(&rendezvous, &live, 3 * EACH as u64).await;
    two.stop().await.unwrap();
    let three = rendezvous.another_process(&[Role::Collector]).await;
    rendezvous.ask_all(&bodies(3 * EACH)).await;
    let all = 4 * EACH as u64;
    let counted = overview(&rendezvous, &live, all).await;

    // Whoever begins to read now finds what those who are gone had counted.
    let fresh = overview(&rendezvous, &measuring(&rendezvous), all).await;
    assert_eq!(
        (fresh.latency, fresh.results, &fresh.executors),
        (counted.latency, counted.results, &counted.executors)
    );
    let (mut times, mut degraded) = (Times::default(), 0);
    let recordings = Recordings { rendezvous: rendezvous.app.definition().name().clone(), since: Timestamp::EPOCH };
    let see = |recorded: &policies::Recorded| {
        let given = recorded.result.as_ref().unwrap();
        times.add(given.appended.since(recorded.born().unwrap()));
        degraded += u64::from(given.record.kind != ResultKind::Prediction);
    };
    recordings.read(&*rendezvous.app.bus, see, |_, _| ()).await.unwrap();
    let of_the_log = [0.5, 0.99, 0.999].map(|share| u64::try_from(times.quantile(share).unwrap().as_micros()).ok());
    let latency = counted.latency;
    assert_eq!([latency.p50_us, latency.p99_us, latency.p999_us], of_the_log, "percentiles are those of the log");
    assert_eq!((counted.results, counted.degraded), (all, degraded));
    let decided: Vec<_> = counted.decided.iter().map(|share| (share.clause, share.by, share.results)).collect();
    assert_eq!(decided, [(1, DecidedBy::First, all)]);
    let runners: Vec<_> =
        counted.executors.iter().map(|did| (did.name.as_str(), did.useful, did.late, did.pending)).collect();
    assert_eq!(runners, [("quick", all, 0, 0), ("slow", 0, all, all)]);
    // Who stops tells all that is not told yet.
    three.stop().await.unwrap();
    let told = async {
        loop {
            let objective = overview(&rendezvous, &live, all).await.objectives.remove(0);
            if objective.results >= all {
                return objective;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let objective = timeout(PATIENCE, told).await.expect("slices of an hour add up too");
    assert_eq!((objective.results, objective.good, objective.budget_left), (all, all, Some(1.0)));
    rendezvous.stop().await;
}

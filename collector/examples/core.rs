//! How fast requests meet their responses: `cargo run --release -p hedgerow-collector --example core`.

use std::{
    hint::black_box,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use hedgerow_collector::{Surroundings, rendezvous::Rendezvous};
use policies::{Definition, Trial, TrialMode, Versions};
use wire::{Attributes, ExecutorId, ModelVersion, Reply, Request, RequestId, Response, Timestamp};

/// So many requests are open at a time.
const OPEN: u32 = 1_000;
const ROUNDS: u32 = 1;
const BATCHES: u32 = 500;

fn main() -> io::Result<()> {
    let definition = Definition::parse("wine.yaml", include_str!("../../policies/wine.yaml"));
    let definition = Arc::new(definition.expect("the wine policy is sound"));
    let versions = Versions::only(Arc::clone(&definition));
    let shadow = Trial {
        definition: Arc::new(Definition::clone(&definition).at_version(2)),
        mode: TrialMode::Shadow,
        tallies: std::collections::BTreeMap::new(),
    };
    let tried = Versions::new(std::collections::BTreeMap::new(), Arc::clone(&definition), Some(shadow));
    let mut out = io::stdout().lock();
    for (name, versions) in [("alone", versions), ("beside a shadow", tried)] {
        let nanos = nanos_each_event(&definition, &Arc::new(versions));
        writeln!(out, "{name}: {nanos} ns an event, {:.2} million a second", 1_000.0 / f64::from(nanos))?;
    }
    Ok(())
}

/// The best of many batches: whatever else the machine does only ever adds.
fn nanos_each_event(definition: &Definition, versions: &Arc<Versions>) -> u32 {
    let batch = |_| {
        let mut surroundings = Surroundings::new(Arc::clone(versions));
        let mut rendezvous = Rendezvous::default();
        rendezvous.on_versions(0, &mut surroundings);
        let rounds: Vec<(Vec<Request>, Vec<Response>)> = (0..ROUNDS).map(|round| events(definition, round)).collect();
        let count: usize = rounds.iter().map(|(requests, responses)| requests.len() + responses.len()).sum();
        let start = Instant::now();
        for (requests, responses) in rounds {
            play(&mut rendezvous, &mut surroundings, requests, responses);
        }
        start.elapsed().as_nanos() / count as u128
    };
    (0..BATCHES).map(batch).min().and_then(|nanos| u32::try_from(nanos).ok()).unwrap_or_default()
}

fn play(rendezvous: &mut Rendezvous, surroundings: &mut Surroundings, requests: Vec<Request>, heard: Vec<Response>) {
    let appended = requests[0].born;
    for request in requests {
        rendezvous.on_request(request, appended, 0, surroundings);
    }
    for response in heard {
        rendezvous.on_response(response, appended.after(Duration::from_millis(3)), 0, surroundings);
    }
    while let Some(output) = rendezvous.poll_output() {
        black_box(output);
    }
}

/// Requests, and to each the answers of four executors.
fn events(definition: &Definition, round: u32) -> (Vec<Request>, Vec<Response>) {
    let id = |number: u32| RequestId::from_uuid(uuid::Uuid::from_u128(u128::from(round * OPEN + number) << 64 | 7));
    let born = Timestamp::from_micros(i64::from(round) * 10_000 + 1_000_000);
    let requests = (0..OPEN).map(|number| Request {
        id: id(number),
        born,
        budget: definition.budget,
        policy: definition.policy_ref.clone(),
        case: None,
        plan: definition.plan(),
        key: None,
        attributes: Attributes::default(),
        traceparent: None,
        reply: None,
        body: "{}".into(),
    });
    let answers = [("next", "2"), ("forest", "0"), ("boost", "1"), ("linear", "1")];
    let responses = answers.iter().flat_map(|(executor, class)| {
        (0..OPEN).map(move |number| Response {
            request: id(number),
            executor: ExecutorId::new(executor).expect("a name"),
            model: ModelVersion::new(executor, "1f3a"),
            fetched: Duration::ZERO,
            queued: Duration::ZERO,
            scored: Duration::ZERO,
            reply: Reply::Answer(format!(r#"{{"class":{class},"probability":0.9}}"#).into()),
        })
    });
    (requests.collect(), responses.collect())
}

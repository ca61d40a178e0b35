//! How fast the core decides: `cargo run --release -p hedgerow-policies --example speed`.

use std::{
    hint::black_box,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use hedgerow_policies::{Circumstances, Definition, Evaluation, Step, Verdict};
use wire::{ExecutorId, ModelVersion, Plan, Reply, RequestId, Response, Timestamp};

const ROUNDS: u32 = 2_000;
const BATCHES: u32 = 200;

fn main() -> io::Result<()> {
    let wine = include_str!("../wine.yaml");
    let fields = Definition::parse("wine.yaml", wine).expect("the wine policy is sound");
    let expression = wine.replace("score: answer.confidence", "score: answer.confidence * 1.0");
    let expression = Definition::parse("wine.yaml", &expression).expect("a policy with an expression is sound");
    // All four answer; the three candidates disagree, so that every clause down to `best` is played.
    let heard: Vec<Response> = ["next", "forest", "boost", "linear"]
        .iter()
        .zip(["2", "0", "1", "2"])
        .map(|(name, class)| response(name, class))
        .collect();
    let mut out = io::stdout().lock();
    for (name, definition) in [("fields", &fields), ("expression", &expression)] {
        let plan = definition.plan();
        let each = nanos_each(|| drop(black_box(decide(definition, &plan, &heard))));
        writeln!(out, "{name}: {each} ns a request of 4 responses, {} ns an event", each / 4)?;
    }
    let verdict = decide(&fields, &fields.plan(), &heard);
    let each = nanos_each(|| drop(black_box(verdict.body(&fields.policy_ref, None, Timestamp::EPOCH, fields.budget))));
    let bytes = verdict.body(&fields.policy_ref, None, Timestamp::EPOCH, fields.budget).len();
    writeln!(out, "body: {each} ns for {bytes} bytes")?;
    writeln!(out, "open request: {} bytes and {} a voice", size_of::<Evaluation>(), Evaluation::VOICE_BYTES)
}

fn decide(definition: &Definition, plan: &Plan, heard: &[Response]) -> Verdict {
    let policy = Arc::clone(&definition.policy);
    let mut step = Evaluation::open(
        policy,
        plan,
        Timestamp::EPOCH,
        definition.budget,
        Duration::from_millis(1),
        &Circumstances::default(),
    );
    for (at, response) in (1_000..).zip(heard) {
        let Step::Wait(evaluation) = step else { break };
        step = evaluation.observe(response, Timestamp::from_micros(at)).1;
    }
    match step {
        Step::Emit(verdict) => *verdict,
        Step::Wait(_) => unreachable!("everybody was heard"),
    }
}

fn response(name: &str, class: &str) -> Response {
    Response {
        request: RequestId::from_uuid(uuid::Uuid::nil()),
        executor: ExecutorId::new(name).expect("a name"),
        model: ModelVersion::new(name, "1f3a"),
        queued: Duration::ZERO,
        scored: Duration::ZERO,
        reply: Reply::Answer(
            format!(r#"{{"class":{class},"probability":0.9{class},"probabilities":[0.01,0.97,0.02]}}"#).into(),
        ),
    }
}

/// The best of many batches: whatever else the machine does only ever adds.
fn nanos_each(mut work: impl FnMut()) -> u128 {
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        start.elapsed() / ROUNDS
    };
    (0..BATCHES).map(batch).min().unwrap_or_default().as_nanos()
}

//! How fast the core decides: `cargo run --release -p hedgerow-policies --example speed`.
//!
//! A request is opened, four responses are parsed and heard, and every clause of the ladder is played: none but the
//! last decides, and only when everybody has spoken. Told is what opening costs; what a response costs that is parsed,
//! heard and judged by the clause that is being tried; what the last one costs, which is judged by all the others too
//! and brings the verdict with its receipt; and all of it. Writing the result's body is told apart.

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

const HEAD: &str = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol] }\n\
    answer: { value: class, confidence: probability }\nexecutors:\n  forest: { echo: , family: trees }\n  \
    boost: { echo: , family: trees }\n  linear: { echo: }\n  next: { echo: , canary: { of: forest } }\ndecide:\n";

/// Ten clauses, of every kind that may decide; the answers disagree, so that only the last one does.
const TEN: &str = "- agree: 3\n  until: 5ms\n\
    - agree: majority\n  until: 10ms\n\
    - agree: { votes: plurality, margin: 1, weights: { forest: 1.5 } }\n  until: 15ms\n\
    - agree: { votes: 2, must_include: [forest], from_families: 2 }\n  until: 20ms\n\
    - agree: { votes: 2, on: [{ probability: { within: { abs: 0.001 } } }] }\n  until: 25ms\n\
    - agree: { votes: 2, on: [{ class: class }] }\n  until: 30ms\n\
    - best: { score: SCORE, at_least: 0.99 }\n  until: 35ms\n\
    - best: { score: SCORE, at_least: 0.95 }\n  until: 40ms\n\
    - combine: { mean: [missing] }\n  until: 45ms\n\
    - prefer: [forest, boost, linear]\n- default: { class: unknown }\n";

fn main() -> io::Result<()> {
    // All four answer; the three candidates disagree, so that every clause is played.
    let heard: Vec<Response> = ["next", "forest", "boost", "linear"]
        .iter()
        .zip(["2", "0", "1", "2"])
        .map(|(name, class)| response(name, class))
        .collect();
    let mut out = io::stdout().lock();
    let wine = include_str!("../wine.yaml");
    let ten = format!("{HEAD}{TEN}");
    for (name, text, cel) in
        [("wine, 4 clauses", wine, "answer.confidence * 1.0"), ("10 clauses", ten.as_str(), "answer.confidence * 1.0")]
    {
        for (kind, score) in [("without CEL", "answer.confidence"), ("with CEL", cel)] {
            let text = text.replace("SCORE", score).replace("score: answer.confidence,", &format!("score: {score},"));
            let definition = Definition::parse("speed.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
            let plan = definition.plan();
            let tried = verdict(hear(&definition, &plan, &heard)).receipt.clauses.len();
            let [open, before, all] =
                [0, 3, 4].map(|so_many| nanos_each(|| drop(black_box(hear(&definition, &plan, &heard[..so_many])))));
            let (each, last) = (before.saturating_sub(open) / 3, all.saturating_sub(before));
            writeln!(
                out,
                "{name}, {kind}: {open} ns to open, {each} ns a response, {last} ns the last ({tried} clauses), {all} ns a request, {} ns an event",
                all / 4
            )?;
        }
    }
    let fields = Definition::parse("wine.yaml", wine).unwrap_or_else(|problems| panic!("{problems}"));
    let verdict = verdict(hear(&fields, &fields.plan(), &heard));
    let body = || verdict.body(&fields.policy_ref, None, Timestamp::EPOCH, fields.budget);
    let each = nanos_each(|| drop(black_box(body())));
    writeln!(out, "body: {each} ns for {} bytes", body().len())?;
    writeln!(out, "open request: {} bytes and {} a voice", size_of::<Evaluation>(), Evaluation::VOICE_BYTES)
}

fn hear(definition: &Definition, plan: &Plan, heard: &[Response]) -> Step {
    let policy = Arc::clone(&definition.policy);
    let (born, lead) = (Timestamp::EPOCH, Duration::from_millis(1));
    let mut step = Evaluation::open(policy, plan, born, definition.budget, lead, &Circumstances::default());
    for (at, response) in (1_000..).zip(heard) {
        let Step::Wait(evaluation) = step else { break };
        step = evaluation.observe(response, Timestamp::from_micros(at)).1;
    }
    step
}

fn verdict(step: Step) -> Verdict {
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
        fetched: Duration::ZERO,
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

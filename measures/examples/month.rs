//! What counting costs a request, and what a month of many executors takes: `cargo run --release -p hedgerow-measures --example month`.

use std::{
    fs,
    io::{self, Write as _},
    time::Duration,
};

use hedgerow_measures::{Awaited, Chronicle, Decided, Diary, Overview, Passage, Slice, Sum};
use policies::{Definition, Evaluation, Step};
use wire::{Budget, ExecutorId, ModelVersion, Reply, RequestId, Response, ResultKind, Timestamp};

const NOW: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);
const SLICES: [(u64, u64); 3] = [(10, 390), (300, 300), (3_600, 744)];

/// Returns the processor time of this thread: what others take of the machine does not count.
fn spent() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

fn since(began: Duration) -> Duration {
    spent().saturating_sub(began)
}

fn definition(executors: usize) -> Definition {
    let names = (0..executors).map(|number| format!("  e{number}: {{ echo: }}")).collect::<Vec<_>>().join("\n");
    let text = format!(
        "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [x] }}\nexecutors:\n{names}\nobjectives:\n- {{ within: 50ms, share: 99.9%, \
         window: 30d }}\n- {{ within: 20ms, share: 99%, window: 7d }}\ndecide:\n- first: any\n- default: {{ class: unknown }}"
    );
    Definition::parse("wine.yaml", &text).expect("a policy")
}

/// A verdict that heard one of them, as a request is decided.
fn verdict(definition: &Definition) -> policies::Verdict {
    let plan = definition.plan();
    let known = policies::Circumstances::default();
    let policy = std::sync::Arc::clone(&definition.policy);
    let step = Evaluation::open(policy, &plan, NOW, definition.budget, Duration::ZERO, &known);
    let Step::Wait(waiting) = step else { unreachable!("nobody has answered") };
    let response = Response {
        request: RequestId::from_key(definition.name(), "1"),
        executor: ExecutorId::new("e0").expect("a name"),
        model: ModelVersion::from("e0@1"),
        queued: Duration::from_micros(120),
        scored: Duration::from_millis(3),
        reply: Reply::Answer(r#"{"class":1}"#.into()),
    };
    let (_, step) = waiting.observe(&response, NOW.after(Duration::from_millis(4)));
    let Step::Emit(verdict) = step else { unreachable!("the first decides") };
    *verdict
}

/// Counts as a collector does: one result, and one late answer of each other executor.
fn count(sum: &mut Sum, verdict: &policies::Verdict, dice: &mut u64, budget: Budget) {
    let mut roll = |most: u64| {
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // A long tail: most are quick, some take many times as long.
        let part = (*dice >> 33) % 1_000 + 1;
        most * part * part / 1_000_000 + most / 100
    };
    sum.on_verdict(verdict, NOW);
    let given = NOW.after(Duration::from_micros(4_000 + roll(60_000)));
    let passage = Passage { born: NOW, asked: NOW, decided: verdict.at, given, awaited: Awaited::of(verdict, NOW) };
    let is_missed = sum.on_result(ResultKind::Prediction, Decided::of(verdict), passage.whole(), budget.as_duration());
    sum.on_passage(&passage, is_missed);
    for entry in verdict.receipt.entries.iter().skip(1) {
        let response = Response {
            request: RequestId::from_uuid(uuid::Uuid::nil()),
            executor: entry.executor.clone(),
            model: ModelVersion::from("m@1"),
            queued: Duration::from_micros(roll(2_000)),
            scored: Duration::from_micros(roll(20_000)),
            reply: Reply::Answer("{}".into()),
        };
        sum.on_late(&response, Some(Duration::from_micros(roll(50_000))), false);
    }
}

fn sum(definition: &Definition, requests: u64, dice: &mut u64) -> Sum {
    let (verdict, mut sum) = (verdict(definition), Sum::default());
    (0..requests).for_each(|_| count(&mut sum, &verdict, dice, definition.budget));
    sum
}

fn cells(sum: &Sum) -> usize {
    let executors = sum.executors.values().map(|did| did.answers.len() + did.queued.len() + did.computed.len());
    executors.sum::<usize>() + sum.results.predicted.len() + sum.results.degraded.len()
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let (four, mut dice) = (definition(4), 7);
    let began = spent();
    let counted = sum(&four, 200_000, &mut dice);
    let each = since(began) / 200_000;
    writeln!(out, "counting a request of four executors takes {each:?} ({} cells)", counted.results.predicted.len())?;

    let fifty = definition(50);
    let some = sum(&fifty, 20_000, &mut dice);
    let mut diary = Diary::default();
    diary.add(&some, NOW);
    let slices: Vec<Slice> = diary.tell(NOW, true);
    let (mut chronicle, mut held, mut read) = (Chronicle::default(), 0, Duration::ZERO);
    for (slice, (seconds, kept)) in slices.into_iter().zip(SLICES) {
        let text = serde_json::to_string(&slice).expect("counts");
        let cells = cells(&slice.sum);
        writeln!(
            out,
            "of a slice of {seconds} s, {} KB of JSON, {cells} cells are held {kept} times",
            text.len() / 1_000
        )?;
        held += cells as u64 * kept;
        let newest = u64::try_from(NOW.as_micros()).unwrap_or(0) / 1_000_000 / seconds;
        let began = spent();
        for number in newest - kept + 1..=newest {
            let again: Slice = serde_json::from_str(&text).expect("what was written");
            chronicle.take(&0, Slice { number, ..again });
        }
        read += since(began);
    }
    writeln!(out, "all of them are read in {read:?} and take {} MB", held * 10 / 1_000_000)?;
    for window in [Duration::from_hours(1), Duration::from_hours(24), Duration::from_hours(30 * 24)] {
        let began = spent();
        let overview = Overview::of(&chronicle, &fifty, window, NOW);
        writeln!(out, "an overview of {window:?} takes {:?} ({} results)", since(began), overview.results)?;
    }
    let began = spent();
    for second in 0..60 {
        diary.add(&some, NOW.after(Duration::from_secs(second)));
        diary.tell(NOW.after(Duration::from_secs(second)), false);
    }
    writeln!(out, "adding fifty executors' counts to a process' diary takes {:?}", since(began) / 60)
}

//! A month of a rendezvous' counts, made up: slices as a collector would have told them.

use std::time::Duration;

use policies::{Definition, Evaluation, Step};
use wire::{Budget, ExecutorId, ModelVersion, Reply, RequestId, Response, ResultKind, Timestamp};

use super::{Awaited, Decided, Passage, Sum};

/// When the month ends.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);
/// How long slices are, in seconds, and how many of each are kept.
pub(crate) const SLICES: [(u64, u64); 3] = [(10, 390), (300, 300), (3_600, 744)];

/// Returns a policy of so many executors, with two objectives.
pub(crate) fn definition(executors: usize) -> Definition {
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
        fetched: Duration::from_micros(300),
        queued: Duration::from_micros(120),
        scored: Duration::from_millis(3),
        reply: Reply::Answer(r#"{"class":1}"#.into()),
    };
    let (_, step) = waiting.observe(&response, NOW.after(Duration::from_millis(4)));
    let Step::Emit(verdict) = step else { unreachable!("the first decides") };
    *verdict
}

/// Counts as a collector does, one result and one late answer of each other executor, and as their own process does: a use of
/// one version of each model.
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
            fetched: Duration::ZERO,
            queued: Duration::from_micros(roll(2_000)),
            scored: Duration::from_micros(roll(20_000)),
            reply: Reply::Answer("{}".into()),
        };
        sum.on_late(&response, Some(Duration::from_micros(roll(50_000))), false);
        let uses = sum.uses.entry(response.executor.to_string()).or_default();
        uses.on_call(response.model.as_str(), NOW, response.scored, std::slice::from_ref(&response.reply));
    }
}

/// Returns the counts of so many requests.
pub(crate) fn sum(definition: &Definition, requests: u64, dice: &mut u64) -> Sum {
    let (verdict, mut sum) = (verdict(definition), Sum::default());
    (0..requests).for_each(|_| count(&mut sum, &verdict, dice, definition.budget));
    sum
}

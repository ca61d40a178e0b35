//! A report of every kind, made by comparing seeded records: for the gallery and for tests.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use canary::{Comparison, Known, Limits, Margins, Matchup, Report};
use hedgerow_pages::canary::{Example, Examples, Made};
use policies::{Circumstances, Definition, Evaluation, Given};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::{
    Attributes, ExecutorId, Failure, FailureKind, Fencing, ModelVersion, PolicyRef, Reply, Request, RequestId,
    Response, ResultRecord, Timestamp,
};

/// One report, and what is known of the requests that it names.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) report: Report,
    pub(crate) examples: Examples,
}

/// What somebody does about a request: after so many microseconds.
type Deed = (u64, Reply);

/// One request, and who says what about it.
struct Asked {
    body: Value,
    tenant: String,
    truth: Option<Value>,
    said: Vec<(&'static str, Deed)>,
}

struct World {
    definition: Arc<Definition>,
    truths: BTreeMap<RequestId, Value>,
}

const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);

/// Every sample.
pub(crate) fn all() -> Vec<Sample> {
    let (no_worse, better, worse) = (no_worse(), better(), worse());
    let (segments, open, silent) = (worse_with_segments(), not_enough(), no_traffic());
    let (strange, numbers, many) = (not_comparable(), numbers(), many_labels());
    let (one, long, hostile, lists) = (one_class(), long_names(&segments), hostile(&segments), lists());
    vec![no_worse, better, worse, segments, open, silent, strange, numbers, many, one, long, hostile, lists]
}

/// Made at an instant that never changes.
pub(crate) fn made() -> Made {
    Made {
        at: Some(BORN.after(Duration::from_hours(2))),
        command: Some("hedgerow canary report wine shuffled --format html".to_owned()),
    }
}

// === the samples ===

/// The same model again, and a noise floor.
fn no_worse() -> Sample {
    let margins = Margins {
        agreement: Some(0.03),
        failures: Some(0.003),
        p99: Some(Duration::from_millis(5)),
        ..Margins::none()
    };
    let matchup = Matchup { twin: Some(id("again")), margins, ..matchup("equal") };
    play("no-worse", &matchup, 5_000, 1, |dice, wine| {
        let noisy = |dice: &mut fastrand::Rng| if dice.u16(..1_000) < 4 { other(wine.class) } else { wine.class };
        let mut said = vec![
            ("forest", (time(dice, 2_000), class(wine.class, 0.9))),
            ("equal", (time(dice, 2_050), class(noisy(dice), 0.9))),
        ];
        if dice.u8(..10) == 0 {
            said.push(("again", (time(dice, 2_000), class(noisy(dice), 0.9))));
        }
        (None, said)
    })
}

/// A reference that fails where the canary does not, and is wrong where the canary is right.
fn better() -> Sample {
    let margins = Margins {
        agreement: Some(0.15),
        overlap: None,
        ranking: None,
        accuracy: Some(0.01),
        failures: Some(0.001),
        p50: Some(Duration::from_millis(1)),
        p99: Some(Duration::from_millis(5)),
        impact: Some(0.15),
    };
    play("better", &Matchup { margins, ..matchup("boosted") }, 4_000, 2, |dice, wine| {
        let reference = match dice.u16(..1_000) {
            0..25 => failure(FailureKind::Failed),
            25..75 => class(other(wine.class), 0.55),
            _ => class(wine.class, 0.9),
        };
        let canary = class(if dice.u16(..1_000) < 12 { other(wine.class) } else { wine.class }, 0.93);
        let said = vec![("forest", (time(dice, 2_600), reference)), ("boosted", (time(dice, 1_400), canary))];
        (Some(json!(wine.class)), said)
    })
}

/// Trained on shuffled labels.
fn worse() -> Sample {
    play("worse", &matchup("shuffled"), 1_500, 3, |dice, wine| {
        let guess = *dice.choice(&["red", "white", "rosé"]).expect("three");
        let canary = if dice.u16(..1_000) < 14 { failure(FailureKind::Failed) } else { class(guess, dice.f64()) };
        (None, vec![("forest", (time(dice, 2_000), class(wine.class, 0.9))), ("shuffled", (time(dice, 3_100), canary))])
    })
}

/// Fine on the whole, wrong where the alcohol is high.
fn worse_with_segments() -> Sample {
    let margins = Margins {
        agreement: Some(0.02),
        failures: Some(0.01),
        p99: Some(Duration::from_millis(10)),
        ..Margins::none()
    };
    play("worse-with-segments", &Matchup { margins, ..matchup("retrained") }, 4_000, 4, |dice, wine| {
        let is_strong = wine.alcohol > 12.6;
        let said = if is_strong && dice.u8(..10) < 4 { other(wine.class) } else { wine.class };
        let fails = wine.tenant == "bistro" && dice.u8(..100) < 6;
        let canary = if fails { failure(FailureKind::Failed) } else { class(said, 0.8) };
        let after = if is_strong { time(dice, 6_000) } else { time(dice, 1_900) };
        let truth = (dice.u8(..) < 128).then(|| json!(wine.class));
        (truth, vec![("forest", (time(dice, 2_000), class(wine.class, 0.9))), ("retrained", (after, canary))])
    })
}

/// All is well, of too few requests.
fn not_enough() -> Sample {
    play("not-enough-evidence", &matchup("careful"), 180, 5, |dice, wine| {
        let said = if dice.u8(..100) < 1 { other(wine.class) } else { wine.class };
        (
            None,
            vec![
                ("forest", (time(dice, 2_000), class(wine.class, 0.9))),
                ("careful", (time(dice, 2_000), class(said, 0.9))),
            ],
        )
    })
}

fn no_traffic() -> Sample {
    play("no-traffic", &matchup("careful"), 0, 6, |_, _| (None, Vec::new()))
}

/// Answers another question.
fn not_comparable() -> Sample {
    play("not-comparable", &matchup("careful"), 800, 7, |dice, wine| {
        let canary = Reply::Answer(json!({ "flavour": wine.class }).to_string().into());
        (None, vec![("forest", (time(dice, 2_000), class(wine.class, 0.9))), ("careful", (time(dice, 2_000), canary))])
    })
}

/// Numbers, a little higher than the reference's and now and then far off.
fn numbers() -> Sample {
    let margins = Margins { agreement: Some(0.05), failures: Some(0.005), ..Margins::none() };
    let matchup = Matchup { within: 0.5, largest_difference: Some(10.0), margins, ..matchup("careful") };
    play("numbers", &matchup, 2_500, 8, |dice, wine| {
        let right = 2.0 + (wine.alcohol - 8.0) * 1.1;
        let spread: f64 = (0..6).map(|_| dice.f64() - 0.5).sum::<f64>() * 0.4;
        let far = if dice.u8(..100) < 3 { 2.5 } else { 0.0 };
        let answer = |number: f64, sure| Reply::Answer(json!({ "class": number, "sure": sure }).to_string().into());
        let late = if dice.u8(..100) < 4 { 60_000 } else { 0 };
        let canary = answer(right + 0.12 + spread + far, 0.7 + 0.2 * dice.f64());
        (
            None,
            vec![("forest", (time(dice, 2_000), answer(right, 0.8))), ("careful", (late + time(dice, 2_400), canary))],
        )
    })
}

/// Ten wines to go with a dish: as a rule another one is among them and two have changed places, now and then all are others.
fn lists() -> Sample {
    let margins = Margins { overlap: Some(0.2), ranking: Some(0.3), failures: Some(0.01), ..Margins::none() };
    let matchup = Matchup { list: World::new(&id("careful")).definition.list.clone(), margins, ..matchup("careful") };
    let matchup = Matchup { twin: Some(id("again")), ..matchup };
    play("lists", &matchup, 3_000, 11, |dice, wine| {
        let list: Vec<u32> = (0..10).map(|place| 100 + place).collect();
        let mut other = list.clone();
        let place = dice.usize(..9);
        other.swap(place, place + 1);
        other[dice.usize(5..10)] = 200;
        match dice.u16(..1_000) {
            0..80 => other.iter_mut().for_each(|item| *item += 200),
            80..90 => other[9] = other[0],
            90..240 => other.clone_from(&list),
            _ => {}
        }
        let answer = |items: &[u32]| {
            Reply::Answer(json!({ "class": wine.class, "sure": 0.9, "items": items }).to_string().into())
        };
        let canary = if dice.u16(..1_000) < 5 { class(wine.class, 0.9) } else { answer(&other) };
        let mut said = vec![("forest", (time(dice, 2_000), answer(&list))), ("careful", (time(dice, 2_100), canary))];
        if dice.u8(..10) == 0 {
            let mut again = list.clone();
            again.swap(8, 9);
            said.push(("again", (time(dice, 2_000), answer(if dice.bool() { &list } else { &again }))));
        }
        (None, said)
    })
}

const GRAPES: [&str; 24] = [
    "Aglianico",
    "Barbera",
    "Cabernet Franc",
    "Cabernet Sauvignon",
    "Carménère",
    "Chardonnay",
    "Chenin Blanc",
    "Dolcetto",
    "Gamay",
    "Gewürztraminer",
    "Grenache",
    "Grüner Veltliner",
    "Malbec",
    "Merlot",
    "Nebbiolo",
    "Pinot Noir",
    "Riesling",
    "Sangiovese",
    "Sauvignon Blanc",
    "Sémillon",
    "Syrah",
    "Tempranillo",
    "Viognier",
    "Zinfandel",
];

fn many_labels() -> Sample {
    play("many-labels", &matchup("careful"), 3_000, 9, |dice, _| {
        let grape = dice.usize(..24).min(dice.usize(..24));
        let said = if dice.u8(..100) < 8 { dice.usize(..24) } else { grape };
        let answer = |grape: usize| class(GRAPES[grape], 0.8);
        (None, vec![("forest", (time(dice, 2_000), answer(grape))), ("careful", (time(dice, 2_000), answer(said)))])
    })
}

fn one_class() -> Sample {
    play("one-class", &matchup("careful"), 600, 10, |dice, _| {
        let red = class("red", 0.8);
        (None, vec![("forest", (time(dice, 2_000), red.clone())), ("careful", (time(dice, 2_000), red))])
    })
}

/// The regression, under names that are as long as they may be and longer.
fn long_names(segments: &Sample) -> Sample {
    let mut sample = segments.clone();
    let long =
        "a-canary-whose-name-says-everything-that-there-is-to-know-about-how-it-was-trained-and-by-whom-v2-2026-11-22";
    sample.name = "long-names";
    long.clone_into(&mut sample.report.canary);
    sample.report.reference = long.replace("canary", "reference");
    "a-rendezvous-with-a-very-long-name-too-as-if-somebody-had-pasted-a-path".clone_into(&mut sample.report.rendezvous);
    for segment in &mut sample.report.segments {
        segment.dimension = format!("attributes.{}", "customer_relationship_".repeat(4));
        segment.part = "x".repeat(60);
    }
    if let Some(matrix) = &mut sample.report.agreement.matrix {
        matrix.labels.iter_mut().for_each(|label| *label = format!("{label} {}", "of a very long label ".repeat(3)));
    }
    sample
}

/// What somebody writes who wants to see whether he is believed.
const HOSTILE: &str = "<script>alert(1)</script>\"'`&|[x](javascript:x)<img src=x onerror=y>\u{1b}[31m\u{202e}";

/// The regression, under hostile names.
fn hostile(segments: &Sample) -> Sample {
    let mut sample = segments.clone();
    sample.name = "hostile";
    poison(&mut sample.report, HOSTILE);
    let hostile = || HOSTILE.to_owned();
    for example in sample.examples.values_mut() {
        *example = Example {
            input: json!({ HOSTILE: HOSTILE }),
            reference: hostile(),
            canary: hostile(),
            truth: Some(hostile()),
        };
    }
    sample
}

/// Puts `text` wherever a report holds text from outside.
pub(crate) fn poison(report: &mut Report, text: &str) {
    let own = || text.to_owned();
    (report.canary, report.reference, report.rendezvous, report.because) = (own(), own(), own(), own());
    for metric in &mut report.metrics {
        metric.because = own();
        metric.examples = vec![own()];
    }
    for segment in &mut report.segments {
        (segment.dimension, segment.part, segment.examples) = (own(), own(), vec![own()]);
    }
    if let Some(matrix) = &mut report.agreement.matrix {
        matrix.labels.iter_mut().for_each(|label| *label = own());
    }
    if let Some(lists) = &mut report.lists {
        (lists.field, lists.item, lists.examples) = (own(), Some(own()), vec![own()]);
    }
    if let Some(noise) = &mut report.noise {
        noise.twin = own();
    }
    for side in [&mut report.failures.canary_said, &mut report.failures.reference_said] {
        side.models = BTreeMap::from([(own(), 1)]);
        side.said.insert(own(), 1);
    }
    report.requests.excluded.insert(own(), 1);
    report.impact.unknown.insert(own(), 1);
    let [agreement, latency] = [&mut report.agreement.examples, &mut report.latency.examples];
    for examples in [agreement, latency, &mut report.failures.examples, &mut report.impact.examples] {
        *examples = vec![own()];
    }
}

// === playing ===

struct Wine {
    alcohol: f64,
    class: &'static str,
    tenant: &'static str,
}

fn play(
    name: &'static str,
    matchup: &Matchup,
    requests: u64,
    seed: u64,
    mut says: impl FnMut(&mut fastrand::Rng, &Wine) -> (Option<Value>, Vec<(&'static str, Deed)>),
) -> Sample {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut world = World::new(&matchup.canary);
    let mut comparison = Comparison::new(vec![matchup.clone()], Limits::default());
    let mut known = Examples::new();
    for number in 0..requests {
        let alcohol = (8.0 + dice.f64() * 3.2 + dice.f64() * 3.2).mul_add(100.0, 0.0).round() / 100.0;
        let class = if alcohol > 11.5 { "red" } else { "white" };
        let wine = Wine { alcohol, class, tenant: dice.choice(["bistro", "cellar", "market"]).expect("three") };
        let (truth, said) = says(&mut dice, &wine);
        let body = json!({ "alcohol": alcohol, "sulphates": 0.3 + f64::from(dice.u8(..60)) / 100.0, "pH": 3.0 + f64::from(dice.u8(..50)) / 100.0 });
        let asked = Asked { body, tenant: wine.tenant.to_owned(), truth, said };
        let (id, example) = world.tell(&mut comparison, number, asked, &matchup.canary);
        known.insert(id, example);
    }
    comparison.on_time(Timestamp::from_micros(i64::MAX));
    comparison.count(&world);
    let ledger = comparison.ledger(&matchup.canary).expect("it was compared");
    let report = Report::of(world.definition.name(), matchup, ledger);
    let named = |id: &String| report.metrics.iter().any(|metric| metric.examples.contains(id));
    let examples = known.into_iter().filter(|(id, _)| named(id)).collect();
    Sample { name, report, examples }
}

fn matchup(canary: &str) -> Matchup {
    Matchup { warm_up: Duration::from_secs(2), ..Matchup::new(id(canary), id("forest")) }
}

fn id(name: &str) -> ExecutorId {
    ExecutorId::new(name).expect("a name")
}

fn other(class: &str) -> &'static str {
    if class == "red" { "white" } else { "red" }
}

fn class(class: &str, sure: f64) -> Reply {
    let sure = (sure * 100.0).round() / 100.0;
    Reply::Answer(json!({ "class": class, "sure": sure }).to_string().into())
}

fn failure(kind: FailureKind) -> Reply {
    Reply::Failure(Failure { kind, message: "out of memory".to_owned() })
}

/// Mostly near `usual`, now and then much later.
fn time(dice: &mut fastrand::Rng, usual: u64) -> u64 {
    let tail = if dice.u8(..100) < 3 { 6 } else { 1 };
    usual / 2 + u64::midpoint(dice.u64(..usual), dice.u64(..usual)) * tail
}

fn told(reply: &Reply) -> String {
    match reply {
        Reply::Answer(answer) => String::from_utf8_lossy(answer).into_owned(),
        Reply::Failure(failure) => format!("failed: {}", failure.message),
    }
}

// === impl World ===

impl World {
    fn new(canary: &ExecutorId) -> Self {
        let text = format!(
            "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [alcohol, sulphates, pH], attributes: [tenant] }}\n\
             answer: {{ value: class, confidence: sure, list: items }}\nexecutors:\n  forest: {{ echo: }}\n  boost: {{ echo: }}\n  \
             {canary}: {{ echo: , canary: {{ of: forest }} }}\n  again: {{ echo: , canary: {{ of: forest }} }}\n\
             decide:\n- prefer: [forest, boost]\n  until: 40ms\n- default: {{ class: unknown }}"
        );
        let definition = Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        Self { definition: Arc::new(definition), truths: BTreeMap::new() }
    }

    fn tell(&mut self, to: &mut Comparison, number: u64, asked: Asked, canary: &ExecutorId) -> (String, Example) {
        let Asked { body, tenant, truth, said } = asked;
        let mut attributes = Attributes::default();
        attributes.set("tenant", &tenant);
        let born = BORN.after(Duration::from_millis(40 * number));
        let request = Request {
            id: RequestId::from_key(self.definition.name(), &number.to_string()),
            born,
            budget: self.definition.budget,
            policy: self.definition.policy_ref.clone(),
            case: None,
            plan: self.definition.plan(),
            key: None,
            attributes,
            traceparent: None,
            reply: None,
            body: body.to_string().into(),
        };
        let about = |name: &str| {
            let deed = said.iter().find(|(who, _)| *who == name);
            deed.map_or_else(|| "said nothing".to_owned(), |(_, (_, reply))| told(reply))
        };
        let example = Example {
            input: body,
            reference: about("forest"),
            canary: about(canary.as_str()),
            truth: truth.as_ref().map(ToString::to_string),
        };
        if let Some(truth) = truth {
            self.truths.insert(request.id, truth);
        }
        let mut heard: Vec<(Response, Timestamp)> = said
            .into_iter()
            .map(|(who, (after, reply))| (response(&request, who, reply), born.after(Duration::from_micros(after))))
            .collect();
        heard.sort_by_key(|(_, at)| *at);
        let offset = i64::try_from(number).expect("few");
        let id = request.id.to_string();
        to.on_result(offset, self.decide(&request, &heard));
        for (place, (response, at)) in (0..).zip(heard) {
            to.on_response(8 * offset + place, response, at);
        }
        to.on_request(offset, request, born);
        (id, example)
    }

    fn decide(&self, request: &Request, heard: &[(Response, Timestamp)]) -> Given {
        let (policy, known) = (Arc::clone(&self.definition.policy), Circumstances::default());
        let step = Evaluation::open(policy, &request.plan, request.born, request.budget, Duration::ZERO, &known);
        let verdict = step.finish(heard.iter().map(|(response, at)| (response, *at)));
        let body = verdict.body(&request.policy, None, request.born, request.budget);
        let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
        let (id, policy, kind) = (request.id, request.policy.clone(), verdict.kind());
        let record = ResultRecord { request: id, policy, kind, key: None, reply: None, fencing, body };
        Given::read(record, verdict.at).expect("a body of ours")
    }
}

impl Known for World {
    fn definition(&self, policy: &PolicyRef) -> Option<Arc<Definition>> {
        (*policy == self.definition.policy_ref).then(|| Arc::clone(&self.definition))
    }

    fn truth(&self, request: RequestId) -> Option<Value> {
        self.truths.get(&request).cloned()
    }
}

fn response(request: &Request, executor: &str, reply: Reply) -> Response {
    Response {
        request: request.id,
        executor: id(executor),
        model: ModelVersion::new(executor, "1f3a"),
        fetched: Duration::ZERO,
        queued: Duration::from_micros(200),
        scored: Duration::from_micros(900),
        reply,
    }
}

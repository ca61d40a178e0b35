//! A definition, taken apart into what it means.
//!
//! Law: every struct is taken apart without `..`. Whoever adds a field is told by the compiler to say what it means.

mod canaries;
mod clauses;
mod examples;

pub(super) use examples::circumstances;

use std::{fmt::Write as _, num::NonZeroUsize, sync::Arc};

use serde_json::{Value, json};
use wire::{Asked, Budget, ExecutorId, Plan, PolicyRef, Role};

use super::{
    part::{Fact, Group, Part},
    words,
};
use crate::{
    BreakerSpec, CanarySpec, Case, Credentials, DecoySpec, Definition, ExecutorKind, ExecutorSpec, InputSchema,
    KeyPath, Objective, Policy, Protocol, SecretRef, ServerSpec, Start, StateSpec, UsualStart,
};

/// Returns what `definition` means.
pub(super) fn definition(definition: &Definition) -> Part {
    // The text is how it is written, and the version when; neither is what it means.
    let Definition {
        policy_ref: PolicyRef { rendezvous, version: _ },
        text: _,
        everybody: _,
        budget,
        input: InputSchema { features, texts },
        attributes,
        list,
        executors,
        decoy,
        policy,
        cases,
        key,
        approvals,
        objectives,
        examples,
    } = definition;
    let time = fact("budget", words::duration(budget.as_duration()), "the budget {moves} from {old} to {new}")
        .of(budget.as_micros());
    let approvals = fact("approvals", *approvals, "a change must be approved by {new} instead of {old}").shown(
        if *approvals == 0 { "nobody".to_owned() } else { words::count((*approvals).into(), "person", "people") },
    );
    let mut facts = vec![
        fact(
            "rendezvous",
            rendezvous.to_string(),
            "the rendezvous is called `{new}` instead of `{old}`: its topics are others",
        ),
        time,
        answer_value(policy),
        answer_confidence(policy),
        key_path(key.as_ref()),
        approvals,
    ];
    facts.extend(canaries::lists(list.as_ref()));
    let places = |name, parts, moved| Group { name, parts, moved: Some(moved) };
    let set = |name, parts| Group { name, parts, moved: None };
    let groups = vec![
        places("features", features.iter().map(feature).collect(), "becomes the models' feature {new}, it was {old}"),
        places("texts", texts.iter().map(text).collect(), "becomes the models' text {new}, it was {old}"),
        set("attributes", attributes.iter().map(attribute).collect()),
        places(
            "executors",
            executors.iter().map(executor).collect(),
            "is number {new} in the plan's order instead of {old}, which breaks ties",
        ),
        set("decoy", decoy.iter().map(archive).collect()),
        clauses::ladder("decide", "", policy),
        places(
            "cases",
            cases.iter().map(|one| case(one, executors, *budget)).collect(),
            "is looked at as number {new} instead of {old}: the first case that holds applies",
        ),
        set("objectives", objectives.iter().map(objective).collect()),
        set("examples", examples.iter().map(examples::example).collect()),
    ];
    Part { facts, groups, ..Part::default() }
}

/// Returns a fact whose value is text or a number, and shown as such.
fn fact(name: &'static str, value: impl Into<Value>, says: &'static str) -> Fact {
    let value = value.into();
    let shown = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Fact { name, value, shown, amount: None, says }
}

impl Fact {
    /// Shows it to people as `shown`.
    fn shown(self, shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), ..self }
    }

    /// Makes it rise and fall.
    #[expect(clippy::cast_precision_loss, reason = "only which of two is more")]
    fn of(self, amount: u64) -> Self {
        Self { amount: Some(amount as f64), ..self }
    }
}

/// Returns text where there may be none.
fn optional(name: &'static str, value: Option<String>, none: &str, says: &'static str) -> Fact {
    let shown = value.clone().unwrap_or_else(|| none.to_owned());
    fact(name, value, says).shown(shown)
}

fn answer_value(policy: &Policy) -> Fact {
    let value = policy.fields.value().map(ToString::to_string);
    optional(
        "answer.value",
        value.map(|path| format!("`{path}`")),
        "nothing",
        "an answer must have {new} instead of {old}, or it is no vote",
    )
    .plain()
}

fn answer_confidence(policy: &Policy) -> Fact {
    let confidence = policy.fields.confidence().map(|path| format!("`{path}`"));
    optional("answer.confidence", confidence, "nothing", "an answer's confidence is read from {new} instead of {old}")
        .plain()
}

fn key_path(key: Option<&KeyPath>) -> Fact {
    let path = key.map(|key| match key {
        KeyPath::Feature(name) => format!("`input.{name}`"),
        KeyPath::Attribute(name) => format!("`attributes.{name}`"),
    });
    optional("key", path, "nothing", "whom a request is about is read from {new} instead of {old}").plain()
}

impl Fact {
    /// Takes the quotes, which are for people, out of the value.
    fn plain(mut self) -> Self {
        if let Value::String(text) = &mut self.value {
            *text = text.replace('`', "");
        }
        self
    }
}

fn feature(name: &Arc<str>) -> Part {
    Part {
        path: format!("input.features.{name}"),
        key: name.to_string(),
        title: format!("`{name}`"),
        arrives: format!("a request must have `{name}` too"),
        leaves: format!("a request must not have `{name}` any more"),
        ..Part::default()
    }
}

fn text(name: &Arc<str>) -> Part {
    Part {
        path: format!("input.texts.{name}"),
        key: name.to_string(),
        title: format!("text `{name}`"),
        arrives: format!("a request must have the text `{name}` too"),
        leaves: format!("a request must not have the text `{name}` any more"),
        ..Part::default()
    }
}

fn attribute(name: &Arc<str>) -> Part {
    Part {
        path: format!("input.attributes.{name}"),
        key: name.to_string(),
        title: format!("attribute `{name}`"),
        arrives: format!("a caller may say the attribute `{name}`"),
        leaves: format!("the attribute `{name}` is refused"),
        ..Part::default()
    }
}

fn executor(spec: &ExecutorSpec) -> Part {
    let ExecutorSpec {
        id,
        role,
        canary,
        start,
        hedges,
        concurrency,
        max_batch,
        kind,
        family,
        cost,
        hears,
        wait,
        breaker,
        state,
    } = spec;
    let title = format!("executor `{id}`");
    let arrives = match canary {
        None => format!("{title} is asked too"),
        Some(CanarySpec { of, .. }) => format!("{title} is asked too, and only compared with `{of}`"),
    };
    // A canary has none, and whoever becomes a candidate has the usual one: that goes without saying.
    let breaker = if *role == Role::Canary { Some(BreakerSpec::default()) } else { *breaker };
    let facts = vec![
        runs(kind),
        starts(start),
        optional(
            "hedges",
            hedges.map(|share| format!("at most {}%", f64::from(share.parts()) / 100.0)),
            "all",
            "starts for {new} of the requests instead of {old}",
        ),
        fact("concurrency", concurrency.get(), "works on {new} at a time instead of {old}").shown(words::count(
            concurrency.get() as u64,
            "request",
            "requests",
        )),
        fact("max_batch", max_batch.map(NonZeroUsize::get), "scores up to {new} in one call instead of {old}").shown(
            max_batch.map_or("what its model takes".to_owned(), |most| {
                words::count(most.get() as u64, "request", "requests")
            }),
        ),
        optional("family", family.as_deref().map(str::to_owned), "no family", "is of {new} instead of {old}"),
        fact("cost", words::canonical(json!(cost)), "costs {new} instead of {old}"),
        optional("hears", heard(hears), "nobody", "hears {new} instead of {old}"),
        optional(
            "wait",
            (!hears.is_empty()).then(|| words::duration(*wait)),
            "for nobody",
            "waits {new} for whom it hears instead of {old}",
        ),
        optional("breaker", breaker.map(opens), "never", "has a breaker that opens {new} instead of {old}"),
        optional("state", state.as_ref().map(keeps), "nothing", "keeps {new} instead of {old}"),
        optional("memory", memory(kind), "what it wants", "may have {new} of memory instead of {old}"),
    ];
    Part {
        path: format!("executors.{id}"),
        key: id.to_string(),
        arrives,
        leaves: format!("{title} is no longer asked"),
        groups: vec![Group {
            name: "canary",
            parts: canary.iter().map(|spec| canaries::compared(id, spec)).collect(),
            moved: None,
        }],
        title,
        facts,
    }
}

fn starts(start: &Start) -> Fact {
    let (value, shown) = match start {
        Start::After(after) if after.is_zero() => (json!(words::duration(*after)), "at once".to_owned()),
        Start::After(after) => {
            let after = words::duration(*after);
            (json!(after), format!("{after} after the request"))
        }
        Start::Usual(UsualStart { of, quantile, min, max, otherwise }) => {
            let (quantile, [min, max, otherwise]) =
                (quantile.as_str(), [min, max, otherwise].map(|at| words::duration(*at)));
            let value = json!({ "after": quantile, "of": of.as_str(), "min": min, "max": max, "otherwise": otherwise });
            let bounds = format!("from {min} to {max}, and {otherwise} while that is not known");
            (value, format!("after `{of}`'s {quantile} ({bounds})"))
        }
    };
    fact("start", value, "starts {new} instead of {old}").shown(shown)
}

fn heard(hears: &[ExecutorId]) -> Option<String> {
    let names: Vec<&str> = hears.iter().map(ExecutorId::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn opens(breaker: BreakerSpec) -> String {
    let BreakerSpec { open_at, min, window, pause } = breaker;
    let (share, window, pause) = (percent(open_at), words::duration(window), words::duration(pause));
    format!("at {share} bad of at least {min} in {window}, for {pause}")
}

fn keeps(state: &StateSpec) -> String {
    let StateSpec { settings, commands } = state;
    let mut keeps = "state about each key".to_owned();
    if let Some(topic) = settings {
        write!(keeps, ", by the settings in `{topic}`").expect("a String takes every write");
    }
    if let Some(topic) = commands {
        write!(keeps, ", with commands to `{topic}`").expect("a String takes every write");
    }
    keeps
}

/// Returns what bounds an executor's memory, where something does.
fn memory(kind: &ExecutorKind) -> Option<String> {
    match kind {
        ExecutorKind::Wasm { memory, .. } => Some(memory.to_string()),
        _ => None,
    }
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1e9).round() / 1e7)
}

fn runs(kind: &ExecutorKind) -> Fact {
    let (value, shown) = match kind {
        ExecutorKind::Onnx(path) => (json!({ "onnx": path }), format!("the model `{}`", path.display())),
        ExecutorKind::Server(server) => self::server(server),
        ExecutorKind::Python { file, function } => {
            let place = format!("{}:{function}", file.display());
            (json!({ "python": place }), format!("the Python function `{place}`"))
        }
        ExecutorKind::Wasm { file, .. } => (json!({ "wasm": file }), format!("the component `{}`", file.display())),
        ExecutorKind::Model { name, version } => {
            let model = version.as_ref().map_or_else(|| name.to_string(), |version| format!("{name}@{version}"));
            (json!({ "model": model }), format!("the published model `{model}`"))
        }
        ExecutorKind::Elsewhere => (json!({ "elsewhere": {} }), "whatever runs elsewhere".to_owned()),
        ExecutorKind::Rust(name) => (json!({ "rust": name }), format!("the compiled-in `{name}`")),
        ExecutorKind::Echo => (json!({ "echo": {} }), "an echo".to_owned()),
        ExecutorKind::Constant { answer, delay } => {
            let (answer, delay) = (words::json(answer.as_bytes()), words::duration(*delay));
            let shown = format!("the constant {answer} after {delay}");
            (json!({ "constant": { "answer": answer, "delay": delay } }), shown)
        }
    };
    fact("runs", value, "runs {new} instead of {old}").shown(shown)
}

fn server(server: &ServerSpec) -> (Value, String) {
    let ServerSpec { protocol, url, credentials, retries } = server;
    let mut value = json!({ protocol.as_str(): url });
    let mut shown = format!("the server `{url}`");
    if *protocol != Protocol::Http {
        shown = format!("the {} server `{url}`", protocol.as_str());
    }
    if let Some(Credentials { secret, header }) = credentials {
        let place = match secret {
            SecretRef::Env(name) => format!("${name}"),
            SecretRef::File(path) => path.display().to_string(),
        };
        let header = header.as_deref().unwrap_or("authorization");
        write!(shown, " with `{place}` as its `{header}`").expect("a String takes every write");
        value["credentials"] = json!({ "secret": place, "header": header });
    }
    if *retries > 0 {
        write!(shown, ", and asks again {retries} times").expect("a String takes every write");
        value["retries"] = json!(retries);
    }
    (value, shown)
}

fn archive(decoy: &DecoySpec) -> Part {
    let DecoySpec { archive, every, keep } = decoy;
    let folder = archive.display().to_string();
    let facts = vec![
        fact("archive", folder.clone(), "are archived in `{new}` instead of `{old}`"),
        fact("every", words::duration(*every), "are archived every {new} instead of every {old}"),
        optional("keep", keep.map(words::duration), "ever", "are kept for {new} instead of for {old}"),
    ];
    Part {
        path: "decoy".to_owned(),
        title: "inputs".to_owned(),
        arrives: format!("inputs are archived in `{folder}`"),
        leaves: "inputs are no longer archived".to_owned(),
        facts,
        ..Part::default()
    }
}

fn case(case: &Case, executors: &[ExecutorSpec], whole: Budget) -> Part {
    let Case { name, when, budget, plan, policy } = case;
    let (path, title) = (format!("cases.{name}"), format!("case `{name}`"));
    let written = words::duration(budget.as_duration());
    // Without a budget of its own a case has its rendezvous', whose change is told once.
    let time =
        fact("budget", (*budget < whole).then(|| written.clone()), "has a budget that {moves} from {old} to {new}");
    let time = time.shown(written).of(budget.as_micros());
    let facts = vec![
        fact("when", words::expression(&when.source), "applies when {new} instead of when {old}")
            .shown(format!("`{}`", when.source.trim())),
        time,
        asked(plan, executors),
    ];
    Part {
        arrives: format!(
            "{title} is new: when `{}`, requests are decided about in a way of their own",
            when.source.trim()
        ),
        leaves: format!("{title} is gone: its requests are decided about like others"),
        groups: vec![clauses::ladder(&format!("{path}.decide"), &format!("{title}, "), policy)],
        key: name.to_string(),
        path,
        title,
        facts,
    }
}

/// Who is asked: when that is everybody, whoever comes and goes is told once, as an executor. Canaries always are.
fn asked(plan: &Plan, executors: &[ExecutorSpec]) -> Fact {
    // When each may start is the executor's.
    let candidate =
        |Asked { executor, role, start_after: _ }: &Asked| (*role == Role::Candidate).then(|| executor.to_string());
    let asked: Vec<String> = plan.asked().iter().filter_map(candidate).collect();
    let everybody = executors.iter().all(|executor| plan.find(&executor.id).is_some());
    let shown = if everybody { "everybody".to_owned() } else { words::names(&asked) };
    fact("ask", (!everybody).then_some(asked), "asks {new} instead of {old}").shown(shown)
}

fn objective(objective: &Objective) -> Part {
    let Objective { within, share, window, degraded_is_good } = objective;
    let (within, window) = (words::duration(*within), words::duration(*window));
    let percent = percent(*share);
    let title = format!("the objective within {within} over {window}");
    Part {
        path: format!("objectives.{within} over {window}"),
        key: format!("{within} over {window}"),
        arrives: format!("{title} is new: {percent} of the results"),
        leaves: format!("{title} is gone"),
        title,
        facts: vec![
            fact("share", percent, "is {new} of the results instead of {old}"),
            fact(
                "degraded",
                if *degraded_is_good { "good" } else { "bad" },
                "takes degraded results for {new} instead of {old}",
            ),
        ],
        groups: Vec::new(),
    }
}

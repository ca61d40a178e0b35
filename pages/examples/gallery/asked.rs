//! The console's pages about one thing, in every state that they can be in: for the gallery and for tests.

use std::{sync::LazyLock, time::Duration};

use alarms::{Condition, Dependency, DependencyKind, Health, Kind, Severity, State};
use canary::Report;
use hedgerow_pages::console::{
    self, Access, AskField, AskFields, Canaries, CanaryShown, Frame, Page, Playground, RefusedInput, SearchFields,
    Searched,
};
use models::{Batches, Lineage, ModelStats, Numbers, RunBy, VersionStats};
use policies::{
    Circumstances, Definition, Evaluation, Explanation, Given, History, PolicyShown, Recorded, Step, TrialTally,
};
use serde_json::json;
use uuid::Uuid;
use wire::{
    ActedOn, Action, Apply, ApplyMode, CanaryAct, Change, ControlRecord, Deed, ExecutorId, Failure, FailureKind,
    Fencing, ModelVersion, PolicyRef, RendezvousName, Reply, Request, RequestId, Response, ResultRecord, Tally,
    Timestamp,
};

use crate::samples;

/// A page, what it shows, and where it would be.
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) access: Access,
    pub(crate) page: Page,
}

// === impl Shown ===

impl Shown {
    /// Returns the whole document.
    pub(crate) fn html(&self) -> String {
        let all = ["fraud".to_owned(), "wine".to_owned()];
        console::file(&self.page, &Frame { rendezvous: &all, here: &self.path, access: self.access, live: true })
    }
}

const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_123_456);
/// What a name would be called by whoever wants to break out of a page.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202e}--><img src=x onerror=1>";

/// A report of every kind; in one rendezvous each canary has a name of its own.
pub(crate) static REPORTS: LazyLock<Vec<Report>> = LazyLock::new(|| {
    let named = |sample: samples::Sample| match sample.name {
        "hostile" => sample.report,
        name => Report { canary: name.to_owned(), ..sample.report },
    };
    samples::all().into_iter().map(named).collect()
});

/// Every page.
pub(crate) fn all() -> Vec<Shown> {
    let mut all = Vec::new();
    for (name, explanation) in explanations() {
        let path = console::paths::request("wine", &explanation.id);
        let models = match name {
            "disputed" => vec![lineage("ada", "s3://wine/2025.csv")],
            "hostile" => vec![lineage(HOSTILE, HOSTILE)],
            _ => Vec::new(),
        };
        let page = console::request(&explanation, &models, None);
        all.push(shown(&format!("request-{name}"), &path, Access::Reader, page));
    }
    for (name, models) in
        [("models", models("forest")), ("models-none", Vec::new()), ("models-hostile", models(HOSTILE))]
    {
        all.push(shown(name, console::paths::MODELS, Access::Reader, console::models(&models, 3_600_000_000)));
    }
    let path = console::paths::requests("wine");
    all.push(shown("search", &path, Access::Reader, console::request_search("wine", None)));
    all.push(shown(
        "search-not-found",
        &path,
        Access::Reader,
        console::request_search("wine", Some(&not_found("order-17"))),
    ));
    let path = console::paths::policy("wine");
    for (name, view, access) in policies() {
        all.push(shown(&format!("policy-{name}"), &path, access, console::policy(&view, access)));
    }
    let path = console::paths::canaries("wine");
    for (name, view, access) in all_canaries() {
        all.push(shown(&format!("canaries-{name}"), &path, access, console::canaries(&view, access)));
    }
    let path = console::paths::playground("wine");
    for (name, view) in playgrounds() {
        all.push(shown(&format!("playground-{name}"), &path, Access::Reader, console::playground(&view)));
    }
    for (name, health, firing) in healths() {
        all.push(shown(
            &format!("health-{name}"),
            console::paths::HEALTH,
            Access::Open,
            console::health(&health, &firing),
        ));
    }
    all.push(shown("sign-in", console::paths::SIGN_IN, Access::Reader, console::sign_in(false)));
    all.push(shown("sign-in-wrong", console::paths::SIGN_IN, Access::Reader, console::sign_in(true)));
    all
}

fn shown(name: &str, path: &str, access: Access, page: Page) -> Shown {
    Shown { name: name.to_owned(), path: path.to_owned(), access, page }
}

// === models ===

fn lineage(author: &str, trained_on: &str) -> Lineage {
    Lineage {
        model: "forest@7".to_owned(),
        sha256: "5e2b6c1d".repeat(8),
        author: author.to_owned(),
        published: "2026-11-20T09:30:00Z".to_owned(),
        source: Some("s3://models/forest-7.onnx".to_owned()),
        trained_on: Some(trained_on.to_owned()),
        metrics: [("accuracy".to_owned(), "0.93".to_owned()), ("recall".to_owned(), "0.9".to_owned())].into(),
        message: "knows the harvest of 2025".to_owned(),
    }
}

/// A published model of three versions, one that is part of a policy, one that nobody asked, and one that runs elsewhere.
fn models(name: &str) -> Vec<ModelStats> {
    let numbers = |requests: u64, failed: u64| Numbers {
        calls: Some(requests / 2),
        requests,
        answered: requests - failed,
        abstained: 0,
        failed,
        expired: 7,
        overloaded: 0,
        duration: models::Duration {
            p50_us: Some(410),
            p90_us: Some(700),
            p99_us: Some(1_900),
            p999_us: Some(9_200),
            min_us: Some(300),
            max_us: Some(31_000),
        },
        batches: Some(Batches { mean: 2.0, p50: 1, p99: 8, max: 32 }),
    };
    let version = |version: &str, numbers: &Numbers| VersionStats {
        version: version.to_owned(),
        first_used: numbers.calls.map(|_| "2026-11-20T09:30:04Z".to_owned()),
        last_used: numbers.calls.map(|_| "2026-11-22T11:00:00Z".to_owned()),
        numbers: numbers.clone(),
    };
    let run = |rendezvous: &str, executor: &str, canary, live| RunBy {
        rendezvous: rendezvous.to_owned(),
        executor: executor.to_owned(),
        canary,
        live,
    };
    let published = ModelStats {
        name: name.to_owned(),
        published: true,
        current: Some("7".to_owned()),
        previous: Some("6".to_owned()),
        since: Some("2026-11-20T09:30:00Z".to_owned()),
        run_by: vec![
            run("wine", name, false, true),
            run("fraud", "next", true, true),
            run("wine", "old", false, false),
        ],
        window_us: 3_600_000_000,
        all: numbers(124_000, 3),
        versions: vec![
            version("7", &numbers(123_000, 0)),
            version("6", &numbers(1_000, 3)),
            version("8", &Numbers::default()),
        ],
    };
    let nobody = Numbers { calls: Some(0), ..Numbers::default() };
    let (current, previous, since) = (Some("91ab03".to_owned()), None, Some("2026-11-22T08:00:00Z".to_owned()));
    let part = ModelStats {
        name: "wine/linear".to_owned(),
        published: false,
        run_by: vec![run("wine", "linear", false, true)],
        all: numbers(900, 0),
        versions: vec![version("91ab03", &numbers(900, 0))],
        current,
        previous,
        since,
        ..published.clone()
    };
    let (current, since, versions) = (None, None, Vec::new());
    let idle = ModelStats { name: "wine/idle".to_owned(), all: nobody, current, since, versions, ..part.clone() };
    let heard = Numbers { calls: None, batches: None, ..numbers(50, 0) };
    let far = ModelStats {
        name: "wine/far".to_owned(),
        since: None,
        versions: vec![version("1", &heard)],
        all: heard,
        current: Some("1".to_owned()),
        ..part.clone()
    };
    vec![published, far, idle, part]
}

// === requests ===

const LADDER: &str = "- agree: 2\n  until: 15ms\n- best: { score: sure, at_least: 0.8 }\n  until: 30ms\n\
    - prefer: [forest, boost, linear]\n- default: { class: unknown }";

/// Who, when its response was in the log, how long it waited and worked (all in microseconds), what it said.
type Said = (&'static str, u64, u64, u64, Reply);

/// Every story of a request.
pub(crate) fn explanations() -> Vec<(&'static str, Explanation)> {
    let disputed = vec![
        ("forest", 9_200, 2_100, 4_000, class("cat", 0.55)),
        ("next", 13_000, 500, 9_400, class("eel", 0.99)),
        ("boost", 22_400, 6_000, 12_000, failed("the server at models.example:8000 did not answer within 12 ms")),
        ("linear", 36_000, 12_000, 18_000, class("dog", 0.93)),
    ];
    let agreed = vec![
        ("forest", 3_200, 400, 1_900, class("cat", 0.97)),
        ("boost", 4_000, 900, 2_000, class("cat", 0.91)),
        ("next", 5_100, 300, 3_300, class("cat", 0.91)),
        ("linear", 171_000, 80_000, 60_000, class("dog", 0.5)),
    ];
    let silent = vec![("forest", 4_000, 100, 2_000, Reply::Answer("{\"sure\":1}".into()))];
    let quick = vec![
        ("forest", 1_200, 100, 700, class("cat", 0.97)),
        ("boost", 1_600, 300, 800, class("cat", 0.91)),
        ("linear", 2_100, 200, 1_300, class("cat", 0.9)),
        ("next", 1_900, 200, 1_300, class("cat", 0.9)),
    ];
    let without = recorded(&["boost"], disputed[..2].to_vec());
    let mut receipt = recorded(&[], disputed.clone());
    receipt.responses.clear();
    let mut undecided = recorded(&[], disputed.clone());
    undecided.result = None;
    let mut gone = receipt.clone();
    gone.request = None;
    let mut about = recorded(&[], agreed.clone());
    if let Some((request, _)) = about.request.as_mut() {
        (request.case, request.key) = (Some("gold".into()), Some("customer-7".into()));
        request.attributes.set("tenant", "gold");
    }
    let explain = |recorded: &Recorded| {
        Explanation::of(recorded, Some(&definition()), Duration::from_millis(10)).expect("something was recorded")
    };
    vec![
        ("disputed", explain(&recorded(&[], disputed))),
        ("agreed", explain(&about)),
        ("default", explain(&recorded(&[], silent))),
        ("quick", explain(&recorded(&[], quick))),
        ("breaker", explain(&without)),
        ("receipt-only", explain(&receipt)),
        ("result-only", Explanation::of(&gone, None, Duration::from_millis(10)).expect("a result")),
        ("undecided", explain(&undecided)),
        ("crowd", crowd()),
        ("hostile", hostile(explain(&recorded(&[], agreed)))),
    ]
}

/// Fifty executors.
fn crowd() -> Explanation {
    let names: Vec<String> = (0..50).map(|number| format!("model-{number:02}")).collect();
    let list: Vec<String> = names.iter().map(|name| format!("  {name}: {{ echo: }}\n")).collect();
    let list = list.concat();
    let text = format!(
        "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [x] }}\nanswer: {{ value: class }}\nexecutors:\n{list}decide:\n\
         - agree: majority\n  until: 40ms\n- default: {{ class: unknown }}\n"
    );
    let definition = Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let mut dice = fastrand::Rng::with_seed(7);
    let said = names.iter().map(|name| {
        let (queued, scored) = (dice.u64(..6_000), dice.u64(500..40_000));
        let says = if dice.u8(..10) < 6 { "cat" } else { "dog" };
        (name.as_str(), 800 + queued + scored, queued, scored, class(says, 0.9))
    });
    let said = said.collect();
    let recorded = played(&definition.at_version(3), &[], said);
    Explanation::of(&recorded.0, Some(&recorded.1), Duration::from_millis(10)).expect("something was recorded")
}

pub(crate) fn hostile(mut explanation: Explanation) -> Explanation {
    explanation.key = Some(HOSTILE.to_owned());
    explanation.case = Some(HOSTILE.to_owned());
    explanation.attributes.insert(HOSTILE.to_owned(), HOSTILE.to_owned());
    for executor in &mut explanation.executors {
        HOSTILE.clone_into(&mut executor.executor);
        executor.model = Some(HOSTILE.to_owned());
        executor.answer = Some(json!({ HOSTILE: HOSTILE }));
    }
    for clause in &mut explanation.clauses {
        clause.why = Some(HOSTILE.to_owned());
    }
    if let Some(verdict) = &mut explanation.verdict {
        verdict.answer = json!({ "class": HOSTILE });
        verdict.executors = vec![HOSTILE.to_owned()];
    }
    explanation
}

fn definition() -> Definition {
    let text = format!(
        "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [x] }}\nkey: input.x\nanswer: {{ value: class, confidence: sure }}\n\
         executors:\n  forest: {{ echo: }}\n  boost: {{ echo: }}\n  linear: {{ echo: , start: {{ after: 5ms }} }}\n  \
         next: {{ echo: , canary: {{ of: forest }} }}\ndecide:\n{LADDER}"
    );
    Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}")).at_version(3)
}

fn recorded(broken: &[&str], said: Vec<Said>) -> Recorded {
    played(&definition(), broken, said).0
}

fn played(
    definition: &Definition,
    broken: &[&str],
    mut said: Vec<(&str, u64, u64, u64, Reply)>,
) -> (Recorded, Definition) {
    let request = Request {
        id: RequestId::from_key(definition.name(), "order-17"),
        born: BORN,
        budget: definition.budget,
        policy: definition.policy_ref.clone(),
        case: None,
        plan: definition.plan(),
        key: None,
        attributes: wire::Attributes::default(),
        traceparent: None,
        reply: None,
        body: r#"{"x":1}"#.into(),
    };
    said.sort_by_key(|(_, at, ..)| *at);
    let open_breakers = broken.iter().filter_map(|name| ExecutorId::new(name).ok()).collect();
    let known = Circumstances { open_breakers, ..Circumstances::default() };
    let policy = std::sync::Arc::clone(&definition.policy);
    let lead = Duration::from_millis(1);
    let mut step = Evaluation::open(policy, &request.plan, BORN, request.budget, lead, &known);
    let mut responses = Vec::new();
    for (name, at, queued, scored, reply) in said {
        let response = Response {
            request: request.id,
            executor: ExecutorId::new(name).expect("a name"),
            model: ModelVersion::new(name, "1f3a"),
            fetched: Duration::from_micros(at.saturating_sub(queued + scored) / 2),
            queued: Duration::from_micros(queued),
            scored: Duration::from_micros(scored),
            reply,
        };
        let at = BORN.after(Duration::from_micros(at));
        while let Step::Wait(evaluation) = step {
            if evaluation.deadline() <= at {
                let due = evaluation.deadline();
                step = evaluation.on_time(due);
            } else {
                step = evaluation.observe(&response, at).1;
                break;
            }
        }
        responses.push((response, at));
    }
    let verdict = loop {
        match step {
            Step::Emit(verdict) => break verdict,
            Step::Wait(evaluation) => {
                let due = evaluation.deadline();
                step = evaluation.on_time(due);
            }
        }
    };
    let body = verdict.body(&request.policy, None, BORN, request.budget);
    let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
    let (id, policy, kind) = (request.id, request.policy.clone(), verdict.kind());
    let record = ResultRecord { request: id, policy, kind, key: None, reply: None, fencing, body };
    let given = Given::read(record, verdict.at.after(Duration::from_micros(1_300))).expect("a body of ours");
    let asked = BORN.after(Duration::from_micros(700));
    (Recorded { request: Some((request, asked)), responses, result: Some(given) }, definition.clone())
}

fn class(class: &str, sure: f64) -> Reply {
    Reply::Answer(json!({ "class": class, "sure": sure }).to_string().into())
}

fn failed(message: &str) -> Reply {
    Reply::Failure(Failure { kind: FailureKind::Failed, message: message.to_owned() })
}

pub(crate) fn not_found(asked: &str) -> Searched {
    Searched {
        fields: SearchFields { id: asked.to_owned(), key: None, hours: Some(24) },
        why: format!(
            "there is no request `{asked}` (88f8c5b2-2448-590e-9fbd-1d969bb07542) in wine: 17 records were read, of \
             partition 3 of the requests, responses and results, from 2026-11-20T08:28:15Z on"
        ),
    }
}

// === policies ===

fn text(budget_ms: u64, more: &str) -> String {
    format!(
        "# Which grape?\nrendezvous: wine\nbudget: {budget_ms}ms\ninput: {{ features: [alcohol, ash] }}\n\
         answer: {{ value: class }}\nexecutors:\n  forest: {{ echo: }}\n  boost: {{ echo: }}\n{more}decide:\n  \
         - agree: 2\n    until: {budget_ms}ms\n  - default: {{ class: unknown }}\nexamples:\n  \
         - name: two agree\n    heard: {{ 4ms: {{ forest: {{ class: cat }} }}, 9ms: {{ boost: {{ class: cat }} }} }}\n    \
         expect: {{ at: 9ms, answer: {{ class: cat }} }}\n"
    )
}

fn change(author: &str, message: &str, action: Action) -> ControlRecord {
    let rendezvous = RendezvousName::new("wine").expect("a name");
    ControlRecord::Change(Change {
        id: Uuid::nil(),
        rendezvous,
        author: author.into(),
        message: message.into(),
        action,
    })
}

pub(crate) fn history(author: &str, message: &str) -> History {
    let mut history = History::of(RendezvousName::new("wine").expect("a name"));
    let canary = "  next: { echo: , canary: { of: forest } }\n";
    let applied = |text: String, expected| Apply::live(text.into(), expected);
    let report = ActedOn {
        digest: "4be1".repeat(16),
        verdict: "better".into(),
        because: "it errs less".into(),
        compared: 12_000,
    };
    let act = CanaryAct { canary: "next".into(), act: Deed::Promote, report: Some(report) };
    let counted = TrialTally {
        live: policies::ArmTally { decided: 12_000, defaults: 40, missed: vec![9] },
        trial: policies::ArmTally { decided: 12_000, defaults: 12, missed: vec![3] },
        paired: policies::PairTally {
            compared: 12_000,
            different: 310,
            earlier: 4_000,
            later: 77,
            ..Default::default()
        },
    };
    let policy = PolicyRef { rendezvous: RendezvousName::new("wine").expect("a name"), version: 5 };
    let tally = Tally { policy, partition: 0, counted: serde_json::to_vec(&counted).expect("plain data").into() };
    let apply = |who: &str, why: &str, apply| change(who, why, Action::Apply(apply));
    let records = [
        apply(author, message, applied(text(50, ""), 0)),
        apply("bob", "a canary of forest", applied(text(50, canary), 1)),
        apply("cyd", "", Apply { canary: Some(act), ..applied(text(50, "  next: { echo: }\n"), 2) }),
        apply("ada", "next was too slow in the evening", Apply { rolls_back: Some(2), ..applied(text(50, canary), 3) }),
        apply("bob", "less patience", Apply { mode: ApplyMode::Shadow, ..applied(text(40, canary), 4) }),
        apply("eve", "never seen that there is a fifth", applied(text(60, ""), 4)),
        apply("eve", "does not read", applied("rendezvous: wine\n".to_owned(), 5)),
        ControlRecord::Tally(tally),
    ];
    for (hour, record) in (0..).zip(records) {
        let _ = history.fold(&record, BORN.after(Duration::from_hours(hour)));
    }
    history
}

fn policies() -> Vec<(&'static str, PolicyShown, Access)> {
    let history = history("ada", "the first start");
    let shown = |version, against| PolicyShown::of(&history, version, against).expect("both are there");
    let none = History::of(RendezvousName::new("wine").expect("a name"));
    vec![
        ("live", shown(None, None), Access::Reader),
        ("operator", shown(None, None), Access::Operator),
        ("compared", shown(Some(5), Some(3)), Access::Reader),
        ("none", PolicyShown::of(&none, None, None).expect("no version is named"), Access::Operator),
        (
            "hostile",
            PolicyShown::of(&self::history(HOSTILE, HOSTILE), Some(1), None).expect("it is there"),
            Access::Operator,
        ),
    ]
}

// === canaries ===

fn all_canaries() -> Vec<(&'static str, Canaries, Access)> {
    let canaries = |reports: Vec<Report>| {
        let canaries = reports.into_iter().enumerate();
        let canaries = canaries.map(|(place, report)| CanaryShown { report, held: place == 1 }).collect();
        Canaries { rendezvous: "wine".to_owned(), newest: 5, canaries }
    };
    vec![
        ("all", canaries(REPORTS.clone()), Access::Reader),
        ("operator", canaries(REPORTS.clone()), Access::Operator),
        ("none", canaries(Vec::new()), Access::Operator),
    ]
}

// === playground and health ===

pub(crate) fn playgrounds() -> Vec<(&'static str, Playground)> {
    let text = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol, malic_acid, ash], attributes: [tenant] }\n\
        executors: { forest: { echo: } }\ndecide: [{ first: any, until: 40ms }, { default: {} }]\n";
    let definition = Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}")).at_version(3);
    let view = |asks| Playground::of(&definition, asks);
    let typed = AskFields {
        input: "{\"alcohol\": \"strong\",\n \"malic_acid\": 1.7, \"ash\": 2}".to_owned(),
        budget_ms: "20".to_owned(),
        key: "order-17".to_owned(),
        attributes: "tenant=bistro".to_owned(),
    };
    let refused =
        |field, why: &str| view(true).refusing(RefusedInput { typed: typed.clone(), field, why: why.to_owned() });
    // What somebody typed stays as it is, and turns nothing around but itself.
    let hostile = HOSTILE.replace('\u{202e}', "");
    let hostile = AskFields { input: format!("</textarea>{hostile}"), key: hostile, ..typed.clone() };
    let hostile = RefusedInput { typed: hostile, field: Some(AskField::Key), why: HOSTILE.to_owned() };
    vec![
        ("new", view(true)),
        ("refused", refused(Some(AskField::Input), "feature `alcohol` must be a number, not text")),
        ("shed", refused(None, "too many requests are open: try again in a second")),
        ("no-starter", view(false)),
        ("hostile", view(true).refusing(hostile)),
    ]
}

pub(crate) fn healths() -> Vec<(&'static str, Health, Vec<Condition>)> {
    let now = BORN.as_micros();
    let one = |name: &str, kind, rendezvous: Option<&str>, state, ago: Option<i64>, why: &str| Dependency {
        name: name.to_owned(),
        kind,
        rendezvous: rendezvous.map(str::to_owned),
        state,
        since_us: ago.map(|seconds| now - seconds * 1_000_000),
        why: why.to_owned(),
    };
    let up = |name: &str, kind, rendezvous| one(name, kind, rendezvous, State::Up, Some(86_400), "");
    let well = vec![
        up("kafka:9092", DependencyKind::Bus, None),
        up("hedgerow.control", DependencyKind::Control, None),
        up("collector", DependencyKind::Collector, Some("wine")),
        up("forest", DependencyKind::Executor, Some("wine")),
    ];
    let mut ill = well.clone();
    ill.push(one(
        "boost",
        DependencyKind::Executor,
        Some("wine"),
        State::Down,
        Some(95),
        "its breaker is open: 20 of the last 20 answers failed",
    ));
    ill.push(one(
        "comparison",
        DependencyKind::Comparison,
        Some("wine"),
        State::Unknown,
        None,
        "nothing was heard of it",
    ));
    let mut worst = ill.clone();
    worst[0] = one("kafka:9092", DependencyKind::Bus, None, State::Down, Some(12), "connection refused");
    let firing = |kind, severity, subject: &str, summary: &str, path: &str| Condition {
        kind,
        rendezvous: Some("wine".to_owned()),
        subject: subject.to_owned(),
        severity,
        since_us: now - 300_000_000,
        summary: summary.to_owned(),
        path: path.to_owned(),
    };
    let burns = firing(
        Kind::BurnRate,
        Severity::Page,
        "50ms",
        "wine burns its error budget 20 times too fast",
        "/rendezvous/wine",
    );
    let canary = firing(
        Kind::CanaryVerdict,
        Severity::Info,
        "next",
        "canary next is better than forest",
        "/rendezvous/wine/canaries/next",
    );
    let hostile = firing(Kind::BreakerOpen, Severity::Ticket, HOSTILE, HOSTILE, "//evil.example/<x>");
    let strange = one(HOSTILE, DependencyKind::Executor, Some(HOSTILE), State::Down, Some(-5), HOSTILE);
    vec![
        ("well", Health::of(well.clone(), now), Vec::new()),
        ("burning", Health::of(well, now), vec![canary.clone(), burns.clone()]),
        ("ill", Health::of(ill, now), vec![canary]),
        ("worst", Health::of(worst, now), vec![burns]),
        ("nothing", Health::of(Vec::new(), now), Vec::new()),
        ("hostile", Health::of(vec![strange], now), vec![hostile]),
    ]
}

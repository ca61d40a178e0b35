//! Every mistake one can make in a policy file has its own sentence, its place and, where there is one, a way out.
//!
//! Each is made in an otherwise sound policy, and must be the only problem found. The snapshot shows them all.

#[path = "mistakes/canaries.rs"]
mod canaries;
#[path = "mistakes/hedges.rs"]
mod hedges;
#[path = "mistakes/language.rs"]
mod language;
#[path = "mistakes/schema.rs"]
mod schema;

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use hedgerow_policies::{
    CanarySpec, Credentials, Definition, Diagnostics, ExecutorKind, Memory, Protocol, SecretRef, ServerSpec,
};

const SOUND: &str = r#"rendezvous: wine
budget: 50ms
input: { features: [alcohol, ash] }
answer: { value: class, confidence: probability }
executors:
  forest: { onnx: forest.onnx }
  boost: { onnx: boost.onnx, start: { after: 2ms } }
  vendor: { http: "http://scorer:8080/v2/models/wine/infer", concurrency: 8 }
  next: { onnx: mlp.onnx, canary: { of: forest } }
decoy: { archive: archive/wine, every: 60s, keep: 30d }
decide:
  - agree: { votes: 2, on: [class] }
    until: 15ms
  - best: { score: "answer.confidence * 1.0", at_least: 0.8 }
    until: 30ms
  - prefer: [forest: { until: 40ms }, boost]
    until: 50ms
  - default: { class: unknown }
objectives:
  - { within: 50ms, share: 99.9%, window: 30d }
examples:
  - name: two agree
    heard: { 3ms: { forest: { class: 1 } }, 4ms: { boost: { class: 1 } } }
    expect: { at: 4ms, answer: { class: 1 }, decided_by: agree }
"#;

/// A mistake: its name, what to replace in the sound policy, and by what.
type Mistake = (&'static str, &'static str, &'static str);

const MISTAKES: &[Mistake] = &[
    // The file as such.
    ("not YAML", "budget: 50ms", "budget: [50ms"),
    ("tab", "  forest: { onnx: forest.onnx }", "\tforest: { onnx: forest.onnx }"),
    ("empty file", SOUND, ""),
    ("two documents", "decide:\n", "---\ndecide:\n"),
    ("a list instead of a map", SOUND, "- rendezvous\n"),
    ("alias to nothing", "budget: 50ms", "budget: *life"),
    ("tag", "budget: 50ms", "budget: !!str 50ms"),
    ("name that is a list", "budget: 50ms", "budget: 50ms\n[a]: 1"),
    // State.
    ("state about nobody", "executors:\n", "executors:\n  heater: { rust: heater, state: {} }\n"),
    (
        "state of what keeps none",
        "executors:\n  forest: { onnx: forest.onnx }",
        "key: input.ash\nexecutors:\n  forest: { onnx: forest.onnx, state: {} }",
    ),
    (
        "state and a later start",
        "executors:\n",
        "key: input.ash\nexecutors:\n  heater: { rust: heater, state: {}, start: { after: 2ms } }\n",
    ),
    (
        "settings and commands in one topic",
        "executors:\n",
        "key: input.ash\nexecutors:\n  heater: { rust: heater, state: { settings: a, commands: a } }\n",
    ),
    (
        "settings in no topic",
        "executors:\n",
        "key: input.ash\nexecutors:\n  heater: { rust: heater, state: { settings: a b } }\n",
    ),
    ("nothing that could be compiled in", "executors:\n", "executors:\n  heater: { rust: a b }\n"),
    // Fields.
    ("unknown field", "budget: 50ms", "budget: 50ms\nobjectivs: []"),
    ("unknown field without a likeness", "decoy: { ", "decoy: { colour: blue, "),
    ("missing field", "rendezvous: wine\n", ""),
    ("missing field of a part", "archive: archive/wine, ", ""),
    ("duplicate key", "  boost: {", "  forest: { onnx: f.onnx }\n  boost: {"),
    ("map where a list is meant", "features: [alcohol, ash]", "features: { alcohol: 1 }"),
    ("list where a map is meant", "answer: { value: class, confidence: probability }", "answer: [class]"),
    ("list where text is meant", "rendezvous: wine", "rendezvous: [wine]"),
    ("list where an object is meant", "default: { class: unknown }", "default: [unknown]"),
    ("NaN in an answer", "default: { class: unknown }", "default: { class: .nan }"),
    // Names and numbers.
    ("rendezvous' name", "rendezvous: wine", "rendezvous: red wine"),
    ("executor's name", "  vendor:", "  9vendor:"),
    ("no unit", "budget: 50ms", "budget: 50"),
    ("unknown unit", "until: 30ms", "until: 30msec"),
    ("no duration", "until: 30ms", "until: soon"),
    ("list where a duration is meant", "until: 30ms", "until: [30ms]"),
    ("budget of nothing", "budget: 50ms", "budget: 0ms"),
    ("budget too long", "budget: 50ms", "budget: 6m"),
    ("time without end", "keep: 30d", "keep: 30000000000000d"),
    ("judge without anybody", "concurrency: 8", "hears: [], wait: 5ms"),
    ("judge of nobody known", "concurrency: 8", "hears: [forst], wait: 5ms"),
    ("judge of itself", "concurrency: 8", "hears: [vendor], wait: 5ms"),
    ("judge of a canary", "concurrency: 8", "hears: [next], wait: 5ms"),
    ("judge that hears one twice", "concurrency: 8", "hears: [forest, forest], wait: 5ms"),
    ("judge without a wait", "concurrency: 8", "hears: [forest]"),
    ("judge that waits too long", "concurrency: 8", "hears: [forest], wait: 50ms"),
    (
        "judges in a circle",
        "concurrency: 8 }",
        "hears: [other], wait: 5ms }\n  other: { echo: , hears: [third], wait: 5ms }\n  third: { echo: , hears: [vendor], wait: 5ms }",
    ),
    (
        "judge that is no judge",
        "forest: { onnx: forest.onnx }",
        "forest: { onnx: forest.onnx, hears: [boost], wait: 5ms }",
    ),
    ("breaker as a word", "concurrency: 8", "breaker: sometimes"),
    ("breaker as a list", "concurrency: 8", "breaker: [90%]"),
    ("breaker without a field so called", "concurrency: 8", "breaker: { opens_at: 90% }"),
    ("breaker that counts nobody", "concurrency: 8", "breaker: { min: 0 }"),
    ("breaker that counts too many", "concurrency: 8", "breaker: { min: 1000001 }"),
    ("breaker without a window", "concurrency: 8", "breaker: { window: 0s }"),
    ("breaker that never pauses", "concurrency: 8", "breaker: { pause: 0s }"),
    ("breaker that pauses too long", "concurrency: 8", "breaker: { pause: 31s }"),
    ("breaker of a canary", "canary: { of: forest }", "canary: { of: forest }, breaker: off"),
    ("example that opens nobody's breaker", "  - name: two agree", "  - name: two agree\n    breaker_open: [forst]"),
    ("example that opens a canary's breaker", "  - name: two agree", "  - name: two agree\n    breaker_open: [next]"),
    (
        "example that opens breakers as a map",
        "  - name: two agree",
        "  - name: two agree\n    breaker_open: { vendor: 1 }",
    ),
    ("wait for nobody", "concurrency: 8", "wait: 5ms"),
    ("concurrency of nothing", "concurrency: 8", "concurrency: 0"),
    ("retries without end", "concurrency: 8", "retries: 100"),
    ("retries of a model", "boost: { onnx: boost.onnx,", "boost: { onnx: boost.onnx, retries: 1,"),
    ("credentials of a model", "boost: { onnx: boost.onnx,", "boost: { onnx: boost.onnx, credentials: { env: TOKEN },"),
    ("credentials from nowhere", "concurrency: 8", "credentials: { header: x-api-key }"),
    ("credentials from two places", "concurrency: 8", "credentials: { env: TOKEN, file: token.txt }"),
    (
        "gRPC server without a model",
        "http: \"http://scorer:8080/v2/models/wine/infer\"",
        "grpc: \"http://scorer:8081\"",
    ),
    ("TensorFlow server without its verb", "http: \"http://scorer:8080/v2", "tensorflow: \"http://scorer:8080/v2"),
    (
        "PMML server without a model",
        "http: \"http://scorer:8080/v2/models/wine/infer\"",
        "pmml: \"http://scorer:8080/openscoring/model/\"",
    ),
    ("Python file that is none", "boost: { onnx: boost.onnx,", "boost: { python: boost.onnx,"),
    ("Python function that is none", "boost: { onnx: boost.onnx,", "boost: { python: \"boost.py:a b\","),
    ("published model without a name", "boost: { onnx: boost.onnx,", "boost: { model: \"@7\","),
    ("published model without a version", "boost: { onnx: boost.onnx,", "boost: { model: \"forest@\","),
    ("batch of nothing", "concurrency: 8", "max_batch: 0"),
    ("batch that never comes together", "concurrency: 8", "max_batch: 5000"),
    ("batch for whom it is nothing", "boost: { onnx: boost.onnx,", "boost: { echo: , max_batch: 8,"),
    ("memory of a model", "boost: { onnx: boost.onnx,", "boost: { onnx: boost.onnx, memory: 64MiB,"),
    ("memory without a unit", "boost: { onnx: boost.onnx,", "boost: { wasm: boost.wasm, memory: 64,"),
    ("memory in no unit", "boost: { onnx: boost.onnx,", "boost: { wasm: boost.wasm, memory: 64MB,"),
    ("memory that is none", "boost: { onnx: boost.onnx,", "boost: { wasm: boost.wasm, memory: plenty,"),
    ("memory that is a list", "boost: { onnx: boost.onnx,", "boost: { wasm: boost.wasm, memory: [1],"),
    ("memory that is too little", "boost: { onnx: boost.onnx,", "boost: { wasm: boost.wasm, memory: 64KiB,"),
    ("share above all", "share: 99.9%", "share: 120%"),
    ("no features", "features: [alcohol, ash]", "features: []"),
    ("no texts", "features: [alcohol, ash]", "features: [alcohol, ash], texts: []"),
    ("text that is a feature too", "features: [alcohol, ash]", "features: [alcohol, ash], texts: [ash]"),
    ("feature twice", "features: [alcohol, ash]", "features: [ash, ash]"),
    ("no field", "value: class", "value: \"a class\""),
    // Executors.
    ("executor that runs nothing", "vendor: { http: \"http://scorer:8080/v2/models/wine/infer\", ", "vendor: { "),
    ("executor that runs two things", "forest: { onnx: forest.onnx }", "forest: { onnx: forest.onnx, echo: {} }"),
    ("no URL", "http://scorer", "scorer"),
    ("canary of nobody", "of: forest", "of: forrest"),
    ("canary of a canary", "  next:", "  after: { echo: , canary: { of: next } }\n  next:"),
    ("canary of itself", "of: forest", "of: next"),
    ("start that is none", "start: { after: 2ms }", "start: later"),
    ("start when all is over", "after: 2ms", "after: 50ms"),
    ("archive that never waits", "every: 60s", "every: 0s"),
    // Clauses.
    ("unknown clause", "- agree: {", "- agre: {"),
    ("combine as a word", "- agree: { votes: 2, on: [class] }", "- combine: mean"),
    ("clause that says nothing", "- agree: { votes: 2, on: [class] }\n    until", "- until"),
    ("two ways in one clause", "    until: 30ms", "    first: any\n    until: 30ms"),
    ("nobody ranked", "prefer: [forest: { until: 40ms }, boost]", "prefer: []"),
    ("two executors in one rank", "[forest: { until: 40ms }, boost]", "[{ forest: { until: 40ms }, boost: }]"),
    ("rank twice", "boost]", "forest]"),
    ("unknown executor", "boost]", "bost]"),
    ("canary chosen", "boost]", "next]"),
    ("patience by quantile", "until: 40ms", "until: p97"),
    ("patience over before it begins", "until: 40ms", "until: 30ms"),
    ("patience that outlasts", "until: 40ms }, boost]\n    until: 50ms", "until: 46ms }, boost]\n    until: 45ms"),
    ("unreachable threshold", "votes: 2", "votes: 4"),
    ("votes of nothing", "votes: 2", "votes: 0"),
    ("unknown way to break ties", "on: [class]", "on: [class], on_tie: toss"),
    ("nothing compared", "on: [class]", "on: []"),
    ("first of somebody", "- agree: { votes: 2, on: [class] }", "- first: [forest]"),
    ("expression that does not read", "answer.confidence * 1.0", "answer.confidence * * 1.0"),
    ("unknown variable in an expression", "answer.confidence * 1.0", "anwser.confidence * 1.0"),
    ("unknown function in an expression", "answer.confidence * 1.0", "sqrt(answer.confidence)"),
    ("at_least NaN", "at_least: 0.8", "at_least: .nan"),
    ("at_least that is text", "at_least: 0.8", "at_least: high"),
    // The ladder.
    ("ends earlier than the one above", "until: 30ms", "until: 12ms"),
    ("outlasts the budget", "until: 50ms", "until: 60ms"),
    (
        "last ends before the budget",
        "until: 40ms }, boost]\n    until: 50ms\n  - default: { class: unknown }",
        "until: 40ms }, boost]\n    until: 45ms\n  - first: any\n    until: 46ms",
    ),
    ("ends at once", "until: 15ms", "until: 0ms"),
    ("nothing decides at the end", "  - default: { class: unknown }\n", ""),
    ("clause behind the default", "objectives:", "  - first: any\nobjectives:"),
    // Objectives.
    ("degraded that is neither good nor bad", "window: 30d }", "window: 30d, degraded: fine }"),
    // Examples.
    ("example of an unknown executor", "{ boost: { class: 1 }", "{ bost: { class: 1 }"),
    ("example that expects what cannot be", "decided_by: agree", "decided_by: agreement"),
    ("example without a name", "name: two agree\n    heard", "heard"),
    (
        "two examples of one name",
        "examples:\n",
        "examples:\n  - { name: two agree, expect: { decided_by: default } }\n",
    ),
];

fn problems(text: &str) -> Diagnostics {
    Definition::check("policies/wine.yaml", text).problems
}

#[test]
fn the_policy_without_mistakes_is_sound() {
    for sound in [SOUND, language::SOUND, hedges::SOUND, canaries::SOUND] {
        let found = problems(sound);
        assert!(found.0.is_empty(), "{found}");
    }
}

#[test]
fn every_mistake_has_its_place_its_sentence_and_its_hint() {
    insta::assert_snapshot!(told(SOUND, MISTAKES));
}

#[test]
fn every_mistake_in_options_cases_and_expressions_has_them_too() {
    insta::assert_snapshot!(told(language::SOUND, language::MISTAKES));
}

#[test]
fn every_mistake_in_starts_has_them_too() {
    insta::assert_snapshot!(told(hedges::SOUND, hedges::MISTAKES));
}

#[test]
fn every_mistake_in_canaries_has_them_too() {
    insta::assert_snapshot!(told(canaries::SOUND, canaries::MISTAKES));
}

/// Makes each mistake, and tells what is said of it.
fn told(sound: &str, mistakes: &[Mistake]) -> String {
    let (mut all, mut several) = (String::new(), String::new());
    for (name, right, wrong) in mistakes {
        assert_eq!(sound.matches(right).count(), 1, "{name}: `{right}` must stand once in the sound policy");
        let found = problems(&sound.replace(right, wrong));
        if found.0.len() != 1 {
            let _ = writeln!(several, "{name} must be one problem:\n{found}");
        }
        let _ = writeln!(all, "# {name}\n\n{found}");
    }
    assert!(several.is_empty(), "{several}");
    all
}

#[test]
fn no_two_mistakes_share_a_sentence() {
    // These are the same mistake in two places.
    let same = [
        "unknown field without a likeness",
        "missing field of a part",
        "unknown quantile",
        "patience over before it begins",
        "votes of nothing",
        "min_votes that cannot be",
        "bounds of a start the wrong way round",
        "hedge budget of nothing",
        "hedge when all is over",
        "case that is over before a hedge",
        "nothing where margins are meant",
        "confidence beyond doubt",
        "time margin without a unit",
        "warm-up without a unit",
        "canary that starts when its time is over",
    ];
    let all = MISTAKES.iter().map(|mistake| (SOUND, mistake));
    let all = all.chain(language::MISTAKES.iter().map(|mistake| (language::SOUND, mistake)));
    let all = all.chain(hedges::MISTAKES.iter().map(|mistake| (hedges::SOUND, mistake)));
    let all = all.chain(canaries::MISTAKES.iter().map(|mistake| (canaries::SOUND, mistake)));
    let (mut sentences, mut shared): (BTreeMap<String, &str>, Vec<String>) = (BTreeMap::new(), Vec::new());
    for (sound, (name, right, wrong)) in all.filter(|(_, (name, ..))| !same.contains(name)) {
        let sentence = problems(&sound.replace(right, wrong)).0.remove(0).message;
        if let Some(other) = sentences.insert(sentence.clone(), name) {
            shared.push(format!("`{sentence}` is said of `{name}` and of `{other}`"));
        }
    }
    assert!(shared.is_empty(), "{}", shared.join("\n"));
    assert!(sentences.len() > 150, "{}", sentences.len());
}

/// Mistakes that need more of the file changed than one place.
#[test]
fn mistakes_of_the_whole_have_a_sentence_too() {
    let minimal = |executors: &str, decide: &str| {
        let text = format!(
            "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [ash] }}\nexecutors: {executors}\ndecide: {decide}\n"
        );
        problems(&text).0.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>()
    };
    let (one, first) = ("{ a: { echo: } }", "[first: any]");
    assert_eq!(minimal(one, first), [""; 0]);
    assert_eq!(minimal("{}", first), ["there are no executors"]);
    assert_eq!(minimal(one, "[]"), ["nothing decides"]);
    assert_eq!(minimal(one, "[agree: 1, first: any]"), ["`agree` does not know what to compare"]);
    let canaries = "{ a: { echo: , canary: { of: b } }, b: { echo: , canary: { of: a } } }";
    assert!(minimal(canaries, first).contains(&"every executor is a canary, so nobody may answer".to_owned()));
    let many: String = (0..65).fold(String::new(), |all, index| all + &format!("e{index}: {{ echo: }}, "));
    assert_eq!(minimal(&format!("{{ {many} }}"), first), ["a rendezvous asks at most 64 executors"]);
    let answer = "{ a: { constant: { answer: 7 } } }";
    assert_eq!(minimal(answer, first), ["a constant answer must be an object"]);
}

#[test]
fn every_kind_of_executor_is_read() {
    let text = SOUND.replace(
        "  boost: { onnx",
        "  fixed: { constant: { answer: { class: 1 }, delay: 3ms } }\n  back: { echo: {} }\n  boost: { onnx",
    );
    let wine = Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let kinds: Vec<&ExecutorKind> = wine.executors.iter().map(|executor| &executor.kind).collect();
    let http = ExecutorKind::Server(ServerSpec {
        protocol: Protocol::Http,
        url: "http://scorer:8080/v2/models/wine/infer".to_owned(),
        credentials: None,
        retries: 0,
    });
    let constant = ExecutorKind::Constant { answer: r#"{"class":1}"#.into(), delay: Duration::from_millis(3) };
    let onnx = |file: &str| ExecutorKind::Onnx(file.into());
    assert_eq!(
        kinds,
        [&onnx("forest.onnx"), &constant, &ExecutorKind::Echo, &onnx("boost.onnx"), &http, &onnx("mlp.onnx")]
    );
    assert_eq!(wine.plan().to_string(), "forest,fixed,back,boost+2000,vendor,~next");
    assert_eq!(wine.executors[5].canary, Some(CanarySpec::new(wine.executors[0].id.clone())));
    assert_eq!(wine.executors[4].concurrency.get(), 8);
    let decoy = wine.decoy.expect("a decoy");
    assert_eq!((decoy.every, decoy.keep), (Duration::from_mins(1), Some(Duration::from_hours(30 * 24))));
    assert!((wine.objectives[0].share - 0.999).abs() < 1e-9 && !wine.objectives[0].degraded_is_good);
    let lenient = text.replace("window: 30d }", "window: 30d, degraded: good }");
    assert!(Definition::parse("wine.yaml", &lenient).is_ok_and(|wine| wine.objectives[0].degraded_is_good));
}

#[test]
fn what_runs_a_model_elsewhere_is_read() {
    let check = |written: &str, expected: ExecutorKind| {
        let text = SOUND.replace("onnx: boost.onnx", written);
        let wine = Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(wine.executors[1].kind, expected, "{written}");
    };
    let server = |protocol, url: &str, credentials, retries| {
        ExecutorKind::Server(ServerSpec { protocol, url: url.to_owned(), credentials, retries })
    };
    let python = |file: &str, function: &str| ExecutorKind::Python { file: file.into(), function: function.into() };
    let model = |name: &str, version: Option<&str>| ExecutorKind::Model {
        name: wire::ModelName::new(name).unwrap(),
        version: version.map(Into::into),
    };
    let token = |header: Option<&str>| {
        Some(Credentials { secret: SecretRef::Env("TOKEN".into()), header: header.map(Into::into) })
    };
    check("grpc: \"https://host/wine\"", server(Protocol::Grpc, "https://host/wine", None, 0));
    check(
        "grpc: \"http://host:81/wine\", credentials: { env: TOKEN }, retries: 2",
        server(Protocol::Grpc, "http://host:81/wine", token(None), 2),
    );
    check(
        "pmml: \"http://host/openscoring/model/wine\", credentials: { env: TOKEN, header: X-Api-Key }",
        server(Protocol::Pmml, "http://host/openscoring/model/wine", token(Some("x-api-key")), 0),
    );
    let predict = "http://host/v1/models/wine:predict";
    let secret = Some(Credentials { secret: SecretRef::File("token.txt".into()), header: None });
    check(
        &format!("tensorflow: \"{predict}\", credentials: {{ file: token.txt }}"),
        server(Protocol::TensorFlow, predict, secret, 0),
    );
    check("python: models/rank.py", python("models/rank.py", "score"));
    check("python: \"rank.py:best\"", python("rank.py", "best"));
    let wasm = |memory| ExecutorKind::Wasm { file: "rank.wasm".into(), memory };
    check("wasm: rank.wasm", wasm(Memory::mebi(256)));
    check("wasm: rank.wasm, memory: 64MiB", wasm(Memory::mebi(64)));
    check("elsewhere: {}", ExecutorKind::Elsewhere);
    check("elsewhere:", ExecutorKind::Elsewhere);
    check("model: forest", model("forest", None));
    check("model: forest@7", model("forest", Some("7")));
}

#[test]
fn all_mistakes_of_a_file_are_named_in_one_run() {
    let text = SOUND
        .replace("budget: 50ms", "budgt: 50ms")
        .replace("of: forest", "of: forrest")
        .replace("votes: 2", "votes: two")
        .replace("boost]", "bost]")
        .replace("answer.confidence *", "anwser.confidence *")
        .replace("{ boost: { class: 1 }", "{ bost: { class: 1 }")
        .replace("share: 99.9%", "share: much");
    insta::assert_snapshot!(problems(&text));
}

#[test]
fn diagnostics_are_written_as_json_too() {
    let found = problems(&SOUND.replace("boost]", "bost]"));
    insta::assert_json_snapshot!(found);
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"]) {
        let _ = writeln!(
            bomb,
            "{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]"
        );
    }
    assert_eq!(problems(&bomb).0[0].message, "the file holds too many values");
}

#[test]
fn a_bomb_of_depth_is_refused() {
    let flow = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(problems(&flow).0[0].message, "the file nests more than 32 levels deep");
    let mut aliases = String::from("a: &a [[[[[[[[x]]]]]]]]\n");
    for (name, before) in ["b", "c", "d", "e"].iter().zip(["a", "b", "c", "d"]) {
        let _ = writeln!(aliases, "{name}: &{name} [[[[[[[[*{before}]]]]]]]]");
    }
    assert_eq!(problems(&aliases).0[0].message, "the file nests more than 32 levels deep");
}

#[test]
fn an_alias_that_contains_itself_is_refused() {
    assert!(!problems("a: &a [*a]").0.is_empty());
}

#[test]
fn a_file_of_ten_megabytes_is_refused() {
    let found = problems(&"# wine\n".repeat(1_500_000));
    assert_eq!(found.0[0].message, "the file is larger than 1 MiB");
}

#[test]
fn an_alias_stands_for_what_it_names() {
    let text = SOUND
        .replace("{ onnx: forest.onnx }", "&model { onnx: forest.onnx }")
        .replace("{ onnx: boost.onnx, start: { after: 2ms } }", "*model");
    assert!(problems(&text).0.is_empty(), "{}", problems(&text));
}

#[test]
fn an_expression_nested_too_deeply_is_refused() {
    for deep in ["(".repeat(400) + "1.0" + &")".repeat(400), "-".repeat(900) + "1.0", "1.0 + ".repeat(300) + "1.0"] {
        let found = problems(&SOUND.replace("answer.confidence * 1.0", &deep));
        assert_eq!(found.0[0].message, "this expression is too long or too deeply nested");
    }
}

#[test]
fn no_cut_of_a_sound_policy_makes_the_reader_panic() {
    for sound in [SOUND, language::SOUND] {
        for (cut, _) in sound.char_indices().step_by(3) {
            let _ = problems(&sound[..cut]).to_string();
            let _ = problems(&sound[cut..]).to_string();
        }
    }
}

#[test]
fn no_letter_in_the_wrong_place_makes_the_reader_panic() {
    for (index, (place, letter)) in language::SOUND.char_indices().enumerate() {
        let wrong = ["[", "}", ":", "-", "\"", "*", "0", "ä"][index % 8];
        let mut text = language::SOUND.to_owned();
        text.replace_range(place..place + letter.len_utf8(), wrong);
        let _ = problems(&text).to_string();
    }
}

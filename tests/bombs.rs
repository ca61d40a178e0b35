//! Files made to hurt: each is answered by the real binary within a second of processor time and 64 MiB of memory.
//!
//! Both are limits that the kernel holds the process to, so that a busy machine fails no test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

const SOUND: &str = "rendezvous: wine
budget: 50ms
input: { features: [ash] }
answer: { value: class }
executors:
  forest: { echo: }
decide:
  - first: any
";

const MEMORY_KIB: u32 = 64 * 1024;
const SECONDS: u32 = 1;

/// Checks `file` and returns what was said of it. A process that takes more than it may is killed, or gives up.
fn check(what: &str, file: Vec<u8>) -> Value {
    let limited = format!("ulimit -t {SECONDS} && ulimit -d {MEMORY_KIB} && exec \"$0\" check --format json -");
    let mut child = Command::new("sh")
        .args(["-c", &limited, assert_cmd::cargo::cargo_bin!("hedgerow").to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have seen enough before all is written.
    let writer = thread::spawn(move || drop(stdin.write_all(&file)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.code().is_some(), "{what}: {} {}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.len() < 256 * 1024, "{what}: {} bytes are said of it", output.stdout.len());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn first_sentence(what: &str, file: impl Into<Vec<u8>>) -> String {
    let said = check(what, file.into());
    assert_eq!(said["ok"], false, "{what} must be refused");
    said["problems"][0]["message"].as_str().unwrap().to_owned()
}

/// Levels of lists that each hold the one above nine times.
fn aliases() -> String {
    let above = |level: u32| format!("*a{}", level - 1);
    let list = |level: u32| if level == 0 { "x".to_owned() } else { above(level) };
    (0..20)
        .map(|level| format!("a{level}: &a{level} [{}]\n", vec![list(level); 9].join(", ")))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn the_limits_are_enough_for_a_policy() {
    assert_eq!(check("a sound policy", SOUND.into())["ok"], true);
    assert_eq!(check("the wine policy", include_bytes!("../policies/wine.yaml").to_vec())["ok"], true);
}

#[test]
fn what_grows_by_being_repeated_is_refused() {
    assert_eq!(first_sentence("lists of aliases", aliases()), "the file holds too many values");
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 9_000].join(", "));
    assert_eq!(first_sentence("a long text under an alias", long), "the file holds too many values");
    assert_eq!(first_sentence("an alias of itself", "a: &a { b: *a }\n"), "this alias stands inside what it names");
}

#[test]
fn what_is_larger_than_any_policy_is_refused() {
    let large = "the file is larger than 1 MiB";
    assert_eq!(first_sentence("ten megabytes of comments", "# wine\n".repeat(1_500_000)), large);
    assert_eq!(first_sentence("ten megabytes in a line", "x".repeat(10_000_000)), large);
    assert_eq!(first_sentence("ten megabytes of nothing", vec![0; 10_000_000]), large);
    assert_eq!(first_sentence("ten megabytes of no text", vec![0xff; 10_000_000]), large);
    assert_eq!(first_sentence("a megabyte of items", "- a\n".repeat(260_000)), "the file holds too many values");
}

#[test]
fn what_nests_too_deeply_is_refused() {
    let deep = "the file nests more than 32 levels deep";
    for (open, what) in [("[", "lists"), ("{a: ", "maps"), ("- ", "dashes"), ("? ", "questions")] {
        let said = first_sentence(what, open.repeat(1_000_000 / open.len()));
        assert!(said == deep || said.starts_with("this is not YAML"), "{what}: {said}");
    }
    let steps: String = (0..400).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<Vec<_>>().concat();
    assert_eq!(first_sentence("ever deeper maps", steps), deep);
}

#[test]
fn what_takes_long_to_compare_is_refused_soon() {
    let names = |count: usize| (0..count).map(|index| format!("e{index}"));
    let keys: String = names(40_000).map(|name| format!("{name}: 1\n")).collect::<Vec<_>>().concat();
    first_sentence("forty thousand unknown fields", keys);
    first_sentence("a field forty thousand times", "a: 1\n".repeat(20_000));
    let features = names(40_000).collect::<Vec<_>>().join(", ");
    assert_eq!(check("forty thousand features", SOUND.replace("[ash]", &format!("[{features}]")).into())["ok"], true);
    let ranks = names(40_000).collect::<Vec<_>>().join(", ");
    first_sentence("forty thousand ranks", SOUND.replace("first: any", &format!("prefer: [{ranks}]")));
    let executors: String = names(9_000)
        .map(|name| format!("  {name}: {{ echo: , canary: {{ of: {name} }} }}\n"))
        .collect::<Vec<_>>()
        .concat();
    first_sentence("nine thousand executors", SOUND.replace("  forest: { echo: }\n", &executors));
    let clauses = "  - prefer: [forrest]\n".repeat(10_000);
    first_sentence("ten thousand clauses", SOUND.replace("  - first: any\n", &clauses));
    let example =
        |name: String| format!("  - {{ name: {name}, input: {{ {name}: 1 }}, expect: {{ decided_by: first }} }}\n");
    let examples: String = names(4_000).map(example).collect();
    first_sentence(
        "four thousand examples",
        format!("{SOUND}examples:\n{examples}")
            .replace("[ash]", &format!("[{}]", features[..200_000].rsplit_once(',').unwrap().0)),
    );
    first_sentence("a name of a megabyte", SOUND.replace("forest", &"x".repeat(1_000_000)));
    first_sentence("a time of a megabyte", SOUND.replace("50ms", &"9".repeat(1_000_000)));
}

#[test]
fn expressions_that_grow_are_refused() {
    let score = |score: &str| SOUND.replace("first: any", &format!("best: {{ score: \"{score}\" }}\n  - first: any"));
    let long = "this expression is too long or too deeply nested";
    assert_eq!(first_sentence("a long sum", score(&"1.0 + ".repeat(100_000))), long);
    assert_eq!(first_sentence("brackets", score(&"(".repeat(900))), long);
    let pattern = "answer.a.matches('((a{1000}){1000}){1000}') ? 1 : 0";
    assert_eq!(first_sentence("a pattern of patterns", score(pattern)), "this pattern cannot be read");
    let nested = "answer.a.all(a, answer.a.all(b, answer.a.all(c, a < b + c))) ? 1 : 0";
    assert_eq!(first_sentence("items within items", score(nested)), "going through items within items takes too long");
}

#[test]
fn what_is_no_text_or_no_yaml_is_refused_with_its_place() {
    let said = check("no UTF-8", [SOUND.as_bytes(), b"# \xc3\xa4 \xff\n"].concat());
    let problem = &said["problems"][0];
    assert_eq!(
        (&problem["message"], &problem["line"], &problem["column"]),
        (&"the file is not UTF-8 text".into(), &9.into(), &5.into())
    );
    assert!(first_sentence("tabs", SOUND.replace("  forest", "\tforest")).starts_with("this is not YAML"));
    assert_eq!(first_sentence("a field twice", format!("{SOUND}budget: 1s\n")), "`budget` is written twice");
    first_sentence("zeroes", vec![0; 1_000]);
    first_sentence("nothing", "");
}

#[test]
fn what_editors_of_other_systems_write_is_read() {
    assert_eq!(check("a mark of byte order", format!("\u{feff}{SOUND}").into())["ok"], true);
    assert_eq!(check("returns at line ends", SOUND.replace('\n', "\r\n").into())["ok"], true);
    let said =
        check("a mistake behind both", format!("\u{feff}{}", SOUND.replace('\n', "\r\n").replace("wine", "9")).into());
    let problem = &said["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["column"], &problem["excerpt"]),
        (&1.into(), &13.into(), &"rendezvous: 9".into())
    );
}

//! The reader rule beside its test vectors, `vectors/results.json`: ours, and the script that the document shows to
//! authors in other languages. What the script leaves out, the vectors must find.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use bytes::Bytes;
use hedgerow_wire::{Envelope, Headers, Record, ResultKind, ResultRecord, ResultsEntry, ResultsReader};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    window: usize,
    records: Vec<Expected>,
}

/// A record, and what a reader must say of it.
#[derive(Deserialize)]
struct Expected {
    is: String,
    request: Option<String>,
    kind: Option<String>,
    key: Option<Written>,
    headers: Vec<(String, Option<Written>)>,
    payload: Option<Written>,
}

/// Bytes as the vectors write them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes { hex: String },
}

fn path(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of)
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(path("vectors/results.json")).unwrap();
    serde_json::from_str::<Vectors>(&text).unwrap().cases
}

// === impl Written, Expected ===

impl Written {
    fn bytes(&self) -> Bytes {
        match self {
            Self::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Bytes { hex } => {
                let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
                digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
            }
        }
    }
}

impl Expected {
    fn record(&self) -> Record {
        let mut headers = Headers::default();
        for (name, value) in &self.headers {
            headers.push(name, value.as_ref().map(Written::bytes).as_deref());
        }
        let bytes = |written: &Option<Written>| written.as_ref().map(Written::bytes);
        Record { key: bytes(&self.key), headers, payload: bytes(&self.payload) }
    }
}

/// What a reader says, in the words of the vectors.
fn told(entry: &ResultsEntry) -> (&'static str, Option<String>, Option<&'static str>) {
    let of = |word, result: &ResultRecord| {
        let kind = match result.kind {
            ResultKind::Prediction => "prediction",
            ResultKind::Default => "default",
            ResultKind::Error => "error",
        };
        (word, Some(result.request.to_string()), Some(kind))
    };
    match entry {
        ResultsEntry::Valid(result) => of("valid", result),
        ResultsEntry::Repeat(result) => of("repeat", result),
        ResultsEntry::Void { result, .. } => of("void", result),
        ResultsEntry::Fence { accepted: true, .. } => ("accepted", None, None),
        ResultsEntry::Fence { accepted: false, .. } => ("ignored", None, None),
        ResultsEntry::Garbage(_) => ("garbage", None, None),
    }
}

#[test]
fn our_reader_says_what_the_vectors_say() {
    let cases = cases();
    assert!(cases.len() >= 14, "{}", cases.len());
    for Case { name, window, records } in cases {
        let mut reader = ResultsReader::new(window);
        for (offset, expected) in records.iter().enumerate() {
            let entry = reader.read(&expected.record());
            let wanted = (expected.is.as_str(), expected.request.clone(), expected.kind.as_deref());
            assert_eq!(told(&entry), wanted, "{name}, record {offset}: {entry:?}");
        }
    }
}

#[test]
fn the_vectors_show_records_as_we_write_them() {
    let cases = cases();
    let plain = cases.iter().find(|case| case.name == "plain").unwrap();
    for expected in &plain.records {
        let record = expected.record();
        assert_eq!(Envelope::decode(&record).unwrap().encode(), record);
    }
}

/// The Python of `docs/results.md`, as it stands there.
fn script() -> String {
    let document = fs::read_to_string(path("../docs/results.md")).unwrap();
    let blocks = document.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let script = blocks.collect::<Vec<_>>().join("\n");
    assert!(!script.is_empty(), "docs/results.md shows the rule in Python");
    script
}

/// Plays the vectors by a script.
fn play(script: &str) -> Output {
    let mut python = Command::new("python3")
        .args(["-", "vectors/results.json"])
        .current_dir(path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is there: `make setup` installs it");
    python.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    python.wait_with_output().unwrap()
}

#[test]
fn the_script_in_the_document_says_what_the_vectors_say() {
    let output = play(&script());
    let (shown, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}{errors}");
    let records: usize = cases().iter().map(|case| case.records.len()).sum();
    assert_eq!(shown.trim(), format!("{records} records in {} cases are read as they should be", cases().len()));
}

#[test]
fn every_mistake_in_the_rule_is_found_by_the_vectors() {
    let script = script();
    let mistakes = [
        ("the latest fence wins", "0 < (fencing[0] - self.accepted[0]) % 2**64 < 2**63", "True"),
        ("an equal epoch wins", "not 0 < (", "not 0 <= ("),
        (
            "epochs do not go round",
            "0 < (fencing[0] - self.accepted[0]) % 2**64 < 2**63",
            "fencing[0] > self.accepted[0]",
        ),
        ("half way round is ahead", "% 2**64 < 2**63", "% 2**64 <= 2**63"),
        ("any number is an epoch", "int(epoch) >= 2**64", "False"),
        (
            "the instance does not matter",
            "fencing != self.accepted",
            "not self.accepted or fencing[0] != self.accepted[0]",
        ),
        ("nothing is void", "fencing != self.accepted", "False"),
        ("the first header of a name counts", "in headers}", "in headers[::-1]}"),
        ("repeats are not known", "request.lower() in self.seen", "False"),
        ("every id is remembered", "len(self.seen) > self.window", "False"),
        ("a fence forgets the ids", "self.accepted = fencing", "self.accepted, self.seen = fencing, {}"),
        ("ids are text", "request.lower()", "request"),
        ("any text is an id", "not UUID.fullmatch(request)", "False"),
        ("an unknown type is a result", "kind not in RESULTS", "False"),
    ];
    for (mistake, right, wrong) in mistakes {
        assert!(script.contains(right), "{mistake}: `{right}` is not in the script");
        let output = play(&script.replace(right, wrong));
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && shown.contains(", record "), "{mistake}: no vector finds it\n{shown}");
    }
}

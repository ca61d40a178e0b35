//! Real components: one in text whose moods are asked for by the first letter of its input, and the example in Rust.

use std::{
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use policies::Memory;
use tempfile::TempDir;
use wire::RequestId;

use super::*;

/// `score` looks at its input's first letter; what it says stands from 16 on as the canonical ABI has it, and counts calls.
const MOODY: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 16) "\00\00\00\00\01\00\00\00\40\00\00\00\0b\00\00\00")
    (data (i32.const 32) "\01\00\00\00\60\00\00\00\07\00\00\00")
    (data (i32.const 48) "\00\00\00\00\00\00\00\00")
    (data (i32.const 64) "{\"calls\":0}")
    (data (i32.const 96) "too red")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func $is (param $at i32) (param $letter i32) (result i32)
      (i32.eq (i32.load8_u (local.get $at)) (local.get $letter)))
    (func (export "score") (param $at i32) (param $length i32) (result i32) (local $turns i64)
      (if (call $is (local.get $at) (i32.const 0x6c)) (then (loop $for_ever (br $for_ever))))
      (if (call $is (local.get $at) (i32.const 0x74)) (then unreachable))
      (if (call $is (local.get $at) (i32.const 0x6d))
        (then (loop $more (br_if $more (i32.ne (memory.grow (i32.const 256)) (i32.const -1))))))
      (if (call $is (local.get $at) (i32.const 0x73))
        (then (loop $busy
          (local.set $turns (i64.add (local.get $turns) (i64.const 1)))
          (br_if $busy (i64.lt_u (local.get $turns) (i64.const 200000000))))))
      (if (call $is (local.get $at) (i32.const 0x65)) (then (return (i32.const 32))))
      (if (call $is (local.get $at) (i32.const 0x6e)) (then (return (i32.const 48))))
      (if (call $is (local.get $at) (i32.const 0x67)) (then (i32.store8 (i32.const 64) (i32.const 0x5b))))
      (i32.store8 (i32.const 73) (i32.add (i32.load8_u (i32.const 73)) (i32.const 1)))
      (i32.const 16))
    START)
  (core instance $i (instantiate $m))
  (func (export "score") (param "input" string) (result (result (option string) (error string)))
    (canon lift (core func $i "score") (memory $i "memory") (realloc (func $i "realloc")))))"#;

/// A budget that no machine uses up.
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(5);

fn moody() -> Vec<u8> {
    wat::parse_str(MOODY.replace("START", "")).unwrap()
}

/// The same for all, as in a process that is not a test.
fn clock() -> Now {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    Arc::new(|| Timestamp::EPOCH.after(BEGAN.elapsed()))
}

fn schema() -> InputSchema {
    InputSchema::of(&["alcohol", "sulphates", "volatile_acidity"], &[])
}

fn load_within(patience: Duration, bytes: &[u8]) -> Result<Wasm, String> {
    loaded_with(patience, Memory::USUAL, bytes)
}

fn loaded_with(patience: Duration, memory: Memory, bytes: &[u8]) -> Result<Wasm, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rank.wasm");
    fs::write(&path, bytes).unwrap();
    let spec = Spec { path: &path, memory, schema: Some(&schema()) };
    let loaded = Wasm::load_within(patience, "rank", spec, clock());
    loaded.map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), ""))
}

fn load(bytes: &[u8]) -> Wasm {
    load_within(LONG, bytes).unwrap_or_else(|problem| panic!("{problem}"))
}

fn refusal(bytes: &[u8]) -> String {
    load_within(LONG, bytes).err().expect("refused")
}

fn ask_within(budget: Duration, wasm: &Wasm, body: &str) -> Result<String, Failure> {
    let (id, due) = (RequestId::from_uuid(uuid::Uuid::nil()), (wasm.now)().after(budget));
    let input = Input::new(id, due, Bytes::copy_from_slice(body.as_bytes()), Arc::new(schema()));
    let answer = wasm.score(&input).now_or_never().expect("it answers on the thread that asks");
    answer.map(|answer| String::from_utf8(answer.to_vec()).unwrap())
}

fn ask(wasm: &Wasm, body: &str) -> Result<String, String> {
    ask_within(LONG, wasm, body).map_err(|failure| failure.message)
}

#[test]
fn the_example_in_rust_answers_and_says_why_it_does_not() {
    let wasm = load(&component::rank().unwrap_or_else(|problem| panic!("{problem:#}")));
    // 2.2 + 0.31 × 12 + 0.94 × 0.7 − 1.09 × 0.3, by hand.
    let fine = ask(&wasm, r#"{"alcohol": 12, "sulphates": 0.7, "volatile_acidity": 0.3}"#).unwrap();
    assert_eq!(fine, r#"{"class":"fine","quality":6.25}"#);
    let plain = ask(&wasm, r#"{"alcohol": 9, "sulphates": 0.7, "volatile_acidity": 0.3}"#).unwrap();
    assert_eq!(plain, r#"{"class":"plain","quality":5.32}"#);
    assert_eq!(ask(&wasm, r#"{"alcohol": 9}"#).unwrap_err(), "missing field `sulphates` at line 1 column 14");
}

#[test]
fn an_endless_loop_is_cut_off_at_its_deadline_and_the_next_call_is_answered() {
    let wasm = load(&moody());
    for _ in 0..3 {
        let due = (wasm.now)().after(SHORT);
        let cut_off = ask_within(SHORT, &wasm, "loop").unwrap_err();
        assert_eq!(cut_off, failed("it was cut off at its deadline"));
        assert!((wasm.now)() >= due, "not before its deadline");
        assert_eq!(ask(&wasm, "{}").unwrap(), r#"{"calls":1}"#);
    }
}

#[test]
fn whoever_is_cut_off_takes_nobody_along() {
    let (endless, busy) = (load(&moody()), load(&moody()));
    thread::scope(|scope| {
        let answered = scope.spawn(|| ask(&busy, "slowly"));
        while !answered.is_finished() {
            assert_eq!(ask_within(SHORT, &endless, "loop").unwrap_err().message, "it was cut off at its deadline");
        }
        assert_eq!(answered.join().unwrap().unwrap(), r#"{"calls":2}"#);
    });
}

#[test]
fn a_trap_fails_its_call_and_no_other() {
    let wasm = load(&moody());
    assert_eq!(ask(&wasm, "{}").unwrap(), r#"{"calls":2}"#, "the first was to warm up, and calls share an instance");
    assert_eq!(ask(&wasm, "trap").unwrap_err(), "it panicked, or gave up otherwise (`unreachable`)");
    assert_eq!(ask(&wasm, "{}").unwrap(), r#"{"calls":1}"#, "another instance");
    assert_eq!(ask(&wasm, "{}").unwrap(), r#"{"calls":2}"#);
}

#[test]
fn whoever_wants_more_memory_than_there_is_gets_none() {
    let wasm = load(&moody());
    assert_eq!(
        ask(&wasm, "more").unwrap_err(),
        "it wanted 257 MiB of memory, and may have 256MiB: `memory` in the policy says so"
    );
    assert_eq!(ask(&wasm, "{}").unwrap(), r#"{"calls":1}"#);
    let wasm = loaded_with(LONG, Memory::mebi(40), &moody()).unwrap();
    assert!(ask(&wasm, "more").unwrap_err().contains("wanted 49 MiB of memory, and may have 40MiB"));
    assert_eq!(ask(&wasm, "{}").unwrap(), r#"{"calls":1}"#);
}

#[test]
fn who_does_not_come_up_in_its_memory_is_refused() {
    let large = wat::parse_str(MOODY.replace("START", "").replace(r#""memory") 1)"#, r#""memory") 100)"#)).unwrap();
    assert!(loaded_with(LONG, Memory::mebi(7), &large).is_ok());
    let told = loaded_with(LONG, Memory::mebi(6), &large).err().expect("refused");
    assert!(told.contains("it wanted 7 MiB of memory, and may have 6MiB"), "{told}");
}

#[test]
fn it_may_choose_not_to_answer_or_say_why_it_cannot() {
    let wasm = load(&moody());
    assert_eq!(ask_within(LONG, &wasm, "nothing").unwrap_err().kind, FailureKind::Abstained);
    assert_eq!(ask_within(LONG, &wasm, "error").unwrap_err(), failed("too red"));
    assert_eq!(ask(&wasm, "{}").unwrap(), r#"{"calls":2}"#, "the same instance: nothing went wrong");
}

#[test]
fn an_answer_that_is_no_object_is_a_failure() {
    let garbled = ask(&load(&moody()), "garbled").unwrap_err();
    assert!(
        garbled.starts_with("its answer is not a JSON object: ") && garbled.ends_with(r#"["calls":2}"#),
        "{garbled}"
    );
}

#[test]
fn the_model_s_version_is_the_file_s_hash() {
    let bytes = moody();
    assert_eq!(load(&bytes).model().as_str(), version_of("rank", &bytes).as_str());
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_to_do() {
    let text = |text: &str| wat::parse_str(text).unwrap();
    assert_eq!(
        refusal(&text("(module)")),
        "`/rank.wasm` is a core module and not a component: `wasm-tools component new /rank.wasm -o …` makes one of it"
    );
    assert_eq!(
        refusal(b"PK"),
        "`/rank.wasm` is not a WebAssembly component that can be run: it does not begin as WebAssembly does"
    );
    let cut_off = refusal(&moody()[..100]);
    assert!(cut_off.contains("is not a WebAssembly component that can be run: section range"), "{cut_off}");
    assert_eq!(
        refusal(&text(r#"(component (import "wasi:cli/environment@0.2.0" (instance (export "exit" (func)))))"#)),
        "`/rank.wasm` wants `wasi:cli/environment@0.2.0` from whoever runs it, and is given nothing: build it for \
         wasm32-unknown-unknown, not for WASI"
    );
    let score = "`/rank.wasm` does not export `score: func(input: string) -> result<option<string>, string>`: ";
    assert_eq!(refusal(&text("(component)")), format!("{score}it exports nothing"));
    let other = MOODY
        .replace("START", "")
        .replace(r#"(func (export "score") (param "input" string)"#, r#"(func (export "rank") (param "input" string)"#);
    assert_eq!(refusal(&text(&other)), format!("{score}it exports `rank`"));
    let number = r#"(component (core module $m (func (export "score") (result i32) (i32.const 7)))
        (core instance $i (instantiate $m))
        (func (export "score") (result u32) (canon lift (core func $i "score"))))"#;
    let differs = refusal(&text(number));
    assert!(differs.starts_with(&format!("{score}its `score` is another one: ")), "{differs}");
}

#[test]
fn what_fails_before_anybody_asks_is_refused() {
    let starting = |body: &str| {
        let start = format!("(func $begin {body}) (start $begin)");
        wat::parse_str(MOODY.replace("START", &start)).unwrap()
    };
    assert_eq!(
        refusal(&starting("unreachable")),
        "`/rank.wasm` fails before anybody asked it: it panicked, or gave up otherwise (`unreachable`)"
    );
    let endless = load_within(SHORT, &starting("(loop $for_ever (br $for_ever))")).err().expect("refused");
    assert_eq!(endless, "`/rank.wasm` fails before anybody asked it: it was cut off at its deadline");
    // It is asked about a row of zeros, which begins with a brace.
    let no_brace = moody_about("0x7b");
    assert!(refusal(&no_brace).ends_with("it panicked, or gave up otherwise (`unreachable`)"));
}

/// Returns a component that gives up where the input begins with `letter`.
fn moody_about(letter: &str) -> Vec<u8> {
    wat::parse_str(MOODY.replace("START", "").replace("0x74", letter)).unwrap()
}

//! Every bad input has its sentence, and no bytes make the reader panic.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn reader() -> InputReader {
    let features = ["alcohol", "ash", "color \"x\""].map(Arc::from).to_vec();
    InputReader::new(&InputSchema { features }, 2_000)
}

fn read(body: &str) -> Result<Input, InvalidInput> {
    reader().read(&Bytes::copy_from_slice(body.as_bytes()))
}

/// Returns each input with the sentence of its refusal.
fn sentences(bodies: &[&str]) -> String {
    let mut table = String::new();
    for body in bodies {
        let refusal = read(body).expect_err(body);
        writeln!(table, "{body}\n    {:?}: {refusal}", refusal.reason()).unwrap();
    }
    table
}

fn tensors(inputs: &str) -> String {
    format!(r#"{{"inputs":[{inputs}]}}"#)
}

fn row(shape: &str, datatype: &str, data: &str) -> String {
    tensors(&format!(r#"{{"name":"input","shape":{shape},"datatype":"{datatype}","data":{data}}}"#))
}

const PLAIN: &str = r#"{"alcohol":12.5,"ash":2,"color \"x\"":-3e2}"#;

#[test]
fn every_bad_plain_body_has_its_own_sentence() {
    insta::assert_snapshot!(sentences(&[
        "",
        " \n ",
        "alcohol=12",
        "{\"alcohol\": 12.5,\n \"ash\" 2}",
        "{\"alcohol\": 12.5",
        r#"{"alcohol":1,"ash":2,"color \"x\"":3} {}"#,
        r#"[{"alcohol":1}]"#,
        "42",
        "-4",
        "0.5",
        "\"12\"",
        "true",
        "null",
        "{}",
        r#"{"alcohol":1,"color \"x\"":3}"#,
        r#"{"alcohol":1,"ash":2,"color \"x\"":3,"Alcohol":4}"#,
        r#"{"alcohl":1,"ash":2,"color \"x\"":3}"#,
        r#"{"alcohol":1,"ash":2,"color \"x\"":3,"vintage":1998}"#,
        r#"{"id":"a","alcohol":1}"#,
        r#"{"alcohol":"12.5"}"#,
        r#"{"alcohol":true}"#,
        r#"{"alcohol":[12.5]}"#,
        r#"{"alcohol":{"value":12.5}}"#,
        r#"{"alcohol":null}"#,
        r#"{"alcohol":"NaN"}"#,
        r#"{"alcohol":"-inf"}"#,
        r#"{"alcohol":NaN}"#,
        r#"{"alcohol": -Infinity}"#,
        r#"{"alcohol":1e999}"#,
        r#"{"alcohol":1,"alcohol":1}"#,
    ]));
}

#[test]
fn every_bad_tensor_has_its_own_sentence() {
    let one = |name: &str, shape: &str, datatype: &str, data: &str| {
        format!(r#"{{"name":"{name}","shape":{shape},"datatype":"{datatype}","data":{data}}}"#)
    };
    let bodies = [
        r#"{"inputs":5}"#.to_owned(),
        r#"{"inputs":[]}"#.to_owned(),
        r#"{"inputs":null}"#.to_owned(),
        r#"{"inputs":[{"shape":[1]}]}"#.to_owned(),
        r#"{"inputs":[{"name":3}]}"#.to_owned(),
        r#"{"inputs":[],"inputs":[]}"#.to_owned(),
        r#"{"inputs":[{"name":"x",]}"#.to_owned(),
        r#"{"id":7,"inputs":[{"name":"x"}]}"#.to_owned(),
        r#"{"parameters":7,"inputs":[{"name":"x"}]}"#.to_owned(),
        r#"{"parameters":{"timeout_ms":"soon"},"inputs":[{"name":"x"}]}"#.to_owned(),
        r#"{"parameters":{"timeout_ms":0},"inputs":[{"name":"x"}]}"#.to_owned(),
        r#"{"outputs":["class"],"inputs":[{"name":"x"}]}"#.to_owned(),
        tensors(r#"{"name":"ash"}"#),
        tensors(r#"{"name":"ash","shape":"1"}"#),
        tensors(r#"{"name":"ash","shape":[1]}"#),
        tensors(r#"{"name":"ash","shape":[1],"datatype":"FP32"}"#),
        tensors(r#"{"name":"ash","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}"#),
        tensors(&one("ash", "[1]", "FLOAT", "[1]")),
        tensors(&one("ash", "[1]", "BYTES", "[\"1\"]")),
        tensors(&one("ahs", "[1]", "FP64", "[1]")),
        tensors(&one("x", "[1]", "FP64", "[1]")),
        tensors(&[one("ash", "[1]", "FP64", "[1]"), one("ash", "[1]", "FP64", "[1]")].join(",")),
        tensors(&[one("ash", "[1]", "FP64", "[1]"), one("alcohol", "[]", "FP64", "[1]")].join(",")),
        tensors(&[one("ash", "[2]", "FP64", "[1,2]"), one("alcohol", "[2]", "FP64", "[1,2]")].join(",")),
        tensors(&[one("ash", "[1,2]", "FP64", "[1,2]"), one("alcohol", "[1,2]", "FP64", "[1,2]")].join(",")),
        tensors(&one("ash", "[1]", "FP64", "[]")),
        tensors(&one("ash", "[1]", "FP64", "7")),
        tensors(&one("ash", "[1]", "FP64", "{}")),
        tensors(&one("ash", "[1]", "FP64", "[{}]")),
        tensors(&one("ash", "[1]", "FP64", "[true]")),
        tensors(&one("ash", "[1]", "FP64", "[null]")),
        tensors(&one("ash", "[1]", "FP64", "[\"NaN\"]")),
        tensors(&one("ash", "[1]", "FP64", "[\"2\"]")),
        tensors(&one("ash", "[1]", "FP64", "[1e999]")),
        tensors(&one("ash", "[1]", "FP64", "[NaN]")),
        tensors(&one("ash", "[1]", "BOOL", "[1]")),
        tensors(&one("ash", "[1]", "INT8", "[200]")),
        tensors(&one("ash", "[1]", "UINT8", "[-1]")),
        tensors(&one("ash", "[1]", "INT32", "[1.5]")),
        row("[2]", "FP64", "[1,2]"),
        row("[1,4]", "FP64", "[1,2,3,4]"),
        row("[4,3]", "FP64", "[1,2,3]"),
        row("[1,1,3]", "FP64", "[1,2,3]"),
        row("[1,3]", "FP64", "[1,2]"),
        row("[1,3]", "BYTES", "[\"1\",\"2\",\"3\"]"),
    ];
    insta::assert_snapshot!(sentences(&bodies.each_ref().map(String::as_str)));
}

#[test]
fn a_valid_plain_body_is_kept_byte_for_byte() {
    let body = Bytes::from_static(b" {\"ash\" : 2, \"alcohol\":12.50,\n\"color \\\"x\\\"\": -3E+2 } ");
    let input = reader().read(&body).unwrap();
    assert_eq!(input.body.as_ptr(), body.as_ptr());
    assert_eq!((input.body, input.protocol), (body, Protocol::Plain));
}

#[test]
fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let padded = |length: usize| Bytes::from(format!("{PLAIN}{}", " ".repeat(length - PLAIN.len())));
    assert!(reader().read(&padded(2_000)).is_ok());
    let refusal = reader().read(&padded(2_001)).unwrap_err();
    assert_eq!(refusal.to_string(), "the body has 2001 bytes, 2000 are allowed");
}

#[test]
fn a_hostile_row_of_unknown_members_is_refused_by_its_first() {
    let members: Vec<String> = (0..150).map(|index| format!("\"x{index}\":{index}")).collect();
    let refusal = read(&format!("{{{}}}", members.join(","))).unwrap_err();
    assert_eq!(refusal.to_string(), "`x0` is not a feature");
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    for open in ["[", "{\"alcohol\":", "{\"a\":["] {
        assert!(read(&open.repeat(180)).is_err());
    }
    let deep = format!("{}1{}", "[".repeat(150), "]".repeat(150));
    assert!(read(&row("[1,3]", "FP64", &deep)).is_err());
}

#[test]
fn one_meaning_has_one_digest() {
    let digest = |body: &str| read(body).unwrap().digest;
    let plain = digest(PLAIN);
    assert_eq!(plain, digest(r#"{"ash":2.0, "color \"x\"":-300, "alcohol":1.25e1}"#));
    assert_eq!(plain, digest(&row("[1,3]", "FP32", "[[12.5,2,-300]]")));
    assert_ne!(plain, digest(r#"{"ash":12.5,"alcohol":2,"color \"x\"":-3e2}"#));
    assert_ne!(plain, digest(r#"{"ash":2,"alcohol":12.5,"color \"x\"":-3.1e2}"#));
}

#[test]
fn a_row_becomes_an_object_of_features() {
    let expected = r#"{"alcohol":12.5,"ash":2,"color \"x\"":-1e-7}"#;
    for (shape, data) in [("[1,3]", "[12.5,2,-1e-7]"), ("[3]", "[12.5,2,-1e-7]"), ("[1,3]", "[[12.5],[2,-1e-7]]")] {
        let input = read(&row(shape, "FP64", data)).unwrap();
        assert_eq!(std::str::from_utf8(&input.body).unwrap(), expected);
        // What is written is what a plain caller may write.
        assert_eq!(read(expected).unwrap().digest, input.digest);
    }
}

#[test]
fn columns_come_in_any_order_and_datatype() {
    let body = r#"{"id":"seven","parameters":{"timeout_ms":12.5,"other":1},"outputs":[{"name":"class"}],"model_name":"wine",
        "inputs":[{"name":"color \"x\"","shape":[1,1],"datatype":"BOOL","data":[[true]]},
                  {"name":"ash","shape":[],"datatype":"INT64","data":[5.0]},
                  {"name":"alcohol","shape":[1],"datatype":"UINT64","data":[18446744073709551615]}]}"#;
    let input = read(body).unwrap();
    let expected = r#"{"alcohol":18446744073709551615,"ash":5,"color \"x\"":1}"#;
    assert_eq!(std::str::from_utf8(&input.body).unwrap(), expected);
    let Protocol::OpenInference(spoken) = &input.protocol else { panic!("another protocol") };
    assert_eq!((spoken.id.as_deref(), &*spoken.outputs), (Some("seven"), &["class".to_owned()][..]));
    assert_eq!(spoken.budget, Some(Budget::from_micros(12_500)));
}

#[test]
fn a_feature_may_be_named_inputs() {
    let reader = InputReader::new(&InputSchema { features: vec!["inputs".into()] }, 1_000);
    let input = reader.read(&Bytes::from_static(b"{\"inputs\":1}")).unwrap();
    assert_eq!(input.protocol, Protocol::Plain);
}

#[test]
fn one_feature_may_come_under_any_tensor_name() {
    let reader = InputReader::new(&InputSchema { features: vec!["x".into()] }, 1_000);
    for (name, shape) in [("x", "[1]"), ("input", "[1,1]"), ("input", "[]"), ("input", "[1]")] {
        let body = tensors(&format!(r#"{{"name":"{name}","shape":{shape},"datatype":"FP64","data":[1]}}"#));
        assert_eq!(&*reader.read(&Bytes::from(body)).unwrap().body, b"{\"x\":1}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = reader().read(&Bytes::from(bytes));
    }

    #[test]
    fn no_damaged_body_panics(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
        for body in [PLAIN.to_owned(), row("[1,3]", "FP64", "[1,-2.5e3,\"NaN\"]")] {
            let mut bytes = body.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = reader().read(&Bytes::copy_from_slice(&bytes));
            bytes.truncate(cut % bytes.len());
            let _ = reader().read(&Bytes::from(bytes));
        }
    }

    #[test]
    fn whatever_is_taken_is_one_json_object_of_finite_numbers(
        values in proptest::array::uniform3(any::<f64>().prop_filter("JSON has no other", |value| value.is_finite())),
        whole in any::<bool>(),
    ) {
        let data = format!("[{:?},{:?},{:?}]", values[0], values[1], values[2]);
        let shape = if whole { "[1,3]" } else { "[3]" };
        let input = read(&row(shape, "FP64", &data)).unwrap();
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&input.body).unwrap();
        let back = ["alcohol", "ash", "color \"x\""].map(|name| object[name].as_f64().unwrap());
        prop_assert_eq!(back.map(f64::to_bits), values.map(f64::to_bits));
    }
}

//! Every bad input has its sentence, and no bytes make the reader panic.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn reader() -> InputReader {
    InputReader::new(&InputSchema::of(&["alcohol", "ash", "color \"x\""], &[]), 2_000)
}

fn read(body: &str) -> Result<Input, InvalidInput> {
    reader().read(&Bytes::copy_from_slice(body.as_bytes()))
}

/// One number and two texts.
fn read_texts(body: &str) -> Result<Input, InvalidInput> {
    let reader = InputReader::new(&InputSchema::of(&["amount"], &["merchant", "country"]), 2_000);
    reader.read(&Bytes::copy_from_slice(body.as_bytes()))
}

/// Returns each input with the sentence of its refusal.
fn sentences(bodies: &[&str]) -> String {
    sentences_of(bodies, read)
}

fn sentences_of(bodies: &[&str], read: fn(&str) -> Result<Input, InvalidInput>) -> String {
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
        tensors(r#"{"name":"ash","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":"4"}}"#),
        tensors(r#"{"name":"ash","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":0},"data":[1]}"#),
        tensors(r#"{"name":"ash","shape":[1],"datatype":"FP32","parameters":{"shared_memory_region":"a"}}"#),
        r#"{"parameters":{"binary_data_output":"yes"},"inputs":[{"name":"ash"}]}"#.to_owned(),
        r#"{"outputs":[{"name":"class","parameters":{"classification":3}}],"inputs":[{"name":"ash"}]}"#.to_owned(),
        r#"{"outputs":[{"name":"class","parameters":{"binary_data":1}}],"inputs":[{"name":"ash"}]}"#.to_owned(),
        r#"{"outputs":[{"name":"class","parameters":{"shared_memory_region":"a"}}],"inputs":[{"name":"ash"}]}"#
            .to_owned(),
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

const CARD: &str = r#"{"amount":5,"merchant":"caf\u00e9 \"x\"","country":""}"#;

#[test]
fn a_text_in_the_place_of_a_number_has_its_own_sentence_and_a_number_in_that_of_a_text() {
    let one = |name: &str, datatype: &str, data: &str| {
        format!(r#"{{"name":"{name}","shape":[1],"datatype":"{datatype}","data":{data}}}"#)
    };
    let bodies = [
        r#"{"amount":"5","merchant":"a","country":"b"}"#.to_owned(),
        r#"{"amount":5,"merchant":7}"#.to_owned(),
        r#"{"amount":5,"merchant":-7.5}"#.to_owned(),
        r#"{"amount":5,"merchant":true}"#.to_owned(),
        r#"{"amount":5,"merchant":null}"#.to_owned(),
        r#"{"amount":5,"merchant":["a"]}"#.to_owned(),
        r#"{"amount":5,"merchant":{}}"#.to_owned(),
        r#"{"amount":5,"country":"b"}"#.to_owned(),
        r#"{"amount":5,"merchant":"a","merchant":"b","country":"c"}"#.to_owned(),
        r#"{"amount":5,"mrechant":"a","country":"c"}"#.to_owned(),
        tensors(&one("amount", "BYTES", "[\"5\"]")),
        tensors(&one("merchant", "FP64", "[5]")),
        tensors(&one("merchant", "BYTES", "[5]")),
        tensors(&one("merchant", "BYTES", "[null]")),
        tensors(&one("merchant", "BYTES", "[]")),
        tensors(&one("merchant", "BYTES", "\"a\"")),
        tensors(&one("merchant", "BYTES", "[\"a\"]")),
        // A row of everything would be numbers only.
        row("[1,3]", "FP64", "[1,2,3]"),
    ];
    insta::assert_snapshot!(sentences_of(&bodies.each_ref().map(String::as_str), read_texts));
}

#[test]
fn texts_are_kept_byte_for_byte_and_mean_what_they_read_as() {
    let input = read_texts(CARD).unwrap();
    assert_eq!(&*input.body, CARD.as_bytes());
    let digest = |body: &str| read_texts(body).unwrap().digest;
    assert_eq!(input.digest, digest(r#"{"country":"", "merchant":"café \u0022x\u0022","amount":5.0}"#));
    assert_ne!(input.digest, digest(r#"{"amount":5,"merchant":"","country":"café \"x\""}"#));
    assert_ne!(input.digest, digest(r#"{"amount":5,"merchant":"cafe \"x\"","country":""}"#));
}

#[test]
fn texts_come_as_tensors_of_bytes() {
    let text = |name: &str, shape: &str, text: &str| {
        format!(r#"{{"name":"{name}","shape":{shape},"datatype":"BYTES","data":[{text}]}}"#)
    };
    let amount = r#"{"name":"amount","shape":[1,1],"datatype":"FP64","data":[5]}"#.to_owned();
    let merchant = text("merchant", "[1,1]", r#"["café \"x\""]"#);
    let input = read_texts(&tensors(&[text("country", "[1]", "\"\""), amount, merchant].join(","))).unwrap();
    assert_eq!(std::str::from_utf8(&input.body).unwrap(), r#"{"amount":5,"merchant":"café \"x\"","country":""}"#);
    assert_eq!(input.digest, read_texts(CARD).unwrap().digest);
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
    let class = Wanted { name: "class".to_owned(), binary: None };
    assert_eq!((spoken.id.as_deref(), &*spoken.outputs), (Some("seven"), &[class][..]));
    assert_eq!(spoken.budget, Some(Budget::from_micros(12_500)));
}

/// Returns the one row, where its tensor's values lie behind the JSON.
fn framed(shape: &str, datatype: &str, announced: usize, bytes: &[u8]) -> Result<String, String> {
    let tensor = format!(
        r#"{{"name":"input","shape":{shape},"datatype":"{datatype}","parameters":{{"binary_data_size":{announced}}}}}"#
    );
    let read = reader().read_framed(&Bytes::from(tensors(&tensor)), &Bytes::copy_from_slice(bytes));
    read.map(|input| String::from_utf8(input.body.to_vec()).unwrap()).map_err(|refusal| refusal.to_string())
}

#[test]
fn every_datatype_is_read_in_binary_form_too() {
    let check = |datatype: &str, bytes: &[u8], expected: [&str; 3]| {
        let [alcohol, ash, color] = expected;
        let object = format!(r#"{{"alcohol":{alcohol},"ash":{ash},"color \"x\"":{color}}}"#);
        assert_eq!(framed("[1,3]", datatype, bytes.len(), bytes), Ok(object), "{datatype}");
    };
    let of = |values: [&[u8]; 3]| values.concat();
    check("BOOL", &[1, 0, 1], ["1", "0", "1"]);
    check("INT8", &[255, 2, 3], ["-1", "2", "3"]);
    check("INT16", &of([&(-300_i16).to_le_bytes(), &[0, 1], &[1, 0]]), ["-300", "256", "1"]);
    check("INT32", &of([&(-70_000_i32).to_le_bytes(), &[0; 4], &[1, 0, 0, 0]]), ["-70000", "0", "1"]);
    check(
        "INT64",
        &of([&i64::MIN.to_le_bytes(), &[0; 8], &i64::MAX.to_le_bytes()]),
        ["-9223372036854775808", "0", "9223372036854775807"],
    );
    check("UINT8", &[255, 2, 3], ["255", "2", "3"]);
    check("UINT16", &[255, 255, 0, 0, 1, 0], ["65535", "0", "1"]);
    check("UINT32", &of([&u32::MAX.to_le_bytes(), &[0; 4], &[1, 0, 0, 0]]), ["4294967295", "0", "1"]);
    check("UINT64", &of([&u64::MAX.to_le_bytes(), &[0; 8], &[0; 8]]), ["18446744073709551615", "0", "0"]);
    check("FP16", &[0, 0x3e, 0, 0, 0, 0xc0], ["1.5", "0.0", "-2.0"]);
    check("BF16", &[0xc0, 0x3f, 0, 0, 0, 0xc0], ["1.5", "0.0", "-2.0"]);
    check("FP32", &of([&1.5_f32.to_le_bytes(), &[0; 4], &(-2_f32).to_le_bytes()]), ["1.5", "0.0", "-2.0"]);
    check("FP64", &of([&0.1_f64.to_le_bytes(), &[0; 8], &1e300_f64.to_le_bytes()]), ["0.1", "0.0", "1e300"]);
}

#[test]
fn every_bad_binary_tensor_has_its_own_sentence() {
    let check = |datatype: &str, announced: usize, bytes: &[u8], expected: &str| {
        assert_eq!(framed("[1,3]", datatype, announced, bytes), Err(expected.to_owned()));
    };
    check("FP32", 13, &[0; 12], "tensor `input` announces 13 bytes of binary data, and 12 are left behind the JSON");
    check(
        "FP32",
        12,
        &[0; 14],
        "the body is not of the Open Inference Protocol: of the 14 bytes behind the JSON 2 belong to no tensor",
    );
    check(
        "FP32",
        11,
        &[0; 11],
        "tensor `input` has binary data that cannot be read: 11 bytes are no whole number of FP32, which take 4 each",
    );
    check(
        "BF16",
        3,
        &[0; 3],
        "tensor `input` has binary data that cannot be read: 3 bytes are no whole number of BF16, which take 2 each",
    );
    check("FP32", 8, &[0; 8], "tensor `input` holds 2 values, its shape says 3");
    let nan = [f32::NAN; 3].map(f32::to_le_bytes).concat();
    check("FP32", 12, &nan, "tensor `input` holds \"NaN\", which is not a finite number");
    check("BYTES", 4, &[0; 4], "tensor `input` has datatype BYTES, and is a number: send it as FP64");
    let behind = reader().read_framed(&Bytes::from_static(PLAIN.as_bytes()), &Bytes::from_static(b"x")).unwrap_err();
    assert_eq!(
        behind.to_string(),
        "the body is not of the Open Inference Protocol: bytes lie behind the JSON, which has no `inputs` that they could belong to"
    );
}

fn rows(inputs: &str) -> Vec<String> {
    let rows = reader().read_rows(&Bytes::from(tensors(inputs)), &Bytes::new(), 4);
    let told = |row: Result<Bytes, InvalidInput>| match row {
        Ok(object) => String::from_utf8(object.to_vec()).unwrap(),
        Err(refusal) => refusal.to_string(),
    };
    rows.map_or_else(|refusal| vec![format!("none: {refusal}")], |rows| rows.rows.into_iter().map(told).collect())
}

#[test]
fn rows_are_taken_apart_and_a_bad_value_costs_its_row_alone() {
    let objects = [r#"{"alcohol":1,"ash":2,"color \"x\"":3}"#, r#"{"alcohol":4,"ash":5,"color \"x\"":6}"#];
    assert_eq!(rows(r#"{"name":"in","shape":[2,3],"datatype":"FP64","data":[1,2,3,4,5,6]}"#), objects);
    let column = |name: &str, shape: &str, data: &str| {
        format!(r#"{{"name":"{name}","shape":{shape},"datatype":"INT64","data":{data}}}"#)
    };
    let columns = [column("ash", "[2]", "[2,5]"), column("alcohol", "[2,1]", "[[1],[4]]")].join(",");
    assert_eq!(rows(&format!("{columns},{}", column(r#"color \"x\""#, "[2]", "[3,6]"))), objects);
    let bad = rows(&format!("{columns},{}", column(r#"color \"x\""#, "[2]", "[null,6]")));
    assert_eq!(bad, [r#"tensor `color "x"` holds null: every feature needs a number"#, objects[1]]);
    let uneven = rows(&format!("{columns},{}", column(r#"color \"x\""#, "[3]", "[1,2,3]")));
    assert_eq!(uneven, [r#"none: tensor `color "x"` has 3 rows, and the tensors before it have 2"#]);
    let many = rows(r#"{"name":"in","shape":[5,3],"datatype":"FP64","data":[]}"#);
    assert_eq!(many, ["none: tensor `in` has a batch of 5 rows, at most 4 may come at a time"]);
}

#[test]
fn a_feature_may_be_named_inputs() {
    let reader = InputReader::new(&InputSchema::of(&["inputs"], &[]), 1_000);
    let input = reader.read(&Bytes::from_static(b"{\"inputs\":1}")).unwrap();
    assert_eq!(input.protocol, Protocol::Plain);
}

#[test]
fn one_feature_may_come_under_any_tensor_name() {
    let reader = InputReader::new(&InputSchema::of(&["x"], &[]), 1_000);
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
    fn whatever_text_is_taken_reads_back_the_same(merchant in ".*", country in "\\PC*") {
        let plain = serde_json::json!({ "amount": 1, "merchant": merchant, "country": country }).to_string();
        prop_assume!(plain.len() <= 2_000);
        let input = read_texts(&plain).unwrap();
        let one = |name: &str, value: &str| serde_json::json!({ "name": name, "shape": [1], "datatype": "BYTES", "data": [value] });
        let amount = serde_json::json!({ "name": "amount", "shape": [1], "datatype": "FP32", "data": [1] });
        let body = serde_json::json!({ "inputs": [amount, one("merchant", &merchant), one("country", &country)] }).to_string();
        prop_assume!(body.len() <= 2_000);
        let tensors = read_texts(&body).unwrap();
        prop_assert_eq!(tensors.digest, input.digest);
        let object: serde_json::Value = serde_json::from_slice(&tensors.body).unwrap();
        prop_assert_eq!((object["merchant"].as_str(), object["country"].as_str()), (Some(&*merchant), Some(&*country)));
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

//! What Confluent's own serializers framed (`vectors/frames.py`), and what nobody's would.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::Frame;

const VECTORS: &str = include_str!("../../vectors/confluent.jsonl");

fn written(kind: Kind, text: &str) -> Written {
    Written { kind, text: text.to_owned(), references: Vec::new() }
}

fn avro(text: &str) -> Schema {
    Schema::read(&written(Kind::Avro, text)).unwrap()
}

/// A record of one field.
fn one(of: &str) -> Schema {
    avro(&format!(r#"{{"type":"record","name":"One","fields":[{{"name":"x","type":{of}}}]}}"#))
}

fn check(schema: &Schema, payload: &[u8], expected: Result<&str, &str>) {
    let decoded = schema.decode(payload).map(|json| String::from_utf8(json.to_vec()).unwrap());
    let decoded = decoded.map_err(|error| error.to_string());
    assert_eq!(decoded.as_deref().map_err(String::as_str), expected);
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Each vector's name, its schema, what is behind the frame's head, and the JSON that it says.
fn vectors() -> Vec<(String, Schema, Vec<u8>, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let vector = |line: &str| {
        let vector: Value = serde_json::from_str(line).unwrap();
        let kind = match vector["kind"].as_str().unwrap() {
            "AVRO" => Kind::Avro,
            "PROTOBUF" => Kind::Protobuf,
            _ => Kind::Json,
        };
        let reference = |pair: &Value| Reference { name: text(&pair[0]), text: text(&pair[1]) };
        let references = vector["references"].as_array().unwrap().iter().map(reference).collect();
        let schema = Schema::read(&Written { kind, text: text(&vector["schema"]), references });
        let framed = bytes(vector["framed"].as_str().unwrap());
        let payload = Frame::read(&framed).unwrap().unwrap().payload.to_vec();
        (text(&vector["name"]), schema.unwrap(), payload, vector["json"].clone())
    };
    VECTORS.lines().map(vector).collect()
}

#[test]
fn what_confluent_s_serializers_frame_is_the_document_that_was_meant() {
    let vectors = vectors();
    assert!(vectors.len() >= 10);
    for (name, schema, payload, expected) in vectors {
        let decoded = schema.decode(&payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_file_of_protobuf_is_read_as_text_too() {
    let text = r#"
        syntax = "proto3";
        import "google/protobuf/timestamp.proto";
        message Reading { double celsius = 1; optional int64 of = 2; google.protobuf.Timestamp at = 3; }
    "#;
    let schema = Schema::read(&written(Kind::Protobuf, text)).unwrap();
    check(&schema, &[0, 0x10, 7], Ok(r#"{"celsius":0.0,"of":7}"#));
    check(&schema, &[4, 0, 0], Err("the Protobuf file has no message at [0, 0]"));
    check(&schema, &[], Err("the path to its message in the Protobuf file cannot be read"));
    assert!(schema.decode(&[0, 0x09, 1]).unwrap_err().to_string().starts_with("the value is not of its schema"));
}

#[test]
fn a_number_that_json_cannot_say_is_refused_and_every_whole_number_keeps_its_digits() {
    let double = one(r#""double""#);
    check(&double, &f64::NAN.to_le_bytes(), Err("`x` is NaN, which is not a finite number"));
    check(&double, &f64::INFINITY.to_le_bytes(), Err("`x` is inf, which is not a finite number"));
    check(&one(r#""float""#), &f32::MIN_POSITIVE.to_le_bytes(), Ok(r#"{"x":1.1754944e-38}"#));
    let mut most = vec![0xfe];
    most.extend([0xff; 8]);
    most.push(1);
    check(&one(r#""long""#), &most, Ok(r#"{"x":9223372036854775807}"#));
}

#[test]
fn a_duration_is_its_three_numbers() {
    let duration = one(r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#);
    let payload = [1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    check(&duration, &payload, Ok(r#"{"x":{"days":2,"milliseconds":4294967295,"months":1}}"#));
    let short = "the value is not of its schema: Failed to read duration: failed to fill whole buffer";
    check(&duration, &payload[..11], Err(short));
}

#[test]
fn decimals_are_the_number_that_they_mean_however_many_digits_they_have() {
    let of = |scale| one(&format!(r#"{{"type":"bytes","logicalType":"decimal","precision":60,"scale":{scale}}}"#));
    check(&of(2), &[4, 0x04, 0xd2], Ok(r#"{"x":12.34}"#));
    check(&of(2), &[2, 0xff], Ok(r#"{"x":-0.01}"#));
    check(&of(0), &[0], Ok(r#"{"x":0.0}"#));
    // 2^128, which is a byte more than a number of 128 bits.
    let large: Vec<u8> = [36, 0, 1].into_iter().chain([0; 16]).collect();
    check(&of(0), &large, Ok(r#"{"x":3.402823669209385e+38}"#));
}

#[test]
fn bytes_that_the_schema_does_not_account_for_are_refused() {
    check(&one(r#""int""#), &[2, 9, 9], Err("2 bytes are left behind the value"));
    let short = "the value ends too early";
    check(&one(r#""string""#), &[10, b'a'], Err(short));
    check(&one(r#"["null","string"]"#), &[2, 10, b'a'], Err(short));
    check(&one(r#"["null","string"]"#), &[], Err(short));
    check(&one(r#""boolean""#), &[], Err(short));
    assert!(one(r#""double""#).decode(&[1, 2]).is_err());
    // An array that says it has 2^40 items.
    let endless = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];
    assert!(one(r#"{"type":"array","items":"null"}"#).decode(&endless).is_err());
}

#[test]
fn a_schema_that_contains_itself_is_refused() {
    let list = r#"{"type":"record","name":"a.List","fields":[{"name":"next","type":["null","a.List"]}]}"#;
    let refused = Schema::read(&written(Kind::Avro, list)).unwrap_err();
    assert_eq!(refused.to_string(), "`a.List` contains itself, and such values may be of any depth");
    for (kind, broken) in
        [(Kind::Avro, "{"), (Kind::Avro, r#""a.Missing""#), (Kind::Protobuf, "message {"), (Kind::Protobuf, "AAAA")]
    {
        let refused = Schema::read(&written(kind, broken)).unwrap_err().to_string();
        assert!(refused.starts_with("it cannot be read: "), "{refused}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, at: usize, byte: u8) {
        for (_, schema, mut payload, _) in vectors() {
            let _ = schema.decode(&bytes);
            let length = payload.len();
            payload[at % length] = byte;
            let _ = schema.decode(&payload);
        }
    }
}

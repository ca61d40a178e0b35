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
    // In a union, whose variants differ in what they mean.
    let perhaps = one(r#"["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]"#);
    check(&perhaps, &[2, 4, 0x04, 0xd2], Ok(r#"{"x":12.34}"#));
    // With its scale in the value.
    let any = one(r#"{"type":"bytes","logicalType":"big-decimal"}"#);
    check(&any, &[8, 4, 0x04, 0xd2, 4], Ok(r#"{"x":12.34}"#));
    check(&any, &[8, 4, 0x04, 0xd2, 3], Ok(r#"{"x":123400.0}"#));
}

#[test]
fn decimals_whose_digits_take_seconds_to_write_are_refused() {
    let refused = Err("the value is not of its schema: `x` has more digits than a number has");
    // Of 1 MiB, and of 2 KiB.
    let digits = |prefix: &[u8], count: usize| [prefix, &vec![0x7f; count]].concat();
    let large = digits(&[0x80, 0x80, 0x80, 0x01], 1 << 20);
    check(&one(r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":0}"#), &large, refused);
    let any = [digits(&[0x86, 0x20, 0x80, 0x20], 2_048), vec![0]].concat();
    check(&one(r#"{"type":"bytes","logicalType":"big-decimal"}"#), &any, refused);
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
    // An array that says it has a million items.
    let refused = one(r#"{"type":"array","items":"int"}"#).decode(&[0x80, 0x89, 0x7a]).unwrap_err().to_string();
    assert!(refused.contains("allocate"), "before there is room made for them: {refused}");
}

/// Records, each of which has the one before it in so many fields; the first one has none.
fn chain(length: usize, times: usize) -> Written {
    let record = |at: usize| {
        let before = |place| format!(r#"{{"name":"x{place}","type":"N{}"}}"#, at - 1);
        let fields: Vec<String> = if at == 0 { Vec::new() } else { (0..times).map(before).collect() };
        format!(r#"{{"name":"f{at}","type":{{"type":"record","name":"N{at}","fields":[{}]}}}}"#, fields.join(","))
    };
    let records: Vec<String> = (0..length).map(record).collect();
    written(Kind::Avro, &format!(r#"{{"type":"record","name":"All","fields":[{}]}}"#, records.join(",")))
}

#[test]
fn what_a_few_bytes_could_make_a_value_without_end_of_is_refused() {
    let refused = |schema: &Written| Schema::read(schema).unwrap_err().to_string();
    assert!(Schema::read(&chain(10, 2)).is_ok() && Schema::read(&chain(40, 1)).is_ok());
    for vast in [chain(20, 2), chain(60, 1)] {
        assert!(refused(&vast).starts_with("written out, with all that it refers to, it is larger or deeper"));
    }
    let (none, fixed) = (r#"{"type":"record","name":"E","fields":[]}"#, r#"{"type":"fixed","name":"F","size":0}"#);
    for items in [r#""null""#, none, fixed, r#"{"type":"array","items":"null"}"#] {
        let array = written(Kind::Avro, &format!(r#"{{"type":"array","items":{items}}}"#));
        assert!(refused(&array).starts_with("it has an array of what takes no bytes"), "{items}");
    }
    assert!(Schema::read(&written(Kind::Avro, r#"{"type":"array","items":["null","int"]}"#)).is_ok());
}

#[test]
fn a_message_that_would_be_a_document_without_end_is_refused() {
    let fields: Vec<String> = (1..=100).map(|number| format!("double number_{number} = {number};")).collect();
    let text =
        format!("syntax = \"proto3\"; message Many {{ repeated One all = 1; }} message One {{ {} }}", fields.concat());
    let schema = Schema::read(&written(Kind::Protobuf, &text)).unwrap();
    let of = |count| [vec![0], [0x0a, 0].repeat(count)].concat();
    assert!(schema.decode(&of(100)).is_ok());
    let refused = schema.decode(&of(20_000)).unwrap_err().to_string();
    assert!(refused.contains("written out, it has more than 16 MiB"), "{refused}");
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

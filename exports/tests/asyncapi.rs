//! The `AsyncAPI` document, beside what really travels: the test vectors of the wire.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{fs, path::Path};

use hedgerow_exports::asyncapi;
use policies::Definition;
use serde_json::{Map, Value, json};

fn document() -> Value {
    let text = |name: &str| {
        format!(
            "rendezvous: {name}\nbudget: 20ms\ninput: {{ features: [amount, hour] }}\nexecutors: {{ a: {{ elsewhere: }} }}\n\
             decide:\n  - default: {{ class: unknown }}\n"
        )
    };
    let parsed = ["fraud", "wine"].map(|name| Definition::parse("test.yaml", &text(name)).unwrap());
    asyncapi(&parsed.each_ref())
}

fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/vectors").join(file);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn headers(vector: &Value) -> Value {
    let pairs = vector["headers"].as_array().unwrap().iter();
    pairs.map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone())).collect::<Map<_, _>>().into()
}

fn for_each(value: &Value, see: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            see(members);
            members.values().for_each(|member| for_each(member, see));
        }
        Value::Array(items) => items.iter().for_each(|item| for_each(item, see)),
        _ => {}
    }
}

#[test]
fn it_says_what_it_said() {
    insta::assert_json_snapshot!(document());
}

#[test]
fn every_reference_leads_somewhere_and_every_header_is_explained() {
    let (document, mut references) = (document(), 0);
    for_each(&document, &mut |members| {
        if let Some(target) = members.get("$ref").and_then(Value::as_str) {
            references += 1;
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
        assert_ne!(members.get("description"), Some(&json!("")), "{members:?}");
    });
    assert!(references > 20, "{references}");
    assert_eq!(document["asyncapi"], "3.0.0");
    let operations = document["operations"].as_object().unwrap();
    assert_eq!(operations.len(), 10);
    assert!(operations.values().all(|operation| ["send", "receive"].contains(&operation["action"].as_str().unwrap())));
}

/// What the vectors say is what the schemas take; a record that is cut short is not.
#[test]
fn what_travels_is_what_the_document_describes() {
    let document = document();
    let check = |message: &str, vector: &Value| {
        let schema = &document["components"]["messages"][message]["headers"];
        let validator = jsonschema::validator_for(schema).unwrap();
        let headers = headers(vector);
        assert!(validator.is_valid(&headers), "{}: {:?}", vector["name"], validator.validate(&headers));
        for name in schema["required"].as_array().unwrap() {
            let mut without = headers.clone();
            without.as_object_mut().unwrap().remove(name.as_str().unwrap());
            assert!(!validator.is_valid(&without), "{} without {name}", vector["name"]);
        }
    };
    for vector in vectors("requests.json").iter().filter(|vector| vector.get("means").is_some()) {
        check("request", vector);
    }
    for vector in vectors("responses.json") {
        check(if vector["means"]["failure"].is_null() { "answer" } else { "failure" }, &vector);
    }
}

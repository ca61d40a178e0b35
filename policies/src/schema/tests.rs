//! The schema knows what the reader knows, and explains it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Completeness, DecidedBy, Definition, Quantile, Reason, SCHEMA, document::known};

/// Opens every map that the language has.
const FULL: &str = include_str!("../meaning/tests/full.yaml");

type Keys = BTreeMap<String, BTreeSet<String>>;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// Visits every schema within `value`.
fn walk(value: &Value, visit: &mut dyn FnMut(&Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        _ => {}
    }
}

/// The maps that the schema describes, by title.
fn described() -> Keys {
    let mut all = Keys::new();
    walk(&schema(), &mut |schema| {
        if let (Some(title), Some(Value::Object(keys))) = (schema["title"].as_str(), schema.get("properties")) {
            all.insert(title.to_owned(), keys.keys().cloned().collect());
        }
    });
    all
}

#[test]
fn the_schema_knows_the_keys_that_the_reader_knows() {
    let full = FULL.replace("spare: { echo: }", "spare: { echo: {} }\n  abroad: { elsewhere: {} }");
    let (parsed, read) = known::during(|| Definition::parse("full.yaml", &full));
    assert!(parsed.is_ok(), "{}", parsed.expect_err("it is not"));
    let read: Keys =
        read.into_iter().map(|(what, keys)| (what.to_owned(), keys.into_iter().map(str::to_owned).collect())).collect();
    assert_eq!(described(), read, "left is the schema, right is the reader");
}

#[test]
fn every_key_says_what_it_is_for() {
    walk(&schema(), &mut |schema| {
        for (name, key) in schema["properties"].as_object().into_iter().flatten() {
            let description = key["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.') && description.len() > 8, "`{name}` is not explained: {description:?}");
        }
    });
}

#[test]
fn closed_sets_of_words_are_the_same() {
    let (schema, expect) = (schema(), "/$defs/expect/properties");
    let words = |pointer: &str| -> Vec<String> {
        let all = schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
        serde_json::from_value(all.clone()).expect("words")
    };
    let decided_by: Vec<_> = DecidedBy::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words(&format!("{expect}/decided_by/enum")), decided_by);
    let completeness: Vec<_> = Completeness::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words(&format!("{expect}/completeness/enum")), completeness);
    let reasons: Vec<_> = Reason::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words(&format!("{expect}/reason/enum")), reasons);
    assert_eq!(words("/$defs/quantile/enum"), Quantile::ALL.map(Quantile::as_str));
}

#[test]
fn what_stands_as_an_example_in_the_schema_is_valid() {
    let schema = schema();
    let root = schema["$defs"].clone();
    walk(&schema, &mut |part| {
        for example in part
            .get("examples")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|_| part.get("$schema").is_none())
        {
            // An example of the schema as such, or a property that is called `examples`.
            let mut alone = part.clone();
            alone["$defs"] = root.clone();
            let validator = jsonschema::draft202012::new(&alone).expect("a schema");
            assert!(validator.is_valid(example), "{example} in {part}");
        }
    });
}

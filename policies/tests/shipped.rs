//! The policies we ship and those in the documents are sound, known to the schema, and their examples come true.

use std::{fs, path::Path};

use hedgerow_policies::{Definition, SCHEMA, diff};

/// Reads, validates and plays one policy; returns how many examples it has.
fn check(name: &str, text: &str) -> usize {
    let definition = Definition::parse(name, text).unwrap_or_else(|problems| panic!("{problems}"));
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let json: serde_json::Value = serde_saphyr::from_str(text).expect("a policy is YAML");
    let validator = jsonschema::draft202012::new(&schema).expect("it is a schema");
    let errors: Vec<String> =
        validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
    let failed = definition.play_examples().into_iter().filter(|outcome| !outcome.passed);
    let failed: Vec<String> = failed.map(|outcome| format!("{}\n{}", outcome.name, outcome.timeline)).collect();
    assert!(failed.is_empty(), "{name}: {}", failed.join("\n"));
    assert!(diff(&definition, &definition).is_empty());
    definition.examples.len()
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_policy_that_ships_is_a_story_that_comes_true() {
    let shipped =
        ["wine", "wine-canaries", "guaranteed-time", "consensus", "best-quality", "hedged-vendor", "graded-agreement"];
    for name in shipped {
        let file = format!("{name}.yaml");
        assert!(check(&file, &read(&file)) >= 4, "{file} has few examples");
        let warnings = Definition::check(&file, &read(&file)).problems;
        assert!(warnings.0.is_empty(), "{warnings}");
    }
    let there = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("a folder").filter_map(Result::ok);
    let files = there.filter(|file| file.path().extension().is_some_and(|ending| ending == "yaml")).count();
    assert_eq!(files, shipped.len(), "a policy ships that is not named here");
}

#[test]
fn every_policy_of_an_example_comes_true() {
    for file in ["fraud/fraud.yaml", "recommender/recommender.yaml", "recommender/second.yaml"] {
        let text = read(&format!("../examples/{file}"));
        assert!(check(file, &text) >= 4, "{file} has few examples");
        let warnings = Definition::check(file, &text).problems;
        assert!(warnings.0.is_empty(), "{warnings}");
    }
}

/// What stands around a block of the documents that says only what it is about.
const FRAME: &str = "rendezvous: wine
budget: 50ms
input: { features: [alcohol, ash] }
answer: { value: class, confidence: probability }
executors: { forest: { echo: , family: trees, cost: 2 }, boost: { echo: , family: trees }, linear: { echo: } }
";

#[test]
fn every_policy_in_the_documents_is_sound_and_comes_true() {
    let (text, mut examples) = (read("../docs/policies.md"), 0);
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    for (index, block) in blocks.iter().enumerate() {
        examples += check(&format!("docs/policies.md, block {}", index + 1), &framed(block));
    }
    assert!(blocks.len() >= 10 && examples >= 18, "{} blocks, {examples} examples", blocks.len());
}

/// Adds those lines of the frame whose keys a block does not have.
fn framed(block: &str) -> String {
    let is_missing = |line: &&str| {
        let key = line.split(':').next().unwrap_or_default();
        !block.lines().any(|line| line.starts_with(&format!("{key}:")))
    };
    FRAME.lines().filter(is_missing).chain(block.lines()).collect::<Vec<_>>().join("\n")
}

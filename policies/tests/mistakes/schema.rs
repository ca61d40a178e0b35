//! What is wrong with the shape of a file, the schema refuses too: editors underline it while one types.

use hedgerow_policies::SCHEMA;
use serde_json::Value;

use super::{MISTAKES, Mistake, SOUND, canaries, hedges, language, problems};

/// What a reader says of a shape: of unknown and missing keys, of wrong types, of words that are none.
const SHAPES: [&str; 23] = [
    "has no field",
    " needs `",
    "must be a map",
    "must be a list",
    "must be text",
    "must be an object",
    "must be a number",
    "has no unit",
    "is not a unit of time",
    "is not a duration",
    "there is no clause",
    "no verdict says",
    "is not an HTTP URL",
    "cannot name",
    "is a number above 0",
    "must be a whole number",
    "of requests, and this is a time",
    "is a time, and this is a share",
    "is a share",
    "`hold` is true or false",
    "for being",
    "declares nothing",
    "are `good` or `bad`",
];

fn all() -> impl Iterator<Item = (&'static str, &'static Mistake)> {
    let plain = MISTAKES.iter().map(|mistake| (SOUND, mistake));
    let more = [
        (language::SOUND, language::MISTAKES),
        (hedges::SOUND, hedges::MISTAKES),
        (canaries::SOUND, canaries::MISTAKES),
    ];
    plain.chain(more.into_iter().flat_map(|(sound, mistakes)| mistakes.iter().map(move |mistake| (sound, mistake))))
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).expect("JSON")).expect("a schema")
}

fn json(yaml: &str) -> Option<Value> {
    serde_saphyr::from_str(yaml).ok()
}

#[test]
fn sound_policies_are_valid() {
    for sound in [SOUND, language::SOUND, hedges::SOUND, canaries::SOUND] {
        let json = json(sound).expect("YAML");
        let errors: Vec<String> =
            validator().iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_schema_refuses_every_mistake_of_shape() {
    let (validator, mut refused) = (validator(), 0);
    for (sound, (name, right, wrong)) in all() {
        let text = sound.replace(right, wrong);
        let Some(problem) = problems(&text).0.into_iter().next() else { continue };
        let Some(json) = json(&text) else { continue };
        if SHAPES.iter().any(|shape| problem.message.contains(shape)) {
            assert!(!validator.is_valid(&json), "{name}: {}", problem.message);
            refused += 1;
        }
    }
    assert!(refused >= 20, "only {refused} mistakes of shape were tried");
}

//! Plays the examples that are written inside a policy file.

/// One example: who is heard when, and what must come of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its name.
    pub name: String,
}

/// What an example expects.
#[derive(Clone, Debug)]
pub struct Expectation {}

/// How playing an example went.
#[derive(Clone, Debug)]
pub struct ExampleOutcome {}

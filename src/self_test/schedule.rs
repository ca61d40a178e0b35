//! PURE: which block follows which, who is asked in it, and about what.
//!
//! Blocks without a canary lie between all others, so whatever drifts (a machine that warms up, a log that grows) lies in
//! both alike; each round has the same order turned, so no kind always follows the same one. Every block asks the same.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::Serialize;

use super::models::{Ill, Models};

/// What is done to a rendezvous in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing: there is no canary.
    Without,
    /// A canary takes every call and never answers.
    Hangs,
    /// A canary answers when the budget is over.
    Slow,
    /// Canaries drop the connection, answer garbage, and are not there at all.
    Crashes,
    /// Ten at once, of all of these kinds, and some with answers as large as the payload.
    Ten,
}

/// The policies of all kinds of blocks.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    before: String,
    after: String,
    indent: String,
    reference: String,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    /// The members of an input that are numbers.
    pub(super) features: Vec<String>,
    /// Those that are texts.
    pub(super) texts: Vec<String>,
    /// How many bytes every eighth input has.
    pub(super) payload: usize,
}

const NO_NAME: &str = "`rendezvous: NAME` does not stand in a line of its own";
const NO_EXECUTORS: &str = "its executors do not stand below `executors:`, each in a line of its own";
const NO_CANDIDATE: &str = "it has no candidate that a canary could be compared with";
/// One input of so many is a large one.
const LARGE_EVERY: u64 = 8;

// === impl Kind ===

impl Kind {
    /// Those with a canary.
    pub const ILL: [Self; 4] = [Self::Hangs, Self::Slow, Self::Crashes, Self::Ten];

    /// Returns the blocks of `rounds` rounds, in their order.
    pub(super) fn blocks(rounds: u32) -> Vec<Self> {
        let round = |turn: u32| {
            let mut ill = Self::ILL;
            ill.rotate_left(turn as usize % Self::ILL.len());
            ill.into_iter().flat_map(|kind| [Self::Without, kind])
        };
        (0..rounds).flat_map(round).collect()
    }

    /// Returns its canaries.
    pub(super) fn canaries(self) -> &'static [Ill] {
        match self {
            Self::Without => &[],
            Self::Hangs => &[Ill::Hangs],
            Self::Slow => &[Ill::Slow],
            Self::Crashes => &[Ill::Drops, Ill::Garbage, Ill::Away],
            Self::Ten => &[
                Ill::Hangs,
                Ill::Hangs,
                Ill::Slow,
                Ill::Slow,
                Ill::Drops,
                Ill::Drops,
                Ill::Garbage,
                Ill::Away,
                Ill::Large,
                Ill::Large,
            ],
        }
    }

    /// Returns what it does, for people.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Without => "without a canary",
            Self::Hangs => "one that hangs",
            Self::Slow => "one that is slow",
            Self::Crashes => "three that crash",
            Self::Ten => "ten of all kinds",
        }
    }
}

// === impl Texts ===

impl Texts {
    /// Takes `text` apart; its rendezvous is called `name` from here on, and canaries are compared with `reference`.
    pub(super) fn new(text: &str, name: &str, reference: Option<&str>) -> anyhow::Result<Self> {
        let reference = reference.context(NO_CANDIDATE)?.to_owned();
        let mut lines: Vec<&str> = text.lines().collect();
        let named = format!("rendezvous: {name}");
        let at = lines.iter().position(|line| line.starts_with("rendezvous:")).context(NO_NAME)?;
        lines[at] = &named;
        let is_executors = |line: &&str| line.strip_prefix("executors:").is_some_and(is_empty);
        let executors = lines.iter().position(is_executors).context(NO_EXECUTORS)?;
        let first = lines[executors + 1..].iter().find(|line| !is_empty(line)).context(NO_EXECUTORS)?;
        let indent: String = first.chars().take_while(|letter| *letter == ' ').collect();
        if indent.is_empty() {
            bail!(NO_EXECUTORS);
        }
        let (before, after) = lines.split_at(executors + 1);
        Ok(Self { before: before.join("\n") + "\n", after: after.join("\n") + "\n", indent, reference })
    }

    /// Returns the policy of a block.
    pub(super) fn of(&self, kind: Kind, models: &Models) -> String {
        let Self { before, after, indent, reference } = self;
        let mut text = before.clone();
        for (place, ill) in kind.canaries().iter().enumerate() {
            let (name, url) = (ill.name(), models.url_of(*ill));
            let written =
                writeln!(text, "{indent}{name}-{place}: {{ http: \"{url}\", canary: {{ of: {reference} }} }}");
            written.expect("writing to a string cannot fail");
        }
        text + after
    }
}

/// Returns whether there is nothing in a line but space and comments.
fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

// === impl Inputs ===

impl Inputs {
    /// Returns the input of this number: always the same one.
    pub(super) fn body(&self, number: u64) -> Bytes {
        let mut random = fastrand::Rng::with_seed(number);
        let mut value = |name: &String| format!("{}:{}", quoted(name), random.u32(0..100_000));
        let mut members: Vec<String> = self.features.iter().map(&mut value).collect();
        members.extend(self.texts.iter().map(|name| format!("{}:\"{}\"", quoted(name), random.u32(0..100))));
        let mut body = format!("{{{}", members.join(","));
        // Space means nothing in JSON, and everybody has to carry it.
        let filled = if number % LARGE_EVERY == LARGE_EVERY - 1 { self.payload.saturating_sub(1) } else { 0 };
        body.extend(std::iter::repeat_n(' ', filled.saturating_sub(body.len())));
        body.push('}');
        body.into()
    }
}

fn quoted(name: &str) -> serde_json::Value {
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_block_has_no_canary_and_every_kind_has_one_in_each_round() {
        let blocks = Kind::blocks(3);
        assert_eq!(blocks.len(), 24);
        assert!(blocks.iter().step_by(2).all(|kind| *kind == Kind::Without));
        for round in blocks.chunks(8) {
            let mut ill: Vec<Kind> = round.iter().copied().filter(|kind| *kind != Kind::Without).collect();
            ill.sort_unstable();
            assert_eq!(ill, Kind::ILL);
        }
        assert_ne!(blocks[1], blocks[9]);
        assert_eq!(Kind::Ten.canaries().len(), 10);
    }

    #[test]
    fn a_policy_gets_another_name_and_keeps_everything_else() {
        let texts = Texts::new(super::super::POLICY, "canary-self-test-1", Some("quick")).unwrap();
        let whole = format!("{}{}", texts.before, texts.after);
        assert_eq!(whole, super::super::POLICY.replace("rendezvous: canary", "rendezvous: canary-self-test-1"));
        assert_eq!(texts.indent, "  ");
    }

    #[test]
    fn what_canaries_cannot_be_added_to_is_refused() {
        let refused = |text: &str, reference| Texts::new(text, "t", reference).unwrap_err().to_string();
        let check = |text: &str, expected| assert_eq!(refused(text, Some("a")), expected);
        check("budget: 5ms\nexecutors:\n  a: { echo: }\n", NO_NAME);
        check("rendezvous: r\nexecutors: { a: { echo: } }\n", NO_EXECUTORS);
        check("rendezvous: r\nexecutors:\n", NO_EXECUTORS);
        assert_eq!(refused("", None), NO_CANDIDATE);
    }

    #[test]
    fn every_eighth_input_is_as_large_as_the_payload_and_all_are_json() {
        let inputs = Inputs { features: vec!["ash".into()], texts: vec!["grape".into()], payload: 4_096 };
        for number in 0..32 {
            let body = inputs.body(number);
            assert_eq!(body, inputs.body(number));
            assert_eq!(body.len() == 4_096, number % LARGE_EVERY == LARGE_EVERY - 1, "{number}: {}", body.len());
            let read: serde_json::Map<_, _> = serde_json::from_slice(&body).unwrap();
            assert_eq!(read.len(), 2);
        }
        assert_ne!(inputs.body(0), inputs.body(1));
    }
}

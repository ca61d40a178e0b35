//! The policies of the simulated rendezvous, and how they are edited: folded once, by the production code.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use policies::{Definition, History, Versions};
use uuid::Uuid;
use wire::{Action, Apply, ApplyMode, Change, ControlRecord, RendezvousName, Timestamp};

/// The rendezvous.
pub const NAME: &str = "sim";

/// Who may be asked: three candidates and a canary, who is asked by some versions.
pub const EXECUTORS: [&str; 4] = ["ash", "birch", "cedar", "dune"];

const HEAD: &str = "rendezvous: sim\nbudget: 4s\ninput: { features: [hue] }\nanswer: { value: class }\nexecutors:\n  \
    ash: { constant: { answer: { class: cat } }, breaker: { min: 3, window: 1s, pause: 300ms } }\n  \
    birch: { constant: { answer: { class: cat } }, breaker: { min: 2, window: 2s, pause: 1s } }\n";
const CEDAR: &str = "  cedar: { constant: { answer: { class: cat } } }\n";
const DUNE: &str = "  dune: { constant: { answer: { class: cat } }, canary: { of: ash } }\n";
const DEFAULT: &str = "  - default: { class: unknown }\n";

/// The edits, in order: what decides, and how the version is applied. One of them is refused.
const EDITS: [(&[&str], &str, ApplyMode, Option<u64>); 6] = [
    (
        &[CEDAR, DUNE],
        "  - agree: { votes: 2, on: [class] }\n    until: 2s\n  - prefer: [cedar, ash]\n",
        ApplyMode::Live,
        None,
    ),
    (&[CEDAR], "  - first:\n    until: 3s\n", ApplyMode::Live, None),
    (&[], "  - prefer: [birch: { until: 1s }, ash]\n    until: 3s\n", ApplyMode::Live, Some(0)),
    (
        &[DUNE],
        "  - agree: { votes: 2, on: [class] }\n    until: 1s\n  - first:\n    until: 2s\n",
        ApplyMode::Share(5_000),
        None,
    ),
    (&[CEDAR, DUNE], "  - agree: { votes: majority, on: [class] }\n    until: 3s\n", ApplyMode::Live, None),
    (
        &[CEDAR],
        "  - prefer: [ash: { until: 500ms }, birch: { until: 1s }, cedar]\n    until: 2s\n",
        ApplyMode::Shadow,
        None,
    ),
];

/// Returns the versions as they are known after so many of the edits.
#[must_use]
pub fn after(edits: usize) -> &'static Arc<Versions> {
    static FOLDED: OnceLock<Vec<Arc<Versions>>> = OnceLock::new();
    let folded = FOLDED.get_or_init(fold);
    &folded[edits.min(folded.len() - 1)]
}

/// How many edits there are beyond the first version.
pub const EDITS_MAX: usize = EDITS.len() - 1;

/// Returns what a version says, whoever knows of it by now.
#[must_use]
pub fn version(number: u64) -> Option<Arc<Definition>> {
    after(EDITS_MAX).get(number)
}

/// Returns the rendezvous' name.
#[must_use]
pub fn name() -> RendezvousName {
    static NAMED: OnceLock<RendezvousName> = OnceLock::new();
    NAMED.get_or_init(|| RendezvousName::new(NAME).unwrap_or_else(|_| unreachable!("`{NAME}` is a name"))).clone()
}

fn fold() -> Vec<Arc<Versions>> {
    let mut history = History::of(name());
    let folded = EDITS.iter().enumerate().map(|(number, (executors, ladder, mode, expected))| {
        let text = format!("{HEAD}{}decide:\n{ladder}{DEFAULT}", executors.concat());
        let expected = expected.unwrap_or_else(|| history.newest());
        let apply = Apply { mode: *mode, ..Apply::live(text.into(), expected) };
        let id = Uuid::from_u128(number as u128 + 1);
        let (author, message) = ("somebody".to_owned(), "a try".to_owned());
        let change = Change { id, rendezvous: name(), author, message, action: Action::Apply(apply) };
        let at = Timestamp::EPOCH.after(Duration::from_secs(number as u64));
        let effect = history.fold(&ControlRecord::Change(change), at);
        let refused = expected != history.newest() && effect.is_err();
        assert!(effect.is_ok() || refused, "edit {number}: {effect:?}");
        history.versions().expect("the first edit goes live")
    });
    folded.collect()
}

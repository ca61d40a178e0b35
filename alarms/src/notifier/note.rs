//! What a successor must know: who was told of what.
//!
//! It is written beside the group's place, where 4,000 bytes are free, so it says as little as will do. Conditions that
//! find no room in it are told again by a successor.

use serde::{Deserialize, Serialize};
use wire::Timestamp;

use super::{Known, Notifier, Said, Standing};
use crate::{Condition, Kind, Severity};

/// No longer than this is a note.
const BYTES_MAX: usize = 3_900;

#[derive(Serialize, Deserialize)]
struct Note {
    /// The receivers' names.
    to: Vec<String>,
    /// What all of them know.
    told: Vec<Told>,
}

#[derive(Serialize, Deserialize)]
struct Told {
    #[serde(rename = "k")]
    kind: Kind,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    rendezvous: Option<String>,
    #[serde(rename = "s")]
    subject: String,
    #[serde(rename = "v")]
    severity: Severity,
    /// Since when it holds.
    #[serde(rename = "b")]
    since_us: i64,
    /// When it was said last.
    #[serde(rename = "a")]
    at_us: i64,
}

// === impl Notifier ===

impl Notifier {
    /// Returns the note for a successor: what every receiver was told and that it was not told to be over. What one of them
    /// was not told yet is not in it: the successor tells all of them, rather twice than never.
    #[must_use]
    pub fn note(&self) -> String {
        let mut all: Vec<Told> = self.known.values().filter_map(Told::of).collect();
        all.sort_by_key(|told| (std::cmp::Reverse(told.severity), told.since_us));
        let mut note = Note { to: self.receivers.iter().map(|receiver| receiver.name.clone()).collect(), told: all };
        loop {
            let text = serde_json::to_string(&note).unwrap_or_default();
            if text.len() <= BYTES_MAX {
                return text;
            }
            if note.told.pop().is_none() {
                return String::new();
            }
        }
    }

    /// Goes on where the writer of `note` stopped. A note that does not read says nothing.
    pub fn resume(&mut self, note: &str) {
        let Ok(note) = serde_json::from_str::<Note>(note) else { return };
        let knows: Vec<bool> = self.receivers.iter().map(|receiver| note.to.contains(&receiver.name)).collect();
        for told in note.told.into_iter().take(self.rules.conditions_max) {
            let (at, severity) = (Timestamp::from_micros(told.at_us), told.severity);
            let said =
                knows.iter().map(|knows| if *knows { Said::Holds(at, severity) } else { Said::Nothing }).collect();
            let condition = told.condition();
            let (key, tried) = (condition.key(), vec![None; knows.len()]);
            self.known.entry(key).or_insert(Known { condition, standing: Standing::Holds, said, tried });
        }
    }
}

// === impl Told ===

impl Told {
    fn of(known: &Known) -> Option<Self> {
        let holds = known.said.iter().filter_map(|said| match said {
            Said::Holds(at, severity) => Some((*at, *severity)),
            Said::Nothing | Said::Refused(..) => None,
        });
        let (at, severity) = holds.max()?;
        // Of what is gone, nobody else needs to hear again that it was there.
        let is_complete = known.standing == Standing::Gone || !known.said.contains(&Said::Nothing);
        let Condition { kind, rendezvous, subject, since_us, .. } = known.condition.clone();
        is_complete.then(|| Self { kind, rendezvous, subject, severity, since_us, at_us: at.as_micros() })
    }

    fn condition(self) -> Condition {
        let Self { kind, rendezvous, subject, severity, since_us, .. } = self;
        let path = rendezvous.as_ref().map_or_else(|| "/health".to_owned(), |name| format!("/rendezvous/{name}"));
        let summary = format!("{} {subject}", kind.words());
        Condition { kind, rendezvous, subject, severity, since_us, summary, path }
    }
}

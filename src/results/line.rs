//! One record of the results, as `hedgerow results` shows it: a line for people, or one JSON object.

use std::fmt;

use bus::Received;
use policies::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wire::{Fencing, ResultRecord, ResultsEntry};

/// One record of the results.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// `valid`, `repeat`, `void`, `fence` or `garbage`.
    is: &'static str,
    /// Why it is not valid.
    why: Option<String>,
    request: Option<String>,
    partition: i32,
    offset: i64,
    appended: String,
    kind: Option<&'static str>,
    policy: Option<String>,
    key: Option<String>,
    epoch: Option<u64>,
    instance: Option<String>,
    decided_by: Option<String>,
    reason: Option<String>,
    answer: Option<Box<RawValue>>,
    decision: Option<Box<RawValue>>,
}

/// A result's body, as far as it is shown.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    answer: &'a RawValue,
    #[serde(borrow)]
    decision: &'a RawValue,
}

#[derive(Deserialize)]
struct Decision {
    decided_by: String,
    reason: String,
}

/// People see so many letters of an answer.
const SHOWN: usize = 160;

// === impl Line ===

impl Line {
    /// Returns what there is to say of a record behind which `accepted` holds the partition; `None` of a fence that its
    /// owner repeats.
    #[must_use]
    pub fn of(received: &Received, entry: ResultsEntry, accepted: Option<Fencing>) -> Option<Self> {
        let mut line = Self::at(received);
        match entry {
            ResultsEntry::Valid(result) => line.tell(&result),
            ResultsEntry::Repeat(result) => {
                line.tell(&result);
                (line.is, line.why) = ("repeat", Some("written again by a writer that got no answer".to_owned()));
            }
            ResultsEntry::Void { result, accepted } => {
                line.tell(&result);
                (line.is, line.why) = ("void", Some(why_void(result.fencing, accepted)));
            }
            ResultsEntry::Fence { fence, accepted: false } if Some(fence.0) == accepted => return None,
            ResultsEntry::Fence { fence, accepted: taken } => {
                line.is = "fence";
                line.by(fence.0);
                line.why = Some(match accepted {
                    Some(owner) if !taken => format!("ignored: the owner's epoch is {}", owner.epoch),
                    _ => "takes the partition over".to_owned(),
                });
            }
            ResultsEntry::Garbage(error) => (line.is, line.why) = ("garbage", Some(error.to_string())),
        }
        Some(line)
    }

    /// Returns whether it is the result of its request.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.is == "valid"
    }

    /// Returns whom or what it is about.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns `prediction`, `default` or `error`.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        self.kind
    }

    /// Returns it as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // Text, numbers and checked JSON always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn at(received: &Received) -> Self {
        Self {
            is: "valid",
            why: None,
            request: None,
            partition: received.partition.partition,
            offset: received.offset,
            appended: rfc3339(received.appended),
            kind: None,
            policy: None,
            key: None,
            epoch: None,
            instance: None,
            decided_by: None,
            reason: None,
            answer: None,
            decision: None,
        }
    }

    fn by(&mut self, fencing: Fencing) {
        (self.epoch, self.instance) = (Some(fencing.epoch), Some(fencing.instance.to_string()));
    }

    fn tell(&mut self, result: &ResultRecord) {
        self.by(result.fencing);
        self.request = Some(result.request.to_string());
        self.policy = Some(result.policy.to_string());
        self.key = result.key.as_deref().map(str::to_owned);
        self.kind = Some(result.kind.as_str());
        let Ok(Body { answer, decision }) = serde_json::from_slice(&result.body) else { return };
        (self.answer, self.decision) = (Some(on_one_line(answer)), Some(on_one_line(decision)));
        if let Ok(Decision { decided_by, reason }) = serde_json::from_str(decision.get()) {
            (self.decided_by, self.reason) = (Some(decided_by), Some(reason));
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}  {}/{}", self.appended, self.partition, self.offset)?;
        let words = [self.request.as_deref(), self.policy.as_deref(), self.kind];
        for word in words.into_iter().flatten() {
            write!(out, "  {word}")?;
        }
        match (&self.answer, &self.request) {
            (Some(answer), _) => write!(out, "  {}", harmless(answer.get()))?,
            (None, Some(_)) => write!(out, "  (a body that is no result's)")?,
            (None, None) => {}
        }
        if let (Some(decided_by), Some(reason)) = (&self.decided_by, &self.reason) {
            write!(out, "  {}, {}", harmless(decided_by), harmless(reason))?;
        }
        if let Some(key) = &self.key {
            write!(out, "  key {}", harmless(key))?;
        }
        match (self.is, &self.why, self.epoch) {
            ("fence", Some(why), Some(epoch)) => write!(out, "  fence of epoch {epoch}: {}", harmless(why)),
            (is, Some(why), _) => write!(out, "  {is}: {}", harmless(why)),
            _ => Ok(()),
        }
    }
}

fn why_void(by: Fencing, accepted: Option<Fencing>) -> String {
    match accepted {
        None => "no fence was read before it".to_owned(),
        Some(owner) if owner.epoch == by.epoch => format!("another instance owns epoch {}", owner.epoch),
        Some(owner) => format!("its epoch is {}, the owner's is {}", by.epoch, owner.epoch),
    }
}

/// JSON may be written over several lines; between its tokens, and nowhere else.
fn on_one_line(raw: &RawValue) -> Box<RawValue> {
    let text = raw.get().replace(['\n', '\r', '\t'], " ");
    RawValue::from_string(text).unwrap_or_else(|_| raw.to_owned())
}

/// What a terminal would obey, and what is too long for a line, is left out.
fn harmless(text: &str) -> String {
    let shown = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    if text.chars().nth(SHOWN).is_none() { shown.collect() } else { shown.take(SHOWN).chain(['…']).collect() }
}

#[cfg(test)]
mod tests;

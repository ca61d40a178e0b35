//! What happened in an example, in the order of time; and what should have, beside it.

use std::{fmt::Write as _, time::Duration};

use wire::{Budget, ExecutorId, Timestamp};

use super::{Miss, Utterance};
use crate::{ClauseNote, Heard, Verdict};

/// Lines with their times; of one time in the order in which they were told.
#[derive(Debug, Default)]
pub(crate) struct Timeline(Vec<(Duration, String)>);

/// The width of what stands before a line: its time, or nothing.
const TIME: usize = 8;

// === impl Timeline ===

impl Timeline {
    /// Tells what somebody said.
    pub(super) fn say(&mut self, utterance: &Utterance, heard: Heard) {
        let again = match heard {
            Heard::Duplicate => " again (ignored)",
            Heard::Unawaited => " (no vote: its breaker was open)",
            Heard::New | Heard::Uninvited | Heard::Late => "",
        };
        self.tell(utterance.at, &format!("{} {}{again}", utterance.executor, utterance.says()));
    }

    /// Tells that somebody is not waited for.
    pub(super) fn strike(&mut self, executor: &ExecutorId) {
        self.tell(Duration::ZERO, &format!("{executor} is not waited for: its breaker is open"));
    }

    /// Tells that somebody spoke when all was over.
    pub(super) fn say_late(&mut self, utterance: &Utterance) {
        self.tell(utterance.at, &format!("{} is late", utterance.executor));
    }

    /// Tells what was decided, and where the clauses above ended that did not decide.
    pub(super) fn decide(&mut self, verdict: &Verdict) {
        let at = verdict.at.since(Timestamp::EPOCH);
        for note in verdict.receipt.clauses.iter().filter(|note| !note.decided) {
            let (kind, until, why) = (note.kind.as_str(), millis(note.until), note.why());
            let line = format!("{:>TIME$}  {kind} (until {until}) does not decide: {why}", "");
            // Time comes before what is heard at the same instant.
            let place = self.0.iter().position(|(time, _)| *time >= note.until.min(at) && note.until <= at);
            self.0.insert(place.unwrap_or(self.0.len()), (note.until.min(at), line));
        }
        let why = verdict.receipt.clauses.last().map(ClauseNote::why).unwrap_or_default();
        let answer = String::from_utf8_lossy(&verdict.answer);
        let (by, reason) = (verdict.decided_by.as_str(), verdict.reason.as_str());
        self.tell(at, &format!("{by} decides: {answer} ({why}; {reason})"));
    }

    fn tell(&mut self, at: Duration, line: &str) {
        self.0.push((at, format!("{:>TIME$}  {line}", millis(at))));
    }

    /// Writes what should have come of it beside what did, and then the timeline.
    pub(super) fn written(&self, misses: &[Miss]) -> String {
        let mut text = String::new();
        let width = |of: fn(&Miss) -> &str, least: usize| {
            misses.iter().map(|miss| of(miss).chars().count()).max().unwrap_or(0).max(least)
        };
        let (what, expected) = (width(|miss| miss.what, 0), width(|miss| &miss.expected, "expected".len()));
        let _ = writeln!(text, "  {:what$}  {:expected$}  got", "", "expected");
        for miss in misses {
            let _ = writeln!(text, "  {:what$}  {:expected$}  {}", miss.what, miss.expected, miss.got);
        }
        text.push('\n');
        for (_, line) in &self.0 {
            let _ = writeln!(text, "  {line}");
        }
        text
    }
}

/// Milliseconds, without a fraction where there is none.
pub(super) fn millis(duration: Duration) -> String {
    Budget::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).to_string()
}

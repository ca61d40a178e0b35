//! What there is to say about a request, in sentences: the same on a screen of text and on a page.

use super::{ClauseTold, ExecutorTold, Explanation, StateTold, VerdictTold, WithMore};
use crate::{Completeness, DecidedBy, Reason};

/// So much of an answer stands in a sentence.
const ANSWER: usize = 80;

// === impl Explanation ===

impl Explanation {
    /// Says whether the recorded responses give the same verdict again.
    #[must_use]
    pub fn replayed(&self) -> String {
        let why = self.replay.why.as_deref().unwrap_or_default();
        match self.replay.outcome {
            "same" => "a replay of the recorded responses gives this verdict again".to_owned(),
            "different" => format!("A REPLAY DIFFERS, please report this: {why}"),
            _ if self.verdict.is_none() => format!("no replay: {why}"),
            _ => format!("told from the receipt alone, no replay: {why}"),
        }
    }
}

// === impl VerdictTold ===

impl VerdictTold {
    /// Says whose answer it is, and which clause gave it.
    #[must_use]
    pub fn source(&self) -> String {
        let clause = self.decided_by.as_str();
        match self.decided_by {
            DecidedBy::Default => "no clause above the default decided".to_owned(),
            DecidedBy::Combine => format!("combined from {}", self.executors.join(", ")),
            DecidedBy::First | DecidedBy::Prefer | DecidedBy::Agree | DecidedBy::Best => {
                format!("by `{clause}`, from {}", self.executors.join(", "))
            }
        }
    }

    /// Says why it came when it did, and how many had been heard.
    #[must_use]
    pub fn why(&self) -> String {
        format!("{}: {}; {}", self.reason.as_str(), why(self.reason), heard(self.completeness))
    }
}

// === impl ExecutorTold ===

impl ExecutorTold {
    /// Says how it stood, `verdict` being when that fell, in microseconds since birth.
    #[must_use]
    pub fn standing(&self, verdict: Option<u64>) -> String {
        let mut standing = match self.state {
            StateTold::Pending => "pending".to_owned(),
            StateTold::Answered => "answered".to_owned(),
            StateTold::Abstained => "abstained".to_owned(),
            StateTold::Failed => "failed".to_owned(),
            StateTold::BreakerOpen => "breaker open".to_owned(),
            StateTold::Late => {
                let later = self.after_us.zip(verdict).map_or(0, |(after, verdict)| after.saturating_sub(verdict));
                format!("late by {}", ms(later))
            }
        };
        if self.chosen {
            standing += ", chosen";
        }
        if self.role == "canary" {
            standing += ", canary";
        }
        standing
    }

    /// Returns its answer, or why there is none, if that is known.
    #[must_use]
    pub fn says(&self) -> Option<String> {
        let answer = || self.answer.as_ref().map(ToString::to_string);
        match self.state {
            StateTold::Abstained | StateTold::Failed => self.failure.clone().or_else(answer),
            _ => answer().or_else(|| self.failure.clone()),
        }
    }

    /// Says how what it said stands to the answer that was given; nothing if that is not known.
    #[must_use]
    pub fn remark(&self) -> &'static str {
        match (self.state, self.same) {
            (StateTold::Abstained | StateTold::Failed | StateTold::BreakerOpen, _) => "no vote",
            (_, Some(true)) => "the same",
            (_, Some(false)) => "another answer",
            (_, None) => "",
        }
    }
}

// === impl ClauseTold ===

impl ClauseTold {
    /// Says how it fared.
    #[must_use]
    pub fn told(&self) -> String {
        let why = self.why.as_deref().unwrap_or_default();
        match self.outcome {
            "decided" => format!("decided: {why}"),
            "refused" => format!("did not: {why}"),
            _ => "not reached".to_owned(),
        }
    }
}

// === impl WithMore ===

impl WithMore {
    /// Says what would have been decided with so much more time.
    #[must_use]
    pub fn outcome(&self) -> String {
        let verdict = &self.verdict;
        let answer = if self.same_answer {
            "the same answer".to_owned()
        } else {
            format!("ANOTHER ANSWER, {}", clipped(&verdict.answer.to_string(), ANSWER))
        };
        format!(
            "with {} more: {answer}, after {}, {} ({})",
            ms(self.more_us),
            ms(verdict.elapsed_us),
            verdict.source(),
            verdict.reason.as_str()
        )
    }

    /// Says how much time at least would have changed the answer.
    #[must_use]
    pub fn least(&self) -> String {
        match (self.least_us, &self.least_by) {
            (Some(least), Some(by)) => {
                format!("the least that would have changed the answer: {} more, for {by}", ms_up(least))
            }
            _ => "no response that was recorded would have changed the answer, with however much time".to_owned(),
        }
    }
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Early => "nothing outstanding could change it any more",
        Reason::Deadline => "time was up",
        Reason::AllAnswered => "everyone had answered or failed",
        Reason::TooFew => "too few answered",
        Reason::Dispute => "enough answered, but they disagree",
        Reason::AllFailed => "every candidate failed",
        Reason::StaleOnArrival => "its time was over when it arrived",
        Reason::Shed => "too many requests were open",
    }
}

fn heard(completeness: Completeness) -> &'static str {
    match completeness {
        Completeness::Full => "every candidate had answered",
        Completeness::Partial => "some candidates had answered",
        Completeness::None => "no candidate had answered",
    }
}

/// Milliseconds with one digit behind the point, none where it is zero; seconds from ten on.
pub(super) fn ms(micros: u64) -> String {
    let (tenths, unit) =
        if micros < 10_000_000 { ((micros + 50) / 100, "ms") } else { ((micros + 50_000) / 100_000, "s") };
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenth) => format!("{whole}.{tenth} {unit}"),
    }
}

/// The same, rounded up: what is at least needed.
fn ms_up(micros: u64) -> String {
    ms(micros.div_ceil(100) * 100)
}

/// At most `room` characters of `text`, without line breaks.
pub(super) fn clipped(text: &str, room: usize) -> String {
    let text = text.replace(char::is_control, " ");
    if text.chars().count() <= room {
        return text;
    }
    text.chars().take(room - 1).chain(['…']).collect()
}

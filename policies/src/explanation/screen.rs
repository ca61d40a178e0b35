//! An explanation as one screen of text, 80 columns wide.

use std::fmt::{self, Display, Formatter};

use super::{ClauseTold, ExecutorTold, Explanation, StateTold, VerdictTold, WithMore};
use crate::{Completeness, DecidedBy, Reason};

/// How wide a screen is.
const WIDTH: usize = 80;
/// How wide the picture of the budget is.
const BAR: usize = 26;
/// How much of a name is shown.
const NAME: usize = 20;

// === impl Explanation ===

impl Display for Explanation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.heading(out)?;
        self.decision(out)?;
        self.timeline(out)?;
        self.ladder(out)?;
        self.alone(out)?;
        self.counterfactual(out)
    }
}

impl Explanation {
    fn heading(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map_or_else(String::new, |key| format!(", about {key}"));
        line(out, "", &format!("request {} of {}{key}", self.id, self.rendezvous))?;
        let born = self.born.as_ref().map_or_else(
            || "born when nobody knows: the request is no longer in the log".to_owned(),
            |born| format!("born {}", born.replace('T', " ").replace('Z', " UTC")),
        );
        let case = self.case.as_ref().map_or_else(String::new, |case| format!(", case {case}"));
        line(out, "", &format!("{born}, budget {}, decided by {}{case}", ms(self.budget_us), self.policy))?;
        if let Some(trace) = &self.trace_id {
            line(out, "", &format!("trace {trace}"))?;
        }
        let attributes = self.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        if !attributes.is_empty() {
            line(out, "", &format!("attributes {}", attributes.join(", ")))?;
        }
        Ok(())
    }

    fn decision(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Some(verdict) = &self.verdict else {
            return line(out, "", "\nno result yet");
        };
        line(out, "", &format!("\n{} {}", verdict.kind, clipped(&verdict.answer.to_string(), 2 * WIDTH)))?;
        line(out, "  ", &format!("after {}, {}", ms(verdict.elapsed_us), verdict.source()))?;
        let (reason, heard) = (why(verdict.reason), heard(verdict.completeness));
        line(out, "  ", &format!("{}: {reason}; {heard}", verdict.reason.as_str()))
    }

    fn timeline(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if self.executors.is_empty() {
            return line(out, "", "\nwho was asked is no longer in the log");
        }
        let end = ms(self.budget_us);
        writeln!(out, "\n{:NAME$}  0{end:>width$}", "who said what when", width = BAR - 1)?;
        let verdict = self.verdict.as_ref().map(|verdict| verdict.elapsed_us);
        for executor in &self.executors {
            executor.row(out, self.budget_us, verdict)?;
        }
        Ok(())
    }

    fn ladder(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if self.clauses.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nclauses")?;
        self.clauses.iter().enumerate().try_for_each(|(index, clause)| clause.row(out, index + 1))
    }

    fn alone(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let told = |executor: &&ExecutorTold| executor.role == "candidate" && executor.says().is_some();
        let mut candidates = self.executors.iter().filter(told).peekable();
        if candidates.peek().is_none() {
            return Ok(());
        }
        writeln!(out, "\neach candidate alone")?;
        candidates.try_for_each(|executor| executor.alone(out))
    }

    fn counterfactual(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out)?;
        if let Some(with_more) = &self.with_more {
            with_more.tell(out)?;
        }
        let why = self.replay.why.as_deref().unwrap_or_default();
        match self.replay.outcome {
            "same" => line(out, "", "a replay of the recorded responses gives this verdict again"),
            "different" => line(out, "", &format!("A REPLAY DIFFERS, please report this: {why}")),
            _ if self.verdict.is_none() => line(out, "", &format!("no replay: {why}")),
            _ => line(out, "", &format!("told from the receipt alone, no replay: {why}")),
        }
    }
}

// === impl VerdictTold ===

impl VerdictTold {
    /// Whose answer it is, and which clause gave it.
    fn source(&self) -> String {
        let clause = self.decided_by.as_str();
        match self.decided_by {
            DecidedBy::Default => "no clause above the default decided".to_owned(),
            DecidedBy::Combine => format!("combined from {}", self.executors.join(", ")),
            DecidedBy::First | DecidedBy::Prefer | DecidedBy::Agree | DecidedBy::Best => {
                format!("by `{clause}`, from {}", self.executors.join(", "))
            }
        }
    }
}

// === impl ExecutorTold ===

impl ExecutorTold {
    fn row(&self, out: &mut Formatter<'_>, budget: u64, verdict: Option<u64>) -> fmt::Result {
        let after = self.after_us.map_or_else(|| "-".to_owned(), ms);
        let (name, bar) = (clipped(&self.executor, NAME - 1), self.bar(budget, verdict));
        writeln!(out, "  {name:NAME$}{bar} {after:>9}  {}", self.standing(verdict))
    }

    fn alone(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let remark = match (self.state, self.same) {
            (StateTold::Abstained | StateTold::Failed | StateTold::BreakerOpen, _) => "no vote",
            (_, Some(true)) => "the same",
            (_, Some(false)) => "another answer",
            (_, None) => "",
        };
        let room = WIDTH - NAME - 2 - 15;
        let (name, said) = (clipped(&self.executor, NAME - 1), clipped(&self.says().unwrap_or_default(), room));
        writeln!(out, "{}", format!("  {name:NAME$}{said:room$} {remark}").trim_end())
    }

    /// Its answer, or why there is none, if that is known.
    fn says(&self) -> Option<String> {
        let answer = || self.answer.as_ref().map(ToString::to_string);
        match self.state {
            StateTold::Abstained | StateTold::Failed => self.failure.clone().or_else(answer),
            _ => answer().or_else(|| self.failure.clone()),
        }
    }

    /// The budget as a line of dots: waited for until it answered, the verdict as a bar.
    fn bar(&self, budget: u64, verdict: Option<u64>) -> String {
        let cell = |micros: u64| {
            let cell = u128::from(micros) * BAR as u128 / u128::from(budget.max(1));
            usize::try_from(cell).unwrap_or(usize::MAX).min(BAR - 1)
        };
        let (start, end) = (cell(self.start_after_us), self.after_us.map(cell));
        let is_unawaited = self.state == StateTold::BreakerOpen;
        let mut bar: Vec<char> = (0..BAR)
            .map(|at| if is_unawaited || at < start || end.is_some_and(|end| at > end) { ' ' } else { '·' })
            .collect();
        if let Some(verdict) = verdict.map(cell) {
            bar[verdict] = '|';
        }
        if let Some(end) = end {
            bar[end] = match self.state {
                _ if self.after_us.is_some_and(|after| after > budget) => '>',
                StateTold::Answered => 'A',
                StateTold::Abstained => 'o',
                StateTold::Failed => 'x',
                StateTold::Late | StateTold::Pending | StateTold::BreakerOpen => 'L',
            };
        }
        bar.into_iter().collect()
    }

    fn standing(&self, verdict: Option<u64>) -> String {
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
}

// === impl ClauseTold ===

impl ClauseTold {
    fn row(&self, out: &mut Formatter<'_>, number: usize) -> fmt::Result {
        let why = self.why.as_deref().unwrap_or_default();
        let outcome = match self.outcome {
            "decided" => format!("decided: {why}"),
            "refused" => format!("did not: {why}"),
            _ => "not reached".to_owned(),
        };
        let row = format!("  {number:2} {:8} until {:>9}  {outcome}", self.kind.as_str(), ms(self.until_us));
        wrapped(&row, WIDTH, 31).iter().try_for_each(|part| writeln!(out, "{}", part.trim_end()))
    }
}

// === impl WithMore ===

impl WithMore {
    fn tell(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let answer = if self.same_answer {
            "the same answer".to_owned()
        } else {
            format!("ANOTHER ANSWER, {}", clipped(&verdict.answer.to_string(), WIDTH))
        };
        let told = format!(
            "with {} more: {answer}, after {}, {} ({})",
            ms(self.more_us),
            ms(verdict.elapsed_us),
            verdict.source(),
            verdict.reason.as_str()
        );
        line(out, "", &told)?;
        let least = match (self.least_us, &self.least_by) {
            (Some(least), Some(by)) => {
                format!("the least that would have changed the answer: {} more, for {by}", ms_up(least))
            }
            _ => "no response that was recorded would have changed the answer, with however much time".to_owned(),
        };
        line(out, "", &least)
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
fn ms(micros: u64) -> String {
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
fn clipped(text: &str, room: usize) -> String {
    let text = text.replace(char::is_control, " ");
    if text.chars().count() <= room {
        return text;
    }
    text.chars().take(room - 1).chain(['…']).collect()
}

fn line(out: &mut Formatter<'_>, indent: &str, text: &str) -> fmt::Result {
    let text = format!("{indent}{text}");
    // An empty line before a paragraph is not a part of it.
    let (empty, text) = text.strip_prefix('\n').map_or(("", text.as_str()), |rest| ("\n", rest));
    out.write_str(empty)?;
    wrapped(text, WIDTH, 2 + indent.len()).iter().try_for_each(|part| writeln!(out, "{}", part.trim_end()))
}

/// Breaks `text` between words so that no part is wider than `width`; parts behind the first are indented.
fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest: Vec<char> = text.chars().collect();
    while rest.len() > width {
        // Not in the columns in front, nor where nothing would be gained.
        let gap = rest[..=width].iter().rposition(|letter| *letter == ' ').filter(|gap| *gap > indent);
        let tail = rest.split_off(gap.unwrap_or(width));
        parts.push(rest.into_iter().collect());
        let tail = tail.into_iter().skip_while(|letter| *letter == ' ');
        rest = std::iter::repeat_n(' ', indent).chain(tail).collect();
    }
    parts.push(rest.into_iter().collect());
    parts
}

//! An explanation as one screen of text, 80 columns wide.

use std::fmt::{self, Display, Formatter};

use super::{
    ClauseTold, ExecutorTold, Explanation, StateTold,
    words::{clipped, ms},
};

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
        line(out, "  ", &verdict.why())
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
            line(out, "", &with_more.outcome())?;
            line(out, "", &with_more.least())?;
        }
        line(out, "", &self.replayed())
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
        let room = WIDTH - NAME - 2 - 15;
        let (name, said) = (clipped(&self.executor, NAME - 1), clipped(&self.says().unwrap_or_default(), room));
        writeln!(out, "{}", format!("  {name:NAME$}{said:room$} {}", self.remark()).trim_end())
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
}

// === impl ClauseTold ===

impl ClauseTold {
    fn row(&self, out: &mut Formatter<'_>, number: usize) -> fmt::Result {
        let row = format!("  {number:2} {:8} until {:>9}  {}", self.kind.as_str(), ms(self.until_us), self.told());
        wrapped(&row, WIDTH, 31).iter().try_for_each(|part| writeln!(out, "{}", part.trim_end()))
    }
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

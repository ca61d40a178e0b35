//! What was learned, as people read it.

use std::fmt::{self, Display, Formatter};

use super::{JUDGED_MIN, Learned, Lesson};

// === impl Lesson ===

impl Display for Lesson {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { policy, told, unknown, untold, .. } = self;
        writeln!(out, "{} requests of {policy} judged by what turned out to be true", told - unknown)?;
        writeln!(out, "  told of requests that are not in what was read  {unknown:>8}")?;
        writeln!(out, "  recorded requests that nobody told the truth of {untold:>8}\n")?;
        write!(out, "{:16}{:10}{:>8}{:>10}  {:16}", "", "", "judged", "accuracy", "95% interval")?;
        writeln!(out, "{:>6}{:>10}{:>8}{:>8}{:>9}", "late", "abstained", "failed", "silent", "weight")?;
        self.executors.iter().try_for_each(|executor| executor.row(out))?;
        self.notes(out)?;
        let weights: Vec<String> = self.candidates().map(|one| format!("{}: {}", one.name, one.weight)).collect();
        writeln!(out, "\npaste into `agree` or `combine`:\n\n  weights: {{ {} }}\n", weights.join(", "))?;
        writeln!(
            out,
            "All candidates then weigh {} together. `votes: 2` counts weight, so it may need to change: better write\n\
             `votes: majority` or `votes: plurality`. Then `hedgerow what-if FILE` says what it would have done, and\n\
             `hedgerow apply FILE` makes it the next version.",
            self.total_weight
        )
    }
}

impl Lesson {
    fn candidates(&self) -> impl Iterator<Item = &Learned> {
        self.executors.iter().filter(|executor| executor.role == "candidate")
    }

    fn notes(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let judged = || self.executors.iter().filter(|executor| executor.judged > 0);
        let few: Vec<&str> = self.candidates().filter(|one| !one.learned).map(|one| &*one.name).collect();
        if !few.is_empty() {
            writeln!(out, "\njudged fewer than {JUDGED_MIN} times, so 1 as ever: {}", few.join(", "))?;
        }
        for mixed in judged().filter(|executor| executor.models.len() > 1) {
            let (name, models) = (&mixed.name, mixed.models.join(", "));
            writeln!(out, "\n{name} is judged by answers of several models: {models}; look less far back")?;
        }
        if judged().next().is_some() && judged().all(|executor| executor.correct == 0) {
            writeln!(out, "\nnobody was ever right: is the truth written as the answers are, 2 or \"2\"?")?;
        }
        Ok(())
    }
}

// === impl Learned ===

impl Learned {
    fn row(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let share = |share: f64| format!("{:.1}%", 100.0 * share);
        let accuracy = self.accuracy.map_or_else(|| "-".to_owned(), share);
        let interval = self.interval.map(share).join(" to ");
        write!(out, "{:16}{:10}{:>8}{accuracy:>10}  {interval:16}", self.name, self.role, self.judged)?;
        // Of an interval without evidence nothing is known, and it says so: from 0 to 100%.
        write!(out, "{:>6}{:>10}{:>8}{:>8}", self.late, self.abstained, self.failed, self.silent)?;
        writeln!(out, "{:>9}", self.weight)
    }
}

//! The ladder: clauses that name known candidates, end later and later, can be satisfied, and leave nobody undecided.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use wire::{Budget, ExecutorId, Role};

use super::path;
use crate::{
    ExecutorSpec,
    clause::{
        Agree, Best, Clause, Compared, Equality, Expression, Fallback, First, Patience, Prefer, Rank, Score,
        ScoreError, Votes, Weight, Weights,
    },
    diagnostic::{Report, Span, Spanned},
    document::{AgreeEntry, BestEntry, ClauseBody, ClauseEntry, RankEntry, VotesEntry},
    evidence::{Fields, Path},
    policy::Rung,
};

/// What the clauses of one ladder are checked against.
struct Ladder<'lower, 'text> {
    executors: &'lower [ExecutorSpec],
    fields: &'lower mut Fields,
    report: &'lower mut Report<'text>,
}

/// Checks the clauses and their times; the times only if there is a budget to hold them against.
pub(super) fn lower(
    entries: &[ClauseEntry],
    budget: Option<Budget>,
    executors: &[ExecutorSpec],
    fields: &mut Fields,
    report: &mut Report<'_>,
) -> Vec<Rung> {
    check_order(entries, report);
    let budget = budget.map(Budget::as_duration);
    let ends = budget.map_or_else(Vec::new, |budget| ends(entries, budget, report));
    let mut ladder = Ladder { executors, fields, report };
    let mut rungs = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let until = ends.get(index).copied().unwrap_or(Duration::MAX);
        let begins = index.checked_sub(1).and_then(|above| ends.get(above)).copied().unwrap_or_default();
        let clause = entry.body.as_ref().and_then(|body| ladder.clause(body, begins, until, entry.at));
        rungs.extend(clause.map(|clause| Rung { clause, until, extra_wait: None }));
    }
    rungs
}

/// The last clause is total, and no other is a default.
fn check_order(entries: &[ClauseEntry], report: &mut Report<'_>) {
    let is_default = |entry: &ClauseEntry| matches!(entry.body, Some(ClauseBody::Default(_)));
    if let Some(default) = entries.iter().position(is_default)
        && let Some(behind) = entries.get(default + 1)
    {
        let label = format!("the default in line {} decides before", entries[default].at.line);
        report
            .error(behind.at, "no request comes past a default")
            .label(label)
            .hint("make the default the last clause");
    }
    if let Some(last) = entries.last()
        && !entries.iter().any(is_default)
        && !matches!(last.body, None | Some(ClauseBody::First | ClauseBody::Default(_)))
    {
        let problem = report.error(last.at, "the last clause can fail, and nothing decides then");
        problem.hint("end with `- default: { … }` or `- first: any`");
    }
}

/// Returns when each clause ends; without an `until` that is the budget.
fn ends(entries: &[ClauseEntry], budget: Duration, report: &mut Report<'_>) -> Vec<Duration> {
    let mut above = Duration::ZERO;
    let mut ends = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        // A faulty `until` was reported; it must not fault its neighbours too.
        let unwritten = if entry.has_until { above } else { budget };
        let end = entry.until.as_ref().map_or(unwritten, |until| until.is);
        if let Some(until) = &entry.until {
            check_end(until, above, budget, index + 1 == entries.len(), report);
        }
        above = above.max(end.min(budget));
        ends.push(end);
    }
    ends
}

fn check_end(until: &Spanned<Duration>, above: Duration, budget: Duration, last: bool, report: &mut Report<'_>) {
    if until.is > budget {
        let label = format!("the budget is {}", written(budget));
        report
            .error(until.at, "a clause cannot outlast the budget")
            .label(label)
            .hint("lower this `until`, or raise the budget");
    } else if until.is < above {
        let label = format!("the clause above already ends at {}", written(above));
        report
            .error(until.at, "clauses must end later and later")
            .label(label)
            .hint("swap the two clauses, or raise this `until`");
    } else if last && until.is < budget {
        let label = format!("the budget is {}", written(budget));
        report.error(until.at, "the last clause must end with the budget").label(label).hint("leave its `until` out");
    } else if until.is.is_zero() {
        report.error(until.at, "a clause that ends at once is never tried").hint("raise this `until`");
    }
}

/// Writes a duration as the file would.
fn written(duration: Duration) -> String {
    Budget::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).to_string()
}

/// The parser goes on to list every token that it knows.
fn brief(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" expecting {").next().unwrap_or_default();
    line.strip_prefix("Syntax error: ").unwrap_or(line)
}

impl Ladder<'_, '_> {
    fn clause(&mut self, body: &ClauseBody, begins: Duration, until: Duration, at: Span) -> Option<Clause> {
        match body {
            ClauseBody::First => Some(Clause::First(First { accepts: None })),
            ClauseBody::Prefer(ranks) => Some(Clause::Prefer(self.prefer(ranks, begins, until))),
            ClauseBody::Agree(agree) => self.agree(agree, at).map(Clause::Agree),
            ClauseBody::Best(best) => self.best(best).map(Clause::Best),
            ClauseBody::Default(answer) => Some(Clause::Default(Fallback::Constant(Bytes::from(answer.clone())))),
        }
    }

    fn prefer(&mut self, entries: &[RankEntry], begins: Duration, until: Duration) -> Prefer {
        let mut ranks: Vec<Rank> = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(executor) = self.candidate(&entry.executor) else { continue };
            if ranks.iter().any(|rank| rank.executor == executor) {
                self.report.error(entry.executor.at, format!("`{executor}` has two ranks")).hint("keep the better one");
            }
            if let Some(patience) = &entry.until {
                self.check_patience(patience, begins, until);
            }
            ranks.push(Rank { executor, until: entry.until.as_ref().map(|until| Patience::At(until.is)) });
        }
        Prefer { ranks }
    }

    /// Patience that ends before its clause begins would let an early rejection above it change the answer.
    fn check_patience(&mut self, patience: &Spanned<Duration>, begins: Duration, until: Duration) {
        if patience.is <= begins {
            let label = format!("the clause above lasts until {}", written(begins));
            self.report
                .error(patience.at, "this patience is over before its clause begins")
                .label(label)
                .hint("raise it, or leave the executor out");
        } else if patience.is > until {
            let label = format!("the clause ends at {}", written(until));
            self.report
                .error(patience.at, "this patience outlasts its clause")
                .label(label)
                .hint("lower it, or leave it out");
        }
    }

    fn agree(&mut self, entry: &AgreeEntry, at: Span) -> Option<Agree> {
        let votes = entry.votes.as_ref().map(|votes| self.votes(votes));
        let on = match &entry.on {
            Some(paths) => {
                let paths: Vec<Path> = paths.iter().filter_map(|text| path(text, self.report)).collect();
                paths.iter().map(|path| self.fields.add(path)).collect()
            }
            None => self.fields.value().cloned().into_iter().collect::<Vec<_>>(),
        };
        if on.is_empty() && entry.on.is_none() {
            self.report
                .error(at, "`agree` does not know what to compare")
                .hint("add `on: [class]`, or say `answer: { value: class }` at the top");
        }
        let compared = |field| Compared { field, equality: Equality::CanonicalJson };
        let on = on.into_iter().map(compared).collect();
        let (weights, must_include, on_tie) = (Weights::default(), Vec::new(), Vec::new());
        Some(Agree { votes: votes?, on, weights, must_include, from_families: 1, on_tie })
    }

    fn votes(&mut self, votes: &Spanned<VotesEntry>) -> Votes {
        let candidates = self.candidates().count();
        match votes.is {
            VotesEntry::Majority => Votes::Majority,
            VotesEntry::Count(count) => {
                if count.get() > candidates && candidates > 0 {
                    let label = format!("there are {candidates} candidates");
                    self.report
                        .error(votes.at, format!("{count} votes can never be reached"))
                        .label(label)
                        .hint("ask for fewer votes, or add executors; canaries do not vote");
                }
                Votes::Count(Weight(Weight::ONE.0 * u64::try_from(count.get()).unwrap_or(u64::MAX)))
            }
        }
    }

    fn best(&mut self, entry: &BestEntry) -> Option<Best> {
        let score = self.score(entry.score.as_ref()?)?;
        Some(Best { score, at_least: entry.at_least.as_ref().map(|mark| mark.is), on_tie: Vec::new() })
    }

    /// A plain path is read as a field, which is fast; everything else is an expression.
    fn score(&mut self, text: &Spanned<String>) -> Option<Score> {
        if let Some(written) = Path::parse(&text.is).filter(|path| !path.is("answer")) {
            let path = written.below("answer").unwrap_or(written);
            let named = if path.is("value") {
                self.fields.value()
            } else if path.is("confidence") {
                self.fields.confidence()
            } else {
                None
            };
            return Some(Score::Field(named.cloned().unwrap_or_else(|| self.fields.add(&path))));
        }
        match Expression::compile(&text.is, self.fields) {
            Ok(expression) => Some(Score::Expression(Arc::new(expression))),
            Err(error) => {
                self.score_error(text, &error);
                None
            }
        }
    }

    fn score_error(&mut self, text: &Spanned<String>, error: &ScoreError) {
        match error {
            ScoreError::Syntax { line: 1, column, message } => {
                // Quotes count in the file, and the expression is on one line of it.
                let at = Span { column: text.at.column + column, width: 1, ..text.at };
                self.report.error(at, "this expression cannot be read").label(brief(message));
            }
            ScoreError::Syntax { message, .. } => {
                self.report.error(text.at, "this expression cannot be read").label(brief(message));
            }
            ScoreError::UnknownVariable(name) => {
                let problem = self.report.error(text.at, format!("`{name}` means nothing in a score"));
                let misspelt = strsim::damerau_levenshtein(name, "answer") <= 2;
                let meant = if misspelt { "answer".to_owned() } else { format!("answer.{name}") };
                problem.hint(format!("an expression sees `answer` only; did you mean `{meant}`?"));
            }
            ScoreError::UnknownFunction(name) => {
                self.report.error(text.at, format!("there is no function `{name}` for scores"));
            }
            ScoreError::TooLarge => {
                self.report
                    .error(text.at, "this expression is too long or too deeply nested")
                    .hint("let the executor compute its score");
            }
        }
    }

    /// Finds the candidate that a clause names.
    fn candidate(&mut self, name: &Spanned<String>) -> Option<ExecutorId> {
        match self.executors.iter().find(|executor| executor.id.as_str() == name.is) {
            Some(executor) if executor.role == Role::Candidate => return Some(executor.id.clone()),
            Some(_) => {
                let problem = self.report.error(name.at, format!("`{}` is a canary and cannot be chosen", name.is));
                problem.hint("take it out of the clause, or its `canary` away");
            }
            None => {
                let known: Vec<String> = self.candidates().map(|executor| executor.id.to_string()).collect();
                let problem = self.report.error(name.at, format!("there is no executor `{}`", name.is));
                problem.did_you_mean(&name.is, known.iter().map(String::as_str));
            }
        }
        None
    }

    fn candidates(&self) -> impl Iterator<Item = &ExecutorSpec> {
        self.executors.iter().filter(|executor| executor.role == Role::Candidate)
    }
}

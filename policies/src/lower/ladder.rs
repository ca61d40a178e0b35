//! The ladder: clauses that name known candidates, end later and later, can be satisfied, and leave nobody undecided.

use std::time::Duration;

use bytes::Bytes;
use wire::{Budget, ExecutorId, Role};

use super::{fields, path};
use crate::{
    ExecutorSpec,
    clause::{Best, Clause, Combine, Fallback, First, Patience, Prefer, Rank},
    diagnostic::{Report, Span, Spanned},
    document::{
        BestEntry, ClauseBody, ClauseEntry, CombineEntry, DefaultEntry, Document, ExtraWaitEntry, PatienceEntry,
        RankEntry,
    },
    evidence::Fields,
    policy::{ExtraWait, Rung},
};

/// What the clauses of one ladder are checked against.
pub(super) struct Ladder<'lower> {
    pub(super) budget: Option<Duration>,
    /// Everybody, in the file's order.
    pub(super) executors: &'lower [ExecutorSpec],
    /// Those that are asked, if not everybody is.
    pub(super) ask: Option<&'lower [ExecutorId]>,
    pub(super) fields: Fields,
    has_key: bool,
}

/// When a clause begins and ends, since the request's birth.
#[derive(Clone, Copy)]
struct Tried {
    begins: Duration,
    until: Duration,
}

/// What was answered earlier is kept no longer, because the topic of results is not.
const LAST_KNOWN_MAX: Duration = Duration::from_hours(24);
/// Nobody waits a thousand times as long as the first answer took.
const TIMES_MAX: f64 = 1_000.0;

impl<'lower> Ladder<'lower> {
    pub(super) fn new(
        document: &Document,
        budget: Option<Budget>,
        executors: &'lower [ExecutorSpec],
        ask: Option<&'lower [ExecutorId]>,
    ) -> Self {
        let budget = budget.map(Budget::as_duration);
        Self { budget, executors, ask, fields: fields(&document.answer), has_key: document.key.is_some() }
    }

    /// Returns what the ladder's clauses look at.
    pub(super) fn into_fields(self) -> Fields {
        self.fields
    }

    /// Checks the clauses and their times; the times only if there is a budget to hold them against.
    pub(super) fn lower(&mut self, entries: &[ClauseEntry], report: &mut Report<'_>) -> Vec<Rung> {
        check_order(entries, report);
        let ends = self.budget.map_or_else(Vec::new, |budget| ends(entries, budget, report));
        let mut rungs = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let until = ends.get(index).copied().unwrap_or(Duration::MAX);
            let begins = index.checked_sub(1).and_then(|above| ends.get(above)).copied().unwrap_or_default();
            let tried = Tried { begins, until };
            let clause = entry.body.as_ref().and_then(|body| self.clause(body, tried, entry.at, report));
            let extra_wait = entry.extra_wait.as_ref().and_then(|wait| self.extra_wait(wait, entry, report));
            rungs.extend(clause.map(|clause| Rung { clause, until, extra_wait }));
        }
        rungs
    }

    fn clause(&mut self, body: &ClauseBody, tried: Tried, at: Span, report: &mut Report<'_>) -> Option<Clause> {
        match body {
            ClauseBody::First(None) => Some(Clause::First(First { accepts: None })),
            ClauseBody::First(Some(accepts)) => {
                let accepts = self.accepts(accepts, report)?;
                Some(Clause::First(First { accepts: Some(accepts) }))
            }
            ClauseBody::Prefer(ranks) => Some(Clause::Prefer(self.prefer(ranks, tried, report))),
            ClauseBody::Agree(agree) => self.agree(agree, at, report).map(Clause::Agree),
            ClauseBody::Best(best) => self.best(best, report).map(Clause::Best),
            ClauseBody::Combine(combine) => self.combine(combine, report).map(Clause::Combine),
            ClauseBody::Default(default) => self.default(default, report).map(Clause::Default),
        }
    }

    fn prefer(&self, entries: &[RankEntry], tried: Tried, report: &mut Report<'_>) -> Prefer {
        let mut ranks: Vec<Rank> = Vec::new();
        for entry in entries {
            let Some(executor) = self.candidate(&entry.executor, report) else { continue };
            if ranks.iter().any(|rank| rank.executor == executor) {
                report.error(entry.executor.at, format!("`{executor}` has two ranks")).hint("keep the better one");
                continue;
            }
            let until = entry.until.as_ref().map(|until| self.patience(until, tried, report));
            ranks.push(Rank { executor, until });
        }
        Prefer { ranks }
    }

    fn patience(&self, entry: &Spanned<PatienceEntry>, tried: Tried, report: &mut Report<'_>) -> Patience {
        match &entry.is {
            PatienceEntry::At(until) => {
                self.check_patience(&Spanned { is: *until, at: entry.at }, tried, report);
                Patience::At(*until)
            }
            PatienceEntry::Usual { quantile, min, max } => {
                if let Some(max) = max {
                    self.check_patience(max, tried, report);
                }
                // Before the clause begins there is no patience to lose.
                let max = max.as_ref().map_or(tried.until, |max| max.is);
                let min = min.as_ref().map_or(tried.begins, |min| min.is.max(tried.begins)).min(max);
                Patience::Usual { quantile: *quantile, min, max }
            }
        }
    }

    /// Patience that ends before its clause begins would let an early rejection above it change the answer.
    fn check_patience(&self, patience: &Spanned<Duration>, tried: Tried, report: &mut Report<'_>) {
        if let Some(budget) = self.budget.filter(|budget| patience.is > *budget) {
            let label = format!("the budget is {}", written(budget));
            let problem = report.error(patience.at, "this patience outlasts the budget").label(label);
            problem.hint("lower it, or raise the budget");
        } else if patience.is <= tried.begins {
            let label = format!("the clause above lasts until {}", written(tried.begins));
            let problem = report.error(patience.at, "this patience is over before its clause begins").label(label);
            problem.hint("raise it, or leave the executor out");
        } else if patience.is > tried.until {
            let label = format!("the clause ends at {}", written(tried.until));
            let problem = report.error(patience.at, "this patience outlasts its clause").label(label);
            problem.hint("lower it, or leave it out");
        }
    }

    fn best(&mut self, entry: &BestEntry, report: &mut Report<'_>) -> Option<Best> {
        let on_tie = self.on_tie(&entry.on_tie, report);
        let score = self.score(entry.score.as_ref()?, report)?;
        Some(Best { score, at_least: entry.at_least.as_ref().map(|mark| mark.is), on_tie })
    }

    fn combine(&mut self, entry: &CombineEntry, report: &mut Report<'_>) -> Option<Combine> {
        let candidates = self.candidates().count();
        if let Some(min) = entry.min_answers.as_ref().filter(|min| min.is.get() > candidates && candidates > 0) {
            let problem = report.error(min.at, format!("{} answers will never be there", min.is));
            problem
                .label(self.how_many_candidates())
                .hint("lower `min_answers`, or add executors; canaries do not count");
        }
        let weights = self.weights(&entry.weights, report);
        let mut of = Vec::with_capacity(entry.of.len());
        for (index, text) in entry.of.iter().enumerate() {
            if entry.of[..index].iter().any(|earlier| earlier.is == text.is) {
                report.error(text.at, format!("`{}` is combined twice", text.is)).hint("name it once");
            }
            of.extend(path(text, report).map(|path| self.fields.add(&path)));
        }
        let min_answers = entry.min_answers.as_ref().map_or(std::num::NonZeroUsize::MIN, |min| min.is);
        (!of.is_empty()).then_some(Combine { how: entry.how, of, weights, min_answers })
    }

    fn default(&self, entry: &DefaultEntry, report: &mut Report<'_>) -> Option<Fallback> {
        match entry {
            DefaultEntry::Constant(answer) => Some(Fallback::Constant(Bytes::from(answer.clone()))),
            DefaultEntry::Error(text) => {
                Some(Fallback::Error(Bytes::from(serde_json::json!({ "error": text }).to_string())))
            }
            DefaultEntry::LastKnown { at, max_age, otherwise } => {
                if !self.has_key {
                    let problem = report.error(*at, "`last_known` needs to know about whom a request is");
                    problem.hint("say at the top where a request names it: `key: attributes.customer`");
                }
                let max_age = max_age.as_ref()?;
                if max_age.is > LAST_KNOWN_MAX {
                    let problem = report.error(max_age.at, "what was answered is known for 24h at most");
                    problem.hint("lower `max_age`");
                } else if max_age.is.is_zero() {
                    let problem = report.error(max_age.at, "an answer is never so young");
                    problem.hint("write how old it may be: `max_age: 1h`");
                }
                Some(Fallback::LastKnown { max_age: max_age.is, otherwise: Bytes::from(otherwise.clone()?) })
            }
        }
    }

    fn extra_wait(
        &self,
        wait: &Spanned<ExtraWaitEntry>,
        clause: &ClauseEntry,
        report: &mut Report<'_>,
    ) -> Option<ExtraWait> {
        match &clause.body {
            Some(ClauseBody::Default(_)) => {
                let problem = report.error(wait.at, "a default waits for nobody");
                problem.hint("move `extra_wait` to the clause that should wait longer");
            }
            Some(ClauseBody::First(None)) => {
                let problem = report.warn(wait.at, "`first: any` decides with the first answer and never waits on");
                problem.hint("take `extra_wait` out, or use `best` or `prefer`");
            }
            _ => {}
        }
        let ExtraWaitEntry { times, min, max } = &wait.is;
        if let Some(times) = times.as_ref().filter(|times| times.is < 0.0 || times.is > TIMES_MAX) {
            let problem = report.error(times.at, "`times` is a share of the time that the first answer took");
            problem.hint(format!("write a number from 0 to {TIMES_MAX}: `times: 0.5` waits half as long again"));
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
        let thousandths = times.as_ref().map_or(0, |times| (times.is * 1_000.0).round() as u32);
        let longest = self.budget.unwrap_or(Duration::MAX);
        let (min, max) =
            (min.as_ref().map_or(Duration::ZERO, |min| min.is), max.as_ref().map_or(longest, |max| max.is));
        Some(ExtraWait { thousandths, min, max })
    }

    /// Finds the candidate that a clause names.
    pub(super) fn candidate(&self, name: &Spanned<String>, report: &mut Report<'_>) -> Option<ExecutorId> {
        match self.executors.iter().find(|executor| executor.id.as_str() == name.is) {
            Some(executor) if executor.role == Role::Canary => {
                let problem = report.error(name.at, format!("`{}` is a canary and cannot be chosen", name.is));
                problem.hint("take it out of the clause, or its `canary` away");
            }
            Some(executor) if !self.is_asked(executor) => {
                let problem = report.error(name.at, format!("`{}` is not asked in this case", name.is));
                problem.hint("add it to the case's `ask`, or take it out of the clause");
            }
            Some(executor) => return Some(executor.id.clone()),
            None => {
                let known: Vec<&str> = self.candidates().map(|executor| executor.id.as_str()).collect();
                let problem = report.error(name.at, format!("there is no executor `{}`", name.is));
                problem.did_you_mean(&name.is, known);
            }
        }
        None
    }

    /// Returns whose answers may be chosen.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &'lower ExecutorSpec> {
        let executors: &'lower [ExecutorSpec] = self.executors;
        executors.iter().filter(|executor| executor.role == Role::Candidate && self.is_asked(executor))
    }

    pub(super) fn how_many_candidates(&self) -> String {
        match (self.candidates().count(), self.ask.is_some()) {
            (1, true) => "1 candidate is asked".to_owned(),
            (candidates, true) => format!("{candidates} candidates are asked"),
            (1, false) => "there is 1 candidate".to_owned(),
            (candidates, false) => format!("there are {candidates} candidates"),
        }
    }

    fn is_asked(&self, executor: &ExecutorSpec) -> bool {
        self.ask.is_none_or(|ask| ask.contains(&executor.id))
    }
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
    let Some(last) = entries.last().filter(|_| !entries.iter().any(is_default)) else { return };
    match &last.body {
        None | Some(ClauseBody::First(None) | ClauseBody::Default(_)) => {}
        Some(ClauseBody::First(Some(_))) => {
            let problem = report.error(last.at, "the last clause turns answers down, and nothing decides then");
            problem.hint("add `- first: any` or `- default: { … }` behind it");
        }
        Some(_) => {
            let problem = report.error(last.at, "the last clause can fail, and nothing decides then");
            problem.hint("end with `- default: { … }` or `- first: any`");
        }
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
pub(super) fn written(duration: Duration) -> String {
    Budget::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).to_string()
}

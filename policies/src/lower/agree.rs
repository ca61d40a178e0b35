//! `agree`, weights and ties: thresholds that can be reached, groups that can be formed, ties that end in an order.

use std::collections::HashSet;

use super::{ladder::Ladder, path};
use crate::{
    clause::{Agree, Compared, Equality, TieBreak, Votes, Weight, Weights},
    diagnostic::{Report, Span, Spanned},
    document::{AgreeEntry, ComparedEntry, EqualityEntry, TieEntry, VotesEntry, WeightEntry},
};

/// Heaviest vote; heavier ones would not add up exactly.
const WEIGHT_MAX: f64 = 1_000.0;

impl Ladder<'_> {
    pub(super) fn agree(&mut self, entry: &AgreeEntry, at: Span, report: &mut Report<'_>) -> Option<Agree> {
        let weights = self.weights(&entry.weights, report);
        let votes = entry.votes.as_ref().and_then(|votes| self.votes(votes, entry, &weights, report));
        let on = self.on(entry.on.as_deref(), at, report);
        let must_include = entry.must_include.iter().filter_map(|name| self.must_include(name, report)).collect();
        let from_families = entry.from_families.as_ref().map_or(1, |count| self.families(count, report));
        let on_tie = self.on_tie(&entry.on_tie, report);
        if let (Some(tie), Some(VotesEntry::Majority)) =
            (entry.on_tie.first(), entry.votes.as_ref().map(|votes| votes.is))
        {
            let problem = report.warn(tie.at, "two majorities cannot tie, so `on_tie` never counts");
            problem.hint("take it out, or ask for a number of votes");
        }
        Some(Agree { votes: votes?, on, weights, must_include, from_families, on_tie })
    }

    fn on(&mut self, entries: Option<&[ComparedEntry]>, at: Span, report: &mut Report<'_>) -> Vec<Compared> {
        let Some(entries) = entries else {
            let value = self.fields.value().cloned();
            if value.is_none() {
                let problem = report.error(at, "`agree` does not know what to compare");
                problem.hint("add `on: [class]`, or say `answer: { value: class }` at the top");
            }
            return value.into_iter().map(|field| Compared { field, equality: Equality::CanonicalJson }).collect();
        };
        let mut seen = HashSet::new();
        let mut compared = Vec::with_capacity(entries.len());
        for entry in entries {
            if !seen.insert(&entry.field.is) {
                report
                    .error(entry.field.at, format!("`{}` is compared twice", entry.field.is))
                    .hint("keep the stricter one");
            }
            let Some(path) = path(&entry.field, report) else { continue };
            compared.push(Compared { field: self.fields.add(&path), equality: entry.equality.meant() });
        }
        compared
    }

    fn votes(
        &self,
        votes: &Spanned<VotesEntry>,
        entry: &AgreeEntry,
        weights: &Weights,
        report: &mut Report<'_>,
    ) -> Option<Votes> {
        if votes.is != VotesEntry::Plurality {
            for (option, name) in [(&entry.min_votes, "min_votes"), (&entry.margin, "margin")] {
                if let Some(option) = option {
                    let problem = report.error(option.at, format!("`{name}` is for `votes: plurality` only"));
                    problem.hint("take it out, or let the largest group win: `votes: plurality`");
                }
            }
        }
        match votes.is {
            VotesEntry::Majority => Some(Votes::Majority),
            VotesEntry::Count(count) => {
                let needed = weight(count, votes.at, report)?;
                self.check_reachable(needed, count, votes.at, weights, report);
                Some(Votes::Count(needed))
            }
            VotesEntry::Plurality => {
                let option = |option: &Option<Spanned<f64>>, otherwise, report: &mut Report<'_>| match option {
                    Some(option) => weight(option.is, option.at, report),
                    None => Some(otherwise),
                };
                let min_votes = option(&entry.min_votes, Weight(1), report)?;
                let margin = option(&entry.margin, Weight(0), report)?;
                if let Some(written) = &entry.min_votes {
                    self.check_reachable(min_votes, written.is, written.at, weights, report);
                }
                if let Some(written) = entry.margin.as_ref().filter(|_| margin > self.all(weights)) {
                    let problem = report.error(written.at, format!("no group is ever ahead by {}", written.is));
                    problem.label(self.votes_there_are(weights)).hint("lower the margin");
                }
                Some(Votes::Plurality { min_votes, margin })
            }
        }
    }

    fn check_reachable(&self, needed: Weight, written: f64, at: Span, weights: &Weights, report: &mut Report<'_>) {
        let all = self.all(weights);
        if needed > all && all > Weight(0) {
            let problem = report.error(at, format!("{written} votes can never be reached"));
            problem.label(self.votes_there_are(weights));
            problem.hint("ask for fewer votes, or add executors; canaries do not vote");
        }
    }

    /// Returns what all candidates weigh together.
    fn all(&self, weights: &Weights) -> Weight {
        let of = |name: &wire::ExecutorId| {
            weights.0.iter().find(|(other, _)| other == name).map_or(Weight::ONE, |(_, is)| *is)
        };
        Weight(self.candidates().map(|executor| of(&executor.id).0).sum())
    }

    fn votes_there_are(&self, weights: &Weights) -> String {
        if weights.0.is_empty() {
            return self.how_many_candidates();
        }
        let all = self.all(weights).0;
        format!("all candidates together weigh {}.{:03}", all / 1_000, all % 1_000)
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    }

    pub(super) fn weights(&self, entries: &[WeightEntry], report: &mut Report<'_>) -> Weights {
        let mut weights = Vec::with_capacity(entries.len());
        for WeightEntry { executor, weight: written } in entries {
            if self.is_canary(executor) {
                let problem =
                    report.error(executor.at, format!("`{}` is a canary, whose vote weighs nothing", executor.is));
                problem.hint("take its weight out");
                continue;
            }
            let Some(executor) = self.candidate(executor, report) else { continue };
            if written.is <= 0.0 {
                let problem = report.error(written.at, format!("`{executor}` must weigh more than nothing"));
                problem.hint("whoever shall not vote is left out of `executors`, or of a case's `ask`");
                continue;
            }
            weights.extend(weight(written.is, written.at, report).map(|weight| (executor, weight)));
        }
        Weights(weights)
    }

    fn must_include(&self, name: &Spanned<String>, report: &mut Report<'_>) -> Option<wire::ExecutorId> {
        if self.is_canary(name) {
            let problem = report.error(name.at, format!("`{}` is a canary, and is in no group that decides", name.is));
            problem.hint("take it out of `must_include`");
            return None;
        }
        self.candidate(name, report)
    }

    fn families(&self, count: &Spanned<std::num::NonZeroUsize>, report: &mut Report<'_>) -> usize {
        let without = self.candidates().filter(|executor| executor.family.is_none()).count();
        let named: HashSet<_> = self.candidates().filter_map(|executor| executor.family.as_ref()).collect();
        let families = without + named.len();
        if count.is.get() > families && families > 0 {
            let problem = report.error(count.at, format!("no group has members of {} families", count.is));
            let there = if families == 1 { "there is 1".to_owned() } else { format!("there are {families}") };
            problem.label(format!("{there}, where an executor without `family` is one of its own"));
            problem.hint("lower `from_families`, or add an executor of another family");
        }
        count.is.get()
    }

    /// Checks what breaks ties; the list ends in a total order, which is added where it was left out.
    pub(super) fn on_tie(&mut self, entries: &[Spanned<TieEntry>], report: &mut Report<'_>) -> Vec<TieBreak> {
        let is_total = |entry: &Spanned<TieEntry>| matches!(entry.is, TieEntry::NextClause | TieEntry::PlanOrder);
        if let Some(total) = entries.iter().position(is_total)
            && let Some(behind) = entries.get(total + 1)
        {
            let word = if matches!(entries[total].is, TieEntry::NextClause) { "next_clause" } else { "plan_order" };
            let problem = report.error(behind.at, "no tie is left for this");
            problem.label(format!("`{word}` before it breaks every tie")).hint(format!("make `{word}` the last"));
        }
        let mut ties: Vec<TieBreak> = entries.iter().filter_map(|entry| self.tie(&entry.is, report)).collect();
        if !ties.is_empty() && !matches!(ties.last(), Some(TieBreak::NextClause | TieBreak::PlanOrder)) {
            ties.push(TieBreak::PlanOrder);
        }
        ties
    }

    fn tie(&mut self, entry: &TieEntry, report: &mut Report<'_>) -> Option<TieBreak> {
        match entry {
            TieEntry::Prefer(names) => {
                let mut seen = HashSet::new();
                for name in names.iter().filter(|name| !seen.insert(&name.is)) {
                    let problem = report.error(name.at, format!("`{}` is preferred twice", name.is));
                    problem.hint("name it once");
                }
                Some(TieBreak::Prefer(names.iter().filter_map(|name| self.candidate(name, report)).collect()))
            }
            TieEntry::Best(score) => self.score(score, report).map(TieBreak::Best),
            TieEntry::NextClause => Some(TieBreak::NextClause),
            TieEntry::PlanOrder => Some(TieBreak::PlanOrder),
        }
    }

    fn is_canary(&self, name: &Spanned<String>) -> bool {
        let named = self.executors.iter().find(|executor| executor.id.as_str() == name.is);
        named.is_some_and(|executor| executor.role == wire::Role::Canary)
    }
}

/// Weights are counted in thousandths, so that sums are exact.
fn weight(written: f64, at: Span, report: &mut Report<'_>) -> Option<Weight> {
    let thousandths = written * 1_000.0;
    let is_whole = (thousandths - thousandths.round()).abs() < 1e-6;
    if !(0.0..=WEIGHT_MAX).contains(&written) || !is_whole {
        let problem = report.error(at, format!("{written} is not a number of votes"));
        problem.hint("write up to 1000, with at most three decimals: `0.5`");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
    Some(Weight(thousandths.round() as u64))
}

// === impl EqualityEntry ===

impl EqualityEntry {
    fn meant(&self) -> Equality {
        let distance = |distance: &Option<Spanned<f64>>| distance.as_ref().map_or(0.0, |distance| distance.is);
        match self {
            Self::Exact => Equality::Exact,
            Self::CanonicalJson => Equality::CanonicalJson,
            Self::Class => Equality::Class,
            Self::Within { abs, rel } => Equality::Within { abs: distance(abs), rel: distance(rel) },
            Self::Bucket(width) => Equality::Bucket { width: width.is },
        }
    }
}

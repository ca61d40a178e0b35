//! Which of several that are equally good.
//!
//! Law: every list of rules is a total order, or hands the tie on. What it says does not depend on who came first.

use std::cmp::Ordering;

use wire::ExecutorId;

use super::Score;
use crate::evidence::{Evidence, Seats};

/// What to do about a tie.
#[derive(Clone, Debug)]
pub(crate) enum TieBreak {
    /// The group (or answer) of the first of these that has one.
    Prefer(Vec<ExecutorId>),
    /// The one with the highest score in it.
    Best(Score),
    /// None: the next clause decides.
    NextClause,
    /// The one with the plan's first member.
    PlanOrder,
}

/// What the rules make of two contenders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preference {
    Left,
    Right,
    /// Neither: the next clause decides.
    Neither,
    /// Those who are still to speak decide.
    Open,
}

/// Returns which of two contenders the `rules` prefer; without a last word, the one with the plan's first member.
/// If somebody in them may still speak, a score is not known yet.
pub(super) fn preference(rules: &[TieBreak], left: Seats, right: Seats, evidence: &Evidence) -> Preference {
    let heard = evidence.usable().contains_all(left.union(right));
    for rule in rules {
        let order = match rule {
            TieBreak::NextClause => return Preference::Neither,
            TieBreak::PlanOrder => break,
            TieBreak::Prefer(names) => place(names, left, evidence).cmp(&place(names, right, evidence)),
            TieBreak::Best(_) if !heard => return Preference::Open,
            TieBreak::Best(score) => highest(score, right, evidence).total_cmp(&highest(score, left, evidence)),
        };
        match order {
            Ordering::Less => return Preference::Left,
            Ordering::Greater => return Preference::Right,
            Ordering::Equal => {}
        }
    }
    if left.first() <= right.first() { Preference::Left } else { Preference::Right }
}

fn place(names: &[ExecutorId], seats: Seats, evidence: &Evidence) -> usize {
    let is_in = |name| evidence.roster.candidate(name).is_some_and(|seat| seats.contains(seat));
    names.iter().position(is_in).unwrap_or(names.len())
}

fn highest(score: &Score, seats: Seats, evidence: &Evidence) -> f64 {
    let scores = seats.into_iter().filter_map(|seat| score.of(seat, evidence));
    scores.max_by(f64::total_cmp).unwrap_or(f64::NEG_INFINITY)
}

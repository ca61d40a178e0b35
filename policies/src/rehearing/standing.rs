//! Decides again as if a canary had been a candidate: the question that a comparison is for.
//!
//! Law: nothing but the canary's standing is another than it was; the ladder, the budget and what was heard when are those
//! of the record. What others would have answered had they been asked otherwise it deliberately does not know.

use std::sync::Arc;

use wire::{Asked, ExecutorId, Plan, Role};

use super::{Rehearing, Unreplayable};
use crate::{Definition, Policy, Verdict, evidence::Cast};

/// What a canary is taken to have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A candidate at its place in the policy's order. A `prefer` does not rank it, just as if `canary` were taken out
    /// of the file and nothing else changed.
    Candidate,
    /// A candidate and the first: in the policy's order and in the rank of every `prefer`, with the patience of the
    /// one that was first.
    First,
}

// === impl Rehearing ===

impl Rehearing<'_> {
    /// Decides again, by the version that decided, as if `canary` had stood so.
    pub fn with_standing(
        &self,
        definition: &Definition,
        canary: &ExecutorId,
        standing: Standing,
    ) -> Result<Verdict, Unreplayable> {
        let policy = self.policy(definition)?;
        let (plan, times) = (&self.request.plan, (self.request.budget, self.lead(policy)));
        let plan = standing.plan(plan, canary);
        let policy = match standing {
            Standing::Candidate => self.pinned(policy),
            Standing::First => Arc::new(promoted(&self.pinned(policy), definition, canary)),
        };
        Ok(self.play(&policy, &plan, times, &self.circumstances, self.arrivals.iter()))
    }
}

// === impl Standing ===

impl Standing {
    fn plan(self, plan: &Plan, canary: &ExecutorId) -> Plan {
        let is_canary = |asked: &Asked| asked.executor == *canary;
        let candidate = |asked: &Asked| {
            let role = if is_canary(asked) { Role::Candidate } else { asked.role };
            Asked { role, ..asked.clone() }
        };
        let mut asked: Vec<Asked> = plan.asked().iter().map(candidate).collect();
        if self == Self::First {
            asked.sort_by_key(|asked| !is_canary(asked));
        }
        Plan::new(asked)
    }
}

fn promoted(policy: &Policy, definition: &Definition, canary: &ExecutorId) -> Policy {
    let mut promoted = policy.clone();
    for rung in &mut promoted.ladder {
        rung.clause.put_first(canary);
    }
    let mut executors = definition.executors.clone();
    executors.sort_by_key(|spec| spec.id != *canary);
    promoted.cast = Arc::new(Cast::of(&executors));
    promoted
}

#[cfg(test)]
mod tests;

//! A version on trial beside the live one, in one partition: in the shadow it decides about the same requests on the
//! same evidence; serving a share, both decide about their own. Both are counted.
//!
//! Pure. Laws: whatever is tried, nothing that is answered, held or waited for changes; a shadow hears until its own
//! deadline, also what comes after the verdict that was given. It can only hear who was asked: executors that the
//! version on trial would ask beside them are left out of its plan.
//! What a predecessor had counted is gone on with, and what he decides is not counted again; of what he had counted last
//! and not published yet, some is lost.

use std::{collections::HashMap, sync::Arc, time::Duration};

use policies::{
    Circumstances, Definition, Evaluation, Opinion, Policy, Step, Trial, TrialMode, TrialTally, Verdict, Versions,
};
use wire::{Budget, Plan, Request, RequestId, Response, Tally, Timestamp};

use super::{Pin, pin::policy_for};
use crate::surroundings::Surroundings;

/// At most so many requests are decided in the shadow at a time, per partition; others are left out and counted.
const PAIRS_MAX: usize = 4_096;
/// So often what was counted is published at most.
const PUBLISH_EVERY: Duration = Duration::from_secs(2);

/// One partition's part in a trial, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Contest {
    trial: Option<Trialled>,
    pairs: HashMap<RequestId, Pair>,
    /// Whether a predecessor still counts what he decides.
    withholds: bool,
}

/// What is tried, and what was counted.
#[derive(Debug)]
struct Trialled {
    live: Arc<Definition>,
    trial: Arc<Definition>,
    mode: TrialMode,
    /// By the predecessors and by us.
    sum: TrialTally,
    /// By us, and not yet taken.
    fresh: TrialTally,
    /// Whether anything in the sum is ours.
    ours: bool,
    /// Whether that has changed since it was published.
    news: bool,
    next_publication: Timestamp,
}

/// A request that is decided twice.
#[derive(Debug)]
struct Pair {
    /// `None` once it has decided.
    shadow: Option<Evaluation>,
    policy: Arc<Policy>,
    born: Timestamp,
    given: Option<Opinion>,
    tried: Option<Opinion>,
}

// === impl Contest ===

impl Contest {
    /// Takes note of the versions in use: a trial begins, goes on or ends in partition `index`.
    pub(crate) fn on_versions(&mut self, versions: &Versions, index: i32) {
        let Some(Trial { definition, mode, tallies }) = versions.trial() else {
            *self = Self { withholds: self.withholds, ..Self::default() };
            return;
        };
        let going_on = self.trial.take().filter(|trialled| trialled.trial.policy_ref == definition.policy_ref);
        if going_on.as_ref().is_none_or(|trialled| trialled.live.policy_ref != versions.live().policy_ref) {
            self.pairs.clear();
        }
        let (live, trial) = (Arc::clone(versions.live()), Arc::clone(definition));
        self.trial = Some(match going_on.filter(|trialled| trialled.ours) {
            Some(trialled) => Trialled { live, trial, mode: *mode, ..trialled },
            None => Trialled::after(tallies.get(&index).cloned().unwrap_or_default(), live, trial, *mode),
        });
    }

    /// Counts nothing for now, or from now on: a predecessor does, as long as verdicts are his.
    pub(super) fn withhold(&mut self, withholds: bool) {
        self.withholds = withholds;
    }

    /// Drops a request that somebody else decided, and counted.
    pub(super) fn forget(&mut self, request: &RequestId) {
        self.pairs.remove(request);
    }

    /// Opens a request in the shadow, too, if it is decided by the live version.
    pub(crate) fn on_open(
        &mut self,
        request: &Request,
        born: Timestamp,
        pin: &Pin,
        (surroundings, circumstances): (&Surroundings, &Circumstances),
    ) {
        let Some(trialled) = &mut self.trial else { return };
        if trialled.mode != TrialMode::Shadow || pin.definition.policy_ref != trialled.live.policy_ref {
            return;
        }
        if self.pairs.len() >= PAIRS_MAX {
            if !self.withholds {
                trialled.count(|tally| tally.paired.skipped += 1);
            }
            return;
        }
        let policy = Arc::clone(policy_for(&trialled.trial, pin.case.as_deref()));
        let budget = budget(request.budget, pin.policy(), &policy);
        let plan = plan(&request.plan, &trialled.trial);
        let lead = surroundings.lead(budget);
        let step = Evaluation::open(Arc::clone(&policy), &plan, born, budget, lead, circumstances);
        let mut pair = Pair { shadow: None, policy, born, given: None, tried: None };
        pair.go_on(step);
        self.pairs.insert(request.id, pair);
    }

    /// Lets the shadow hear a response that the log took in at `appended`.
    pub(crate) fn on_response(&mut self, response: &Response, appended: Timestamp) {
        // Nearly always there is no trial.
        if self.pairs.is_empty() {
            return;
        }
        if let Some(pair) = self.pairs.get_mut(&response.request) {
            if let Some(shadow) = pair.shadow.take() {
                pair.go_on(shadow.observe(response, appended).1);
            }
            self.settle(response.request);
        }
    }

    /// Takes note of a verdict that was given about a request.
    pub(crate) fn on_verdict(&mut self, request: RequestId, pin: &Pin, verdict: &Verdict, born: Timestamp) {
        let Some(trialled) = &mut self.trial else { return };
        if let Some(pair) = self.pairs.get_mut(&request) {
            pair.given = Some(Opinion::of(pin.policy(), verdict, born));
            self.settle(request);
        } else if let TrialMode::Share(_) = trialled.mode {
            trialled.on_verdict(&pin.definition, &Opinion::of(pin.policy(), verdict, born));
        }
    }

    /// Plays what is due in the shadow; nobody waits for it, so it need not be called in time.
    pub(crate) fn on_time(&mut self, now: Timestamp) {
        for pair in self.pairs.values_mut() {
            if let Some(shadow) = pair.shadow.take() {
                pair.go_on(shadow.on_time(now));
            }
        }
        let done: Vec<RequestId> = self.pairs.iter().filter(|(_, pair)| pair.is_done()).map(|(id, _)| *id).collect();
        for id in done {
            self.settle(id);
        }
    }

    /// Returns what was counted since the last call, if anything was.
    pub(crate) fn take_fresh(&mut self) -> Option<TrialTally> {
        let fresh = std::mem::take(&mut self.trial.as_mut()?.fresh);
        (fresh != TrialTally::default()).then_some(fresh)
    }

    /// Returns what was counted in all, by us and by those before us in partition `index`, if it is time to publish it.
    pub(crate) fn publication(&mut self, index: i32, now: Timestamp) -> Option<Tally> {
        let trialled = self.trial.as_mut().filter(|trialled| trialled.news && trialled.next_publication <= now)?;
        trialled.news = false;
        trialled.next_publication = now.after(PUBLISH_EVERY);
        let counted = serde_json::to_vec(&trialled.sum).expect("a tally is numbers under names");
        Some(Tally { policy: trialled.trial.policy_ref.clone(), partition: index, counted: counted.into() })
    }

    /// Whether nothing is open in the shadow.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Counts a pair and drops it, once both have decided.
    fn settle(&mut self, request: RequestId) {
        if !self.pairs.get(&request).is_some_and(Pair::is_done) {
            return;
        }
        let pair = self.pairs.remove(&request);
        if let (Some(trialled), Some(Pair { given: Some(given), tried: Some(tried), .. })) = (&mut self.trial, pair) {
            let live = Arc::clone(&trialled.live);
            trialled.count(|tally| {
                tally.paired.count(&given, &tried);
                tally.live.count(given.prediction, given.after, &live.objectives);
                tally.trial.count(tried.prediction, tried.after, &live.objectives);
            });
        }
    }
}

// === impl Trialled ===

impl Trialled {
    /// Begins where those before us had come to.
    fn after(sum: TrialTally, live: Arc<Definition>, trial: Arc<Definition>, mode: TrialMode) -> Self {
        let (fresh, next_publication) = (TrialTally::default(), Timestamp::EPOCH);
        Self { live, trial, mode, sum, fresh, ours: false, news: false, next_publication }
    }

    fn on_verdict(&mut self, by: &Definition, given: &Opinion) {
        let live = Arc::clone(&self.live);
        let count = |arm: &mut policies::ArmTally| arm.count(given.prediction, given.after, &live.objectives);
        if by.policy_ref == live.policy_ref {
            self.count(|tally| count(&mut tally.live));
        } else if by.policy_ref == self.trial.policy_ref {
            self.count(|tally| count(&mut tally.trial));
        }
    }

    fn count(&mut self, count: impl Fn(&mut TrialTally)) {
        count(&mut self.sum);
        count(&mut self.fresh);
        self.ours = true;
        self.news = true;
    }
}

// === impl Pair ===

impl Pair {
    fn go_on(&mut self, step: Step) {
        match step {
            Step::Wait(shadow) => self.shadow = Some(shadow),
            Step::Emit(verdict) => self.tried = Some(Opinion::of(&self.policy, &verdict, self.born)),
        }
    }

    fn is_done(&self) -> bool {
        self.given.is_some() && self.tried.is_some()
    }
}

/// Returns how long the shadow may take: as long as its own policy says, unless the caller asked for less than the live
/// one does.
fn budget(requested: Budget, live: &Policy, shadow: &Policy) -> Budget {
    if requested < live.budget() { requested.min(shadow.budget()) } else { shadow.budget() }
}

/// Returns whom the shadow hears, and as what: of those that were asked, the ones that it would ask.
fn plan(asked: &Plan, shadow: &Definition) -> Plan {
    let own = shadow.plan();
    if own == *asked {
        return own;
    }
    Plan::new(own.asked().iter().filter(|own| asked.find(&own.executor).is_some()).cloned().collect())
}

//! The stages of a take-over: survey, warm up, fence, catch up, run; and yielding to whoever fenced us off.
//!
//! All that takes long happens before the fence, while a predecessor may still serve: what lies in the log is read and
//! heard, and what he goes on writing is followed. Between his last result and our first lie one read and one question.

use std::time::Duration;

use uuid::Uuid;
use wire::{
    Fence, Fencing, ResultsReader, Timestamp,
    mutation::{self, Mutation},
};

use super::{Action, Books, FENCE_EVERY, Fenced, Ledger, REPEATS_MAX, Spans, Watermarks};

/// Who was fenced off waits at least so long before it fences in turn: a stalled process is told within that time
/// that the partition is no longer its own.
const YIELD: Duration = Duration::from_millis(500);
/// The wait doubles at most so many times.
const YIELD_DOUBLINGS: u32 = 4;
/// An owner for so long is no longer in a race.
const SETTLED: Duration = Duration::from_secs(30);

/// How far a take-over is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// Asking what the partitions hold.
    Surveying,
    /// Reading results, requests and responses up to `ends`, while somebody else may own the partition. `full` once
    /// too much is in hand to hear more before the fence.
    Warming { ends: Watermarks, full: bool },
    /// The fence is written and not read back.
    Fencing { fencing: Fencing, full: bool },
    /// Hearing the rest of what a predecessor can have heard; `ends` of requests and responses, once known.
    CatchingUp { fencing: Fencing, ends: Option<(i64, i64)> },
    /// Serving.
    Running { fencing: Fencing, since: Timestamp },
    /// Fenced off; waiting before the next attempt.
    Yielding { until: Timestamp },
}

/// Names for take-overs, each used once.
#[derive(Debug)]
pub(super) struct Instances {
    seed: Uuid,
    used: u32,
    /// Take-overs lost in a row.
    lost: u32,
}

// === impl Stage ===

impl Stage {
    pub(super) fn fencing(&self) -> Option<Fencing> {
        match self {
            Self::Fencing { fencing, .. } | Self::CatchingUp { fencing, .. } | Self::Running { fencing, .. } => {
                Some(*fencing)
            }
            Self::Surveying | Self::Warming { .. } | Self::Yielding { .. } => None,
        }
    }

    /// Whether the own fence was read back.
    pub(super) fn owns(&self) -> bool {
        let too_early = matches!(self, Self::Fencing { .. }) && mutation::is(Mutation::WrittenBeforeTheFence);
        too_early || matches!(self, Self::CatchingUp { .. } | Self::Running { .. })
    }

    /// Whether requests and responses are heeded.
    pub(super) fn reads(&self) -> bool {
        let warms = matches!(self, Self::Warming { full: false, .. } | Self::Fencing { full: false, .. });
        warms || self.owns()
    }

    pub(super) fn yields_until(&self) -> Option<Timestamp> {
        if let Self::Yielding { until } = self { Some(*until) } else { None }
    }

    pub(super) fn running_since(&self) -> Option<Timestamp> {
        if let Self::Running { since, .. } = self { Some(*since) } else { None }
    }

    /// Whether what is read of the results is read in order, from a place where the rule may begin.
    pub(super) fn reads_results(&self) -> bool {
        !matches!(self, Self::Surveying | Self::Yielding { .. })
    }
}

// === impl Instances ===

impl Instances {
    pub(super) fn new(seed: Uuid) -> Self {
        Self { seed, used: 0, lost: 0 }
    }

    fn next(&mut self) -> Uuid {
        if mutation::is(Mutation::InstanceIsReused) {
            return Uuid::nil();
        }
        self.used += 1;
        Uuid::new_v5(&self.seed, &self.used.to_be_bytes())
    }

    /// Returns how long to yield now: rarely the same for two owners.
    fn patience(&mut self) -> Duration {
        let base = YIELD * 2_u32.pow(self.lost.min(YIELD_DOUBLINGS));
        self.lost += 1;
        let jitter = u32::from(self.next().as_bytes()[15]);
        base + base * jitter / 256
    }
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn ask(&mut self) {
        self.survey += 1;
        self.stage = Stage::Surveying;
        self.actions.push_back(Action::Survey(self.survey));
    }

    /// Starts to read; returns whether something that was still needed is gone.
    pub(super) fn warm_up(&mut self, spans: &Spans) -> bool {
        let low = Watermarks {
            requests: spans.requests.start,
            responses: spans.responses.start,
            results: spans.results.start,
        };
        let high =
            Watermarks { requests: spans.requests.end, responses: spans.responses.end, results: spans.results.end };
        let needed = if self.known { self.safe } else { low };
        self.safe = Watermarks {
            requests: held(needed.requests, low.requests, high.requests),
            responses: held(needed.responses, low.responses, high.responses),
            results: held(needed.results, low.results, high.results),
        };
        self.known = true;
        self.next = self.safe;
        self.reader = ResultsReader::new(REPEATS_MAX);
        self.stage = Stage::Warming { ends: high, full: false };
        self.actions.push_back(Action::ReadResults(self.safe.results));
        self.actions.push_back(Action::Replay { requests: self.safe.requests, responses: self.safe.responses });
        needed != self.safe
    }

    /// The own fence was read back as accepted: from here on nobody older can write.
    pub(super) fn take_over(&mut self, fencing: Fencing) -> Fenced {
        let full = matches!(self.stage, Stage::Fencing { full: true, .. });
        self.stage = Stage::CatchingUp { fencing, ends: None };
        self.survey += 1;
        self.actions.push_back(Action::Survey(self.survey));
        if full {
            self.actions.push_back(Action::Replay { requests: self.next.requests, responses: self.next.responses });
        }
        Fenced::TakenOver
    }

    /// Somebody else's fence was accepted: drop everything, and ask again later whether the group still means us.
    pub(super) fn lose(&mut self, now: Timestamp) -> Fenced {
        if self.stage.running_since().is_some_and(|since| now.since(since) >= SETTLED) {
            self.instances.lost = 0;
        }
        self.reset();
        self.stage = Stage::Yielding { until: now.after(self.instances.patience()) };
        Fenced::Lost
    }

    /// Forgets everything but the safe watermarks.
    pub(super) fn reset(&mut self) {
        self.books = Books::default();
        self.actions.clear();
        self.actions.push_back(Action::Halt);
    }

    /// Steps on when what a stage waits for has come.
    pub(super) fn advance(&mut self, now: Timestamp) {
        match self.stage {
            Stage::Warming { ends, full } if self.is_warm(ends, full) => {
                let epoch = self.reader.accepted().map_or_else(|| first_epoch(now), Fencing::next_epoch);
                self.stage = Stage::Fencing { fencing: Fencing { epoch, instance: self.instances.next() }, full };
                self.next_fence = now;
            }
            Stage::CatchingUp { fencing, ends: Some((requests, responses)) }
                if self.next.requests >= requests && self.next.responses >= responses =>
            {
                self.stage = Stage::Running { fencing, since: now };
                self.actions.push_back(Action::FollowResults(self.next.results));
            }
            Stage::Yielding { until } if until <= now => self.ask(),
            _ => {}
        }
    }

    /// Whether the fence may be written: all that is needed first is read, or as much of it as there is room for. The
    /// results always are, because they tell the epoch, and what need not be decided any more.
    fn is_warm(&self, ends: Watermarks, full: bool) -> bool {
        let heard = self.next.requests >= ends.requests && self.next.responses >= ends.responses;
        self.next.results >= ends.results && (heard || full)
    }

    pub(super) fn repeat_fence(&mut self, now: Timestamp) {
        if let Some(fencing) = self.fencing()
            && self.next_fence <= now
        {
            self.next_fence = now.after(FENCE_EVERY);
            self.actions.push_back(Action::WriteFence(Fence(fencing)));
        }
    }
}

/// Returns the epoch where no fence is left to succeed. Readers may remember one that the log has dropped, and would
/// ignore a lower one for ever: the time is higher than any epoch that was ever counted up to.
fn first_epoch(now: Timestamp) -> u64 {
    now.as_micros().max(1).unsigned_abs()
}

/// Returns `needed` if the log holds it or is about to, else the oldest offset held: rather too much than too little.
fn held(needed: i64, low: i64, high: i64) -> i64 {
    if (low..=high).contains(&needed) { needed } else { low }
}

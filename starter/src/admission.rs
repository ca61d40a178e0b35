//! How many requests may be in flight: so many that what is let in can still be answered within its budget.
//!
//! Pure: events and the time in, a limit out. The signal is queueing in units of the budget, as the starter sees it: the
//! *strain* of a request is the time to its result over its budget. A queue makes everybody wait, so what counts is the
//! strain of the one in the middle, in two windows in a row. Laws, each tested by name:
//! - *Starts open*: a limit is a finding. Until something was strained everything up to the ceiling is let in, and a calm
//!   system goes back there by itself.
//! - *Stragglers are no strain*: some requests that end at their deadline, because a policy waits for whoever is slow, say
//!   nothing about how many there are; nor does a machine that pauses.
//! - *What can be answered is let in*: as many as are answered in time a second, over more than half of their budget.
//! - *Goodput holds*: far beyond the knee as many are answered in time as at it, and the limit is back after a spike.
//! - *What the load does not cause is not shed for*: where less load does not make requests faster, a dead executor say,
//!   the limit goes back up and stays there.
//! - *Never below the floor*, never above the ceiling.
//!
//! It deliberately does not know what a request is, nor that there are other starters: each adapts alone, and all of them
//! see the same queues.

mod window;

use std::time::Duration;

use wire::{Budget, Timestamp};

use self::window::Window;

/// The limit of requests in flight at one starter.
#[derive(Debug)]
pub struct Admission {
    kind: AdmissionKind,
    ceiling: usize,
    limit: f64,
    in_flight: usize,
    window: Window,
    calmest: Calmest,
    /// Where something was strained last: below it the limit grows fast, from there on with care.
    strained_at: f64,
    retreat: Retreat,
    /// Whether the window before this one was strained: a queue stands, a pause passes.
    was_strained: bool,
    /// When it may next be tried whether the load is the cause at all, and how long to wait after that.
    doubt_at: Timestamp,
    doubt_again: Duration,
}

/// How the limit is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdmissionKind {
    /// From how strained requests are.
    #[default]
    Adaptive,
    /// It is the ceiling.
    Fixed,
}

/// How a request that was let in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a prediction.
    Predicted,
    /// With a default or an error.
    Degraded,
    /// Without a result.
    Unanswered,
    /// It says nothing about the load: it was refused after all, or its caller went away.
    Void,
}

/// Whether less load has made requests faster.
#[derive(Clone, Copy, Debug)]
enum Retreat {
    /// Nothing was strained in the last window.
    None,
    /// The limit is falling, from where so many were in flight.
    Falling { from: f64, at_floor: u32 },
    /// The floor did not help: the limit was put back, and is left there if no fewer are answered in time by that.
    Doubted { windows: u32, good_at_floor: f64 },
}

/// The least strain of late, which is what this system is like when it is not loaded: of this minute and the one before.
#[derive(Debug)]
struct Calmest {
    now: f64,
    before: f64,
    since: Timestamp,
}

/// No fewer than this may be in flight, whatever is measured: less would starve a system that needs nothing of the kind.
pub(crate) const FLOOR: usize = 16;

/// Whoever is in the middle and took more of its budget is strained: the rest is for those who come behind it in the queue.
const STRAINED: f64 = 0.7;
/// What a falling limit aims at.
const AIM: f64 = 0.5;
/// The limit falls no lower than to this much of what could be answered in time at the pace of now: it would only idle.
const KEPT: f64 = 0.6;
/// More than this over the calmest is the load's doing.
const GRADIENT: f64 = 1.3;
/// Until something was measured this is taken for calm.
const PRESUMED: f64 = 0.5;
const CALMEST_KEPT: Duration = Duration::from_mins(1);
const FALL: std::ops::RangeInclusive<f64> = 0.5..=0.9;
/// Growth in a calm window, below where something was strained and from there on.
const GROW_FAST: f64 = 1.25;
const GROW: f64 = 1.03;
/// So many windows at the floor that did not help are enough to doubt; as many are given to the answer.
const DOUBTS: u32 = 3;
const DOUBT_AGAIN: Duration = Duration::from_secs(10);
const DOUBT_AGAIN_MAX: Duration = Duration::from_mins(2);

// === impl Admission ===

impl Admission {
    /// Returns a limit that is at most `ceiling`, and begins there.
    #[must_use]
    pub fn new(kind: AdmissionKind, ceiling: usize) -> Self {
        Self {
            kind,
            ceiling,
            limit: as_f64(ceiling),
            in_flight: 0,
            window: Window::default(),
            calmest: Calmest { now: PRESUMED, before: PRESUMED, since: Timestamp::EPOCH },
            strained_at: as_f64(ceiling),
            retreat: Retreat::None,
            was_strained: false,
            doubt_at: Timestamp::EPOCH,
            doubt_again: DOUBT_AGAIN,
        }
    }

    /// Returns the limit.
    #[must_use]
    pub fn limit(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the ceiling")]
        let limit = self.limit as usize;
        limit.max(FLOOR).min(self.ceiling)
    }

    /// Returns how many are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns whether a caller's request would be let in now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.in_flight < self.limit()
    }

    /// Returns whether one that can wait would be let in: of the limit half is theirs, so that a backlog of inputs does not
    /// shed those who are waiting.
    #[must_use]
    pub fn has_room_behind(&self) -> bool {
        self.in_flight < self.limit().div_ceil(2)
    }

    /// Lets a request in; it must be followed by `on_ended`.
    pub fn enter(&mut self) {
        self.in_flight += 1;
        self.window.on_entered(self.in_flight);
    }

    /// A request that was let in at `entered`, with `budget` from then on, has ended.
    pub fn on_ended(&mut self, entered: Timestamp, budget: Budget, ended: Ended, now: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.kind == AdmissionKind::Fixed || ended == Ended::Void {
            return;
        }
        self.window.on_ended(entered, budget, ended, now);
        if self.window.is_over(now) {
            let window = std::mem::replace(&mut self.window, Window::begun(now, self.in_flight));
            self.judge(&window, now);
        }
    }

    fn judge(&mut self, window: &Window, now: Timestamp) {
        let strain = window.strain();
        // Whoever answers so few at a time is not held up by how many there are.
        let is_loaded = window.peak() >= FLOOR.min(self.ceiling);
        let is_strained = is_loaded && strain > STRAINED && strain > GRADIENT * self.calmest.strain();
        let was_strained = std::mem::replace(&mut self.was_strained, is_strained);
        match (is_strained, was_strained) {
            (true, true) => self.fall(window, now),
            // The next one tells whether it passes.
            (true, false) => {}
            (false, _) => self.grow(),
        }
        self.calmest.note(strain, now);
        self.look_back(window, now);
    }

    fn fall(&mut self, window: &Window, now: Timestamp) {
        let (from, strain) = (self.limit.min(as_f64(window.peak())), window.strain());
        self.strained_at = from;
        let kept = (KEPT * window.answerable(now)).min(self.limit);
        self.limit = (from * (AIM / strain).clamp(*FALL.start(), *FALL.end())).max(kept).max(self.floor());
        self.retreat = match self.retreat {
            Retreat::None => Retreat::Falling { from, at_floor: 0 },
            Retreat::Falling { from: high, at_floor } if from <= self.floor() => {
                Retreat::Falling { from: high, at_floor: at_floor + 1 }
            }
            other => other,
        };
        if let Retreat::Falling { from, at_floor: DOUBTS.. } = self.retreat
            && now >= self.doubt_at
        {
            self.retreat = Retreat::Doubted { windows: 0, good_at_floor: window.good_per_second(now) };
            self.calmest.is(strain, now);
            self.limit = (from * GROW_FAST).min(as_f64(self.ceiling));
        }
    }

    fn grow(&mut self) {
        let by = if self.limit < self.strained_at * *FALL.end() { GROW_FAST } else { GROW };
        self.limit = (self.limit * by + 1.0).min(as_f64(self.ceiling));
        if let Retreat::Falling { .. } = self.retreat {
            // Less load did help.
            self.retreat = Retreat::None;
        }
    }

    /// Judges whether putting the limit back did harm.
    fn look_back(&mut self, window: &Window, now: Timestamp) {
        let Retreat::Doubted { windows, good_at_floor } = &mut self.retreat else { return };
        *windows += 1;
        if *windows <= DOUBTS {
            return;
        }
        if window.good_per_second(now) < *good_at_floor * 0.8 {
            self.calmest.is(PRESUMED, now);
            self.limit = self.floor();
            self.doubt_at = now.after(self.doubt_again);
            self.doubt_again = (self.doubt_again * 2).min(DOUBT_AGAIN_MAX);
        } else {
            self.doubt_again = DOUBT_AGAIN;
        }
        self.retreat = Retreat::None;
    }

    fn floor(&self) -> f64 {
        as_f64(FLOOR.min(self.ceiling))
    }
}

// === impl Calmest ===

impl Calmest {
    fn strain(&self) -> f64 {
        self.now.min(self.before)
    }

    fn note(&mut self, strain: f64, now: Timestamp) {
        if now.since(self.since) >= CALMEST_KEPT {
            *self = Self { before: self.now, now: strain, since: now };
        }
        self.now = self.now.min(strain);
    }

    fn is(&mut self, strain: f64, now: Timestamp) {
        *self = Self { now: strain, before: strain, since: now };
    }
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests;

//! Leaving: what the group gives to others, or is left at a stop, is served on until its next owner has taken it over.
//!
//! As `collector::run::desk` does it, which is a loop and can only be told again here.

use std::time::Duration;

use collector::Source;
use wire::Timestamp;

use super::Collector;
use crate::{
    net::{Event, Fault, Net},
    sights::Sight,
};

/// So long an owner is served on for that does not come.
const PATIENCE: Duration = Duration::from_millis(5_500);
/// Whoever has all partitions, and stops, waits for no other owner once no request was read for so long.
const QUIET: Duration = Duration::from_millis(300);
const DECIDE_WITHIN: Duration = Duration::from_secs(1);
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// The stop.
pub(super) struct Departure {
    since: Timestamp,
    alone: bool,
    closing: Option<Timestamp>,
}

// === impl Collector ===

impl Collector {
    /// It is told to stop: it leaves the group, and serves on what it serves.
    pub fn stop(&mut self, net: &mut Net) {
        if !self.is_up || self.is_paused || self.departure.is_some() {
            return;
        }
        net.saw(Sight::Stopped);
        net.tell(|| format!("{:?} is told to stop", self.who));
        let since = self.clock(net);
        // The last commit goes before the leaving, on the same connection.
        for (member, index, watermarks) in self.commits(net) {
            if self.burns(net) {
                return;
            }
            net.commit(member, index, watermarks);
        }
        let own = self.seats.values().filter(|seat| !seat.is_leaving() && seat.partition.is_running()).count();
        let alone = usize::try_from(net.logs.partitions()) == Ok(own);
        self.departure = Some(Departure { since, alone, closing: None });
        if let Some(member) = self.member.take() {
            let rotation = net.rotation();
            let told = net.group.leave(member, rotation);
            net.announce(told);
        }
        for index in self.seats.keys().copied().collect::<Vec<_>>() {
            self.serve_on(index, since.after(PATIENCE + CONFIRM_WITHIN), net);
        }
        self.wake(net, Duration::ZERO);
    }

    /// The group has given a partition to somebody else.
    pub(super) fn on_revoked(&mut self, index: i32, net: &mut Net) {
        let until = self.clock(net).after(PATIENCE);
        self.serve_on(index, until, net);
    }

    /// Goes on with a partition that is served outside the group, if the group gives it back: returns whether it does.
    pub(super) fn take_back(&mut self, index: i32) -> bool {
        let seat = self.seats.get_mut(&index).filter(|seat| seat.is_leaving() && seat.partition.is_running());
        let Some(seat) = seat else { return false };
        seat.until = None;
        seat.partition.on_leaving(false);
        seat.at.insert(Source::Requests, seat.partition.next_request());
        true
    }

    /// Lets go of what others have taken over, and ends the stop.
    pub(super) fn leave_on_time(&mut self, net: &mut Net) {
        let now = self.clock(net);
        self.seats.retain(|_, seat| !seat.is_over(now));
        let Some(departure) = &mut self.departure else { return };
        if departure.closing.is_none() && departure.closes(self.last_request) <= now {
            departure.closing = Some(now);
            for seat in self.seats.values_mut() {
                seat.at.remove(&Source::Requests);
            }
        }
        if self.is_done(now) {
            net.tell(|| format!("{:?} has stopped", self.who));
            self.end(net);
            // Whoever told it to stop starts it again.
            let pause = self.dice.millis(20, 1_000);
            net.after(pause, Event::Fault(Fault::Start(self.who.process)));
        }
    }

    /// Returns when the stop goes on, if nothing happens.
    pub(super) fn next_departure(&self, now: Timestamp) -> Option<Timestamp> {
        let departure = self.departure.as_ref()?;
        let Some(closing) = departure.closing else { return Some(departure.closes(self.last_request)) };
        let decided = closing.after(DECIDE_WITHIN);
        Some(if now < decided { decided } else { closing.after(CONFIRM_WITHIN) })
    }

    fn is_done(&self, now: Timestamp) -> bool {
        let Some(departure) = &self.departure else { return false };
        if self.seats.is_empty() {
            return true;
        }
        let Some(closing) = departure.closing else { return false };
        let elapsed = now.since(closing);
        let (open, unconfirmed) = self.in_hand();
        elapsed >= CONFIRM_WITHIN || (unconfirmed == 0 && (open == 0 || elapsed >= DECIDE_WITHIN))
    }

    fn serve_on(&mut self, index: i32, until: Timestamp, net: &mut Net) {
        let Some(seat) = self.seats.get_mut(&index) else { return };
        if !seat.partition.is_running() {
            self.seats.remove(&index);
            return;
        }
        if !seat.is_leaving() {
            seat.at.insert(Source::Requests, seat.partition.next_request());
        }
        seat.until = Some(until);
        seat.partition.on_leaving(true);
        net.saw(Sight::ServedOn);
    }
}

// === impl Departure ===

impl Departure {
    fn closes(&self, last_request: Timestamp) -> Timestamp {
        let patience = self.since.after(PATIENCE);
        if self.alone { patience.min(last_request.after(QUIET)) } else { patience }
    }
}

//! Leaving without a gap: what the group gives to others, or is left when the station stops, is served on outside the
//! group until its next owner has taken it over.

use std::time::Duration;

use bus::TopicPartition;
use tokio::task::JoinHandle;
use wire::Timestamp;

use super::{Desk, Seat};
use crate::run::hands::silence;

/// So long whoever stops waits for an owner that does not come: other members hear of what is theirs with their next
/// heartbeat, every five seconds by default.
const PATIENCE: Duration = Duration::from_millis(5_500);
/// So long whoever goes on waits for one: it harms nobody.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
/// Whoever has all partitions, and stops, waits for no other owner once no request was read for so long.
const QUIET: Duration = Duration::from_millis(300);
/// So long requests that are open may still be decided when no more are read.
const DECIDE_WITHIN: Duration = Duration::from_secs(1);
/// So long results may take to be confirmed when no more are read.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// So long the log may take for what was counted last.
const TELL_WITHIN: Duration = Duration::from_secs(1);

/// The stop: the group is left, and what was served is served on.
pub(super) struct Departure {
    since: Timestamp,
    /// Whether every partition was ours: then perhaps nobody is there to take them over.
    alone: bool,
    /// Since when no more requests are read.
    closing: Option<Timestamp>,
    /// Leaves the group.
    left: Option<JoinHandle<()>>,
}

// === impl Desk ===

impl Desk {
    /// Leaves the group, and serves on what is served.
    pub(in crate::run) fn stop(&mut self) {
        let (since, commits) = (self.now(), self.commits());
        let own = self.seats.values().filter(|seat| !seat.is_leaving() && seat.partition.is_running()).count();
        let alone = usize::try_from(self.count) == Ok(own);
        let left = self.member.take().map(|member| tokio::spawn(member.close(commits)));
        self.departure = Some(Departure { since, alone, closing: None, left });
        for index in self.seats.keys().copied().collect::<Vec<_>>() {
            self.serve_on(index, since.after(PATIENCE + CONFIRM_WITHIN));
        }
    }

    /// Returns whether nothing is left that is worth waiting for after a stop.
    pub(in crate::run) fn is_done(&self) -> bool {
        let Some(departure) = &self.departure else { return false };
        if self.seats.is_empty() {
            return true;
        }
        let Some(closing) = departure.closing else { return false };
        let elapsed = self.now().since(closing);
        let undecided = self.seats.values().any(|seat| seat.partition.open_requests() > 0);
        let unconfirmed = self.seats.values().any(|seat| seat.partition.unconfirmed() > 0);
        elapsed >= CONFIRM_WITHIN || (!unconfirmed && (!undecided || elapsed >= DECIDE_WITHIN))
    }

    /// Closes, after a stop.
    pub(in crate::run) async fn close(mut self) {
        let now = self.now();
        for index in self.seats.keys().copied().collect::<Vec<_>>() {
            self.drop_seat(index);
        }
        self.tell(now, true);
        let Self { producer, hasty, requests, responses, results, mut surveys, mut recall, departure, .. } = self;
        recall.stop();
        surveys.abort_all();
        let left = departure.and_then(|departure| departure.left);
        let leave = async {
            if let Some(Err(error)) = async { Some(left?.await) }.await {
                tracing::error!(%error, "the collector could not leave its group");
            }
        };
        let [hasty, requests, responses, results] =
            [hasty, requests, responses, results].map(|tail| tail.close(Vec::new()));
        // What was counted last is worth a moment's wait, and not more.
        let told = producer.drain(TELL_WITHIN);
        let ((), (), (), (), (), told) = tokio::join!(leave, hasty, requests, responses, results, told);
        if let Err(error) = told {
            tracing::warn!(%error, "what the collector counted last is not in the log");
        }
    }

    pub(super) fn on_revoked(&mut self, taken: &[TopicPartition]) {
        let until = self.now().after(LONG_PATIENCE);
        for partition in taken {
            self.serve_on(partition.partition, until);
        }
    }

    /// Goes on with a partition that is served outside the group, if the group gives it to us again before anybody
    /// else has taken it over: returns whether it does.
    pub(super) fn take_back(&mut self, index: i32) -> bool {
        let seat = self.seats.get_mut(&index).filter(|seat| seat.is_leaving() && seat.partition.is_running());
        seat.map(Seat::stay).is_some()
    }

    /// Lets go of what others have taken over, and ends the stop.
    pub(super) fn leave_on_time(&mut self, now: Timestamp) {
        for index in
            self.seats.iter().filter(|(_, seat)| seat.is_over(now)).map(|(index, _)| *index).collect::<Vec<_>>()
        {
            self.drop_seat(index);
        }
        let quiet_since = self.last_request;
        let Some(departure) = &mut self.departure else { return };
        if departure.closing.is_none() && departure.closes(quiet_since) <= now {
            departure.closing = Some(now);
            for index in self.seats.keys() {
                silence(self.hasty.as_mut(), &self.names.requests(*index));
                silence(self.requests.as_mut(), &self.names.requests(*index));
            }
        }
    }

    /// Returns when the stop goes on, if nothing happens.
    pub(super) fn next_departure(&self) -> Option<Timestamp> {
        let departure = self.departure.as_ref()?;
        let Some(closing) = departure.closing else { return Some(departure.closes(self.last_request)) };
        let decided = closing.after(DECIDE_WITHIN);
        Some(if self.now() < decided { decided } else { closing.after(CONFIRM_WITHIN) })
    }

    /// Serves a partition on outside the group. One that is not served yet is left to its next owner as it is.
    fn serve_on(&mut self, index: i32, until: Timestamp) {
        let Some(seat) = self.seats.get_mut(&index) else { return };
        if !seat.partition.is_running() {
            return self.drop_seat(index);
        }
        if !seat.is_leaving() {
            tracing::debug!(partition = index, "the collector serves a partition on until another takes it over");
        }
        seat.leave(until);
    }

    pub(super) fn drop_seat(&mut self, index: i32) {
        if let Some(mut seat) = self.seats.remove(&index) {
            let now = self.now();
            self.feed.add(&seat.partition.take_counted(now), now);
            silence(self.hasty.as_mut(), &self.names.requests(index));
            silence(self.hasty.as_mut(), &self.names.responses(index));
            silence(self.hasty.as_mut(), &self.names.results(index));
            silence(self.requests.as_mut(), &self.names.requests(index));
            silence(self.responses.as_mut(), &self.names.responses(index));
            silence(self.results.as_mut(), &self.names.results(index));
        }
    }
}

// === impl Departure ===

impl Departure {
    /// Returns when no more requests are read, if none was since `last_request`.
    fn closes(&self, last_request: Timestamp) -> Timestamp {
        let patience = self.since.after(PATIENCE);
        if self.alone { patience.min(last_request.after(QUIET)) } else { patience }
    }
}

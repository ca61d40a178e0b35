//! What becomes of a record that is sent: it lands, or not, or late, or twice; and what its sender is told.
//!
//! Law: what one life sends to one partition lands in the order in which it was sent, but for what it was told to have
//! failed.

use std::time::Duration;

use wire::Record;

use super::{Event, Item, Landing, Net, Outcome};
use crate::{
    log::{Topic, Who},
    sights::Sight,
};

/// A record takes at most so long on its way when nothing is wrong.
const WAY_MAX: Duration = Duration::from_millis(8);

impl Net {
    /// Sends a record; `by` is told of `item` what becomes of it.
    pub fn send(&mut self, by: Who, to: (Topic, i32), record: Record, item: Item) {
        let size = record.payload.as_ref().map_or(0, bytes::Bytes::len);
        if to.0 == Topic::Results && size > self.weather.bytes_max {
            return self.report(by, item, Outcome::TooLarge, Duration::from_micros(300));
        }
        let lane = self.lanes.get(&(by, to.0, to.1)).copied().unwrap_or(self.now);
        let way = self.dice.micros(300, u64::try_from(WAY_MAX.as_micros()).unwrap_or(u64::MAX));
        let lands = self.now.after(way).max(lane);
        let way = lands.since(self.now);
        let on_wire = self.dice.chance(600);
        let [lost, failed, overdue, twice] =
            [self.weather.ack_lost, self.weather.failed, self.weather.late, self.weather.duplicated];
        let given_up = way + self.dice.millis(20, 400);
        let landing = |record, given_up| Landing { to, record, by, on_wire, given_up };
        if self.dice.chance(failed) {
            self.saw(Sight::SendFailed);
            self.tell(|| format!("{by:?} sends to {to:?} in vain: {}", short(&item)));
            return self.report(by, item, Outcome::Uncertain, given_up);
        }
        if self.dice.chance(overdue) {
            let later = given_up + self.dice.millis(1, 3_000);
            self.tell(|| format!("{by:?} sends to {to:?}, late by {later:?}: {}", short(&item)));
            self.after(later, Event::Land(Landing { on_wire: true, ..landing(record, true) }));
            return self.report(by, item, Outcome::Uncertain, given_up);
        }
        self.lanes.insert((by, to.0, to.1), lands);
        if self.dice.chance(twice) {
            self.saw(Sight::LandedTwice);
            let later = way + self.dice.millis(0, 500);
            self.after(later, Event::Land(landing(record.clone(), false)));
        }
        self.after(way, Event::Land(landing(record, false)));
        if self.dice.chance(lost) {
            self.saw(Sight::AckLost);
            self.tell(|| format!("{by:?} will not hear of {}", short(&item)));
            return self.report(by, item, Outcome::Uncertain, given_up);
        }
        self.report(by, item, Outcome::Written, way + Duration::from_micros(400));
    }

    /// A record reaches the log, unless it died with its sender.
    pub fn land(&mut self, landing: Landing) {
        let Landing { to, record, by, on_wire, given_up } = landing;
        let alive = self.lives(by);
        if !alive && !on_wire {
            return self.tell(|| format!("what {by:?} had for {to:?} died with it"));
        }
        if given_up {
            self.saw(Sight::LandedLate);
        }
        if !alive {
            self.saw(Sight::LandedAfterDeath);
        }
        let line = self.trace.is_some().then(|| describe(&record));
        let offset = self.append(to, record, by);
        self.tell(|| format!("{to:?} {offset} by {by:?}: {}", line.unwrap_or_default()));
    }

    fn report(&mut self, by: Who, item: Item, outcome: Outcome, after: Duration) {
        // Reading them back is what confirms results and fences, so nobody is told of those that were written.
        let unheard = matches!((&item, outcome), (Item::Result(..) | Item::Fence(..), Outcome::Written));
        if item != Item::Nothing && !unheard {
            self.after(after, Event::Told(by, item, outcome));
        }
    }
}

/// Says in a few words what a record is.
fn describe(record: &Record) -> String {
    use wire::{Envelope, Reply};
    match Envelope::decode(record) {
        Ok(Envelope::Request(request)) => {
            format!("request {} by {} within {}", brief(&request.id), request.policy, request.budget)
        }
        Ok(Envelope::Response(response)) => {
            let said = match &response.reply {
                Reply::Answer(answer) => String::from_utf8_lossy(&answer[..answer.len().min(40)]).into_owned(),
                Reply::Failure(failure) => failure.message.clone(),
            };
            format!("response of {} to {}: {said}", response.executor, brief(&response.request))
        }
        Ok(Envelope::Result(result)) => {
            let body = String::from_utf8_lossy(&result.body[..result.body.len().min(160)]).into_owned();
            format!("result of {} under {}: {body}", brief(&result.request), fencing(result.fencing))
        }
        Ok(Envelope::Fence(fence)) => format!("fence {}", fencing(fence.0)),
        Err(error) => error.to_string(),
    }
}

/// Says which request in a few letters.
#[must_use]
pub fn brief(id: &wire::RequestId) -> String {
    id.to_string()[..6].to_owned()
}

fn fencing(fencing: wire::Fencing) -> String {
    format!("{}/{}", fencing.epoch, &fencing.instance.to_string()[..6])
}

fn short(item: &Item) -> String {
    match item {
        Item::Result(_, request, by) => format!("result of {} under {}", brief(request), fencing(*by)),
        Item::Fence(_, by) => format!("fence {}", fencing(*by)),
        Item::Request(request) => format!("request {}", brief(request)),
        Item::Response(_, offset, _) => format!("a response to {offset}"),
        Item::DeadLetter(..) => "a dead letter".to_owned(),
        Item::Nothing => "something".to_owned(),
    }
}

//! Whoever starts later: held here until then, spared if it is decided, and told off if the budget is spent.

use bus::BusError;

use super::Fetch;
use crate::{crew::Place, desk::Job, ear::Heard, hedging::Fate, judging::Asking};

// === impl Fetch ===

impl Fetch {
    /// Gives `asking` to whoever sits at `place`, now or when it may start.
    pub(super) fn begin(&mut self, place: &Place, asking: Asking) {
        let Asking { work, start, .. } = &asking;
        if place.is_spared {
            self.hedging.hold(work.input.request, &place.executor, (*start, place.hedges), asking);
        } else {
            self.crew.give(place, Job { work: asking.work, start: asking.start });
        }
    }

    /// Does what is due with those that are held.
    pub(super) fn begin_hedges(&mut self) {
        self.hedging.on_time(self.clock.now());
        while let Some((asking, fate)) = self.hedging.poll() {
            let Asking { judge: executor, work, .. } = &asking;
            // Another process has the partition now, and does it there.
            if work.share.is_revoked() {
                continue;
            }
            self.metrics.count_later(executor, fate);
            match fate {
                Fate::Started => self.start(asking),
                // Whatever it would have said, nobody waits for it: not even for a word that it says nothing.
                Fate::Decided => work.share.progress().finish(work.offset),
                Fate::Unaffordable => self.crew.decline(executor, work, "the budget for later starts is spent"),
                Fate::Crowded => self.crew.fail(executor, work, "too many requests wait for a later start"),
            }
        }
    }

    /// Starts all that is held: this process leaves, and nobody here hears any more what is decided.
    pub(crate) fn start_all_hedges(&mut self) {
        for asking in self.hedging.take_all() {
            self.start(asking);
        }
        self.crew.hand_over();
    }

    /// Takes in what is decided.
    pub(super) fn on_decided(&mut self, heard: Result<Heard, BusError>) -> Result<(), BusError> {
        let now = self.clock.now();
        match heard {
            Ok(heard) => {
                for request in self.verdicts.on_heard(heard, now)? {
                    self.hedging.on_decided(request);
                }
                Ok(())
            }
            Err(error @ BusError::Fatal(_)) => Err(error),
            Err(BusError::OffsetGone { .. }) => self.verdicts.on_gap(now),
            Err(error) => {
                self.outage.begin(&error, now);
                Ok(())
            }
        }
    }

    fn start(&mut self, asking: Asking) {
        let Asking { judge: executor, version, work, start } = asking;
        if work.share.is_revoked() {
            return;
        }
        match self.crew.sheet(version).as_ref().and_then(|sheet| sheet.place(&executor)) {
            Some(place) => self.crew.give(place, Job { work, start }),
            None => self.crew.fail(&executor, &work, "its version of the policy cannot be read any more"),
        }
    }
}

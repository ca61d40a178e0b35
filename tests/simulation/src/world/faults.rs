//! What goes wrong, when, and that it ends.

use std::time::Duration;

use super::{EXECUTOR, STARTER, World};
use crate::{
    net::{Event, Fault},
    policies::EXECUTORS,
    processes::vandal,
    weather::Weather,
};

impl World {
    /// Writes down when what will go wrong.
    pub(super) fn prepare_faults(&mut self, weather: &Weather, last: u64) {
        for _ in 0..weather.kills {
            let (process, fuse) = match self.dice.below(10) {
                0 => (STARTER, 0),
                1 => (EXECUTOR + self.dice.below(EXECUTORS.len()), 0),
                _ => (self.dice.below(weather.collectors), u32::try_from(self.dice.below(12)).unwrap_or(0)),
            };
            self.spell(last, 3_000, Fault::Kill(process, fuse), Fault::Start(process));
        }
        for _ in 0..weather.pauses {
            let process = self.dice.below(weather.collectors);
            self.spell(last, 4_000, Fault::Pause(process), Fault::Resume(process));
        }
        for _ in 0..weather.mutes {
            let process = self.dice.below(weather.collectors);
            self.spell(last, 4_000, Fault::Mute(process), Fault::Unmute(process));
        }
        for _ in 0..weather.stops {
            let process = self.dice.below(weather.collectors);
            let at = self.dice.micros(0, last);
            self.net.after(at, Event::Fault(Fault::Stop(process)));
        }
        for (count, fault) in [(weather.strangers, Fault::Stranger), (weather.rubbish, Fault::Rubbish)] {
            for _ in 0..count {
                let at = self.dice.micros(0, last);
                self.net.after(at, Event::Fault(fault));
            }
        }
    }

    /// Something goes wrong, or right again.
    pub(super) fn on_fault(&mut self, fault: Fault) {
        let net = &mut self.net;
        match fault {
            Fault::Kill(STARTER, _) => self.starter.die(net),
            Fault::Kill(process, _) if process >= EXECUTOR => self.executors[process - EXECUTOR].die(net),
            // What dies after a few more things dies between any two of them.
            Fault::Kill(process, 0) => self.collectors[process].die(net),
            Fault::Kill(process, fuse) => self.collectors[process].light(fuse),
            Fault::Start(STARTER) => self.starter.start(net),
            Fault::Start(process) if process >= EXECUTOR => self.executors[process - EXECUTOR].start(net),
            Fault::Start(process) => self.collectors[process].start(net),
            Fault::Pause(process) => self.collectors[process].pause(net),
            Fault::Resume(process) => self.collectors[process].resume(net),
            Fault::Mute(process) => self.collectors[process].mute(net),
            Fault::Unmute(process) => self.collectors[process].unmute(net),
            Fault::Stop(process) => self.collectors[process].stop(net),
            Fault::Stranger => vandal::fence(net, &mut self.dice),
            Fault::Rubbish => {
                let known = self.starter.some_id(&mut self.dice);
                vandal::rubbish(net, &mut self.dice, known);
            }
            Fault::Heal => self.heal(),
        }
    }

    fn spell(&mut self, last: u64, lasts: u64, begins: Fault, ends: Fault) {
        let at = self.dice.micros(0, last);
        let until = at + self.dice.millis(20, lasts);
        self.net.after(at, Event::Fault(begins));
        self.net.after(until, Event::Fault(ends));
    }

    /// From now on nothing goes wrong any more, and who is down comes back.
    fn heal(&mut self) {
        self.net.tell(|| "from now on all is well".to_owned());
        let weather = &mut self.net.weather;
        (weather.ack_lost, weather.failed, weather.late, weather.duplicated) = (0, 0, 0, 0);
        (weather.commits_lost, weather.commits_stale) = (0, 0);
        self.healed = Some(self.net.now);
        for collector in &mut self.collectors {
            collector.mend(&mut self.net);
        }
        self.sealers.heal(&mut self.net);
        self.decoys.heal(&mut self.net);
        for process in (0..self.collectors.len()).chain([STARTER]).chain(EXECUTOR..EXECUTOR + EXECUTORS.len()) {
            self.net.after(Duration::from_millis(20), Event::Fault(Fault::Start(process)));
        }
    }
}

//! One world: its processes, its weather, and its time from the beginning until everything has settled.

mod faults;

use std::time::Duration;

use wire::Timestamp;

use crate::{
    dice::Dice,
    net::{Event, Fault, Net, START_SECONDS},
    policies::{EDITS_MAX, EXECUTORS},
    processes::{collector::Collector, crew::Crew, decoy::Decoy, executor::Executor, sealer::Sealer, starter::Starter},
    sights::{Sight, Sights},
    story::Story,
    weather::Weather,
};

/// What came of a world.
pub struct Played {
    /// All that happened.
    pub story: Story,
    /// What was worth seeing.
    pub sights: Sights,
    /// How many events there were.
    pub events: u64,
    /// Line by line, if it was wanted.
    pub trace: Vec<String>,
}

struct World {
    net: Net,
    /// As it was drawn.
    weather: Weather,
    collectors: Vec<Collector>,
    executors: Vec<Executor>,
    starter: Starter,
    /// Those who only read.
    sealers: Crew<Sealer>,
    decoys: Crew<Decoy>,
    dice: Dice,
    start: Timestamp,
    healed: Option<Timestamp>,
    settled: Option<Timestamp>,
    most: (usize, usize),
    events: u64,
}

/// The first sealer's place among the processes; the collectors come first.
const SEALER: usize = 4;
/// The first decoy's.
const DECOY: usize = 6;
/// The starter's.
const STARTER: usize = 8;
/// The first executor's.
const EXECUTOR: usize = 10;
/// So long after everything is well again what was sent before may still land.
const STRAGGLERS: Duration = Duration::from_secs(4);
/// So long after everything is well again every request must have its result.
const DELTA: Duration = Duration::from_secs(90);

/// Plays the world of `seed`.
#[must_use]
pub fn play(seed: u64, traced: bool) -> Played {
    World::new(seed, traced, true).play()
}

/// Plays the world of `seed` without those who only read: the sealers and the decoys.
#[must_use]
pub fn play_unread(seed: u64) -> Played {
    World::new(seed, false, false).play()
}

// === impl World ===

impl World {
    fn new(seed: u64, traced: bool, read: bool) -> Self {
        let mut dice = Dice::of(seed, 1);
        let weather = Weather::drawn(&mut dice);
        let start = Timestamp::from_micros(START_SECONDS * 1_000_000);
        let callers = weather.requests + weather.afterwards;
        let collectors = (0..weather.collectors).map(|process| Collector::new(seed, process)).collect();
        let executors = EXECUTORS.iter().enumerate().map(|(number, name)| Executor::new(seed, EXECUTOR + number, name));
        Self {
            collectors,
            executors: executors.collect(),
            starter: Starter::new(seed, STARTER, callers, weather.hot, weather.partitions),
            sealers: Crew::new(seed, SEALER, weather.partitions, read),
            decoys: Crew::new(seed, DECOY, weather.partitions, read),
            net: Net::new(seed, weather.clone(), start, traced),
            weather,
            dice,
            start,
            healed: None,
            settled: None,
            most: (0, 0),
            events: 0,
        }
    }

    fn play(mut self) -> Played {
        self.prepare();
        let unfinished = self.run().err();
        self.finished(unfinished)
    }

    /// Writes down when what will happen.
    fn prepare(&mut self) {
        let weather = self.net.weather.clone();
        self.net.tell(|| format!("{weather:?}"));
        // Whoever wants to see everything in time has to let the stations start first.
        let first = if weather.is_calm() { 1_500_000 } else { 50_000 };
        let last = first + u64::try_from(weather.lasts.as_micros()).unwrap_or(0);
        for process in (0..weather.collectors).chain([STARTER]).chain(EXECUTOR..EXECUTOR + EXECUTORS.len()) {
            let at = self.dice.millis(0, 150);
            self.net.after(at, Event::Fault(Fault::Start(process)));
        }
        let mut edits: Vec<Duration> = (0..weather.edits.min(EDITS_MAX)).map(|_| self.dice.micros(0, last)).collect();
        edits.sort_unstable();
        self.net.edits = edits.iter().map(|at| self.start.after(*at)).collect();
        for caller in 0..weather.requests {
            let at = self.dice.micros(first, last);
            self.net.after(at, Event::Ask(caller));
        }
        self.prepare_faults(&weather, last);
        self.sealers.prepare(&mut self.net, last);
        self.decoys.prepare(&mut self.net, last);
        self.net.after(Duration::from_micros(last) + Duration::from_millis(100), Event::Fault(Fault::Heal));
    }

    /// Lets it happen, until everything has settled and what came afterwards is answered as well.
    fn run(&mut self) -> Result<(), String> {
        while self.settled.is_none() {
            let until = self.healed.map_or(Timestamp::from_micros(i64::MAX), |healed| healed.after(DELTA));
            let Some(event) = self.net.next(until) else {
                return Err(format!("{} of the requests have no result", self.net.reference.unanswered()));
            };
            if self.on_event(event)
                && self.healed.is_some_and(|healed| self.net.now >= healed.after(STRAGGLERS))
                && self.is_quiet()
            {
                self.settle();
            }
        }
        let asked = self.net.reference.asked.len();
        let (afterwards, until) = (self.net.weather.afterwards, self.net.now.after(DELTA));
        while self.net.reference.asked.len() < asked + afterwards || !self.is_quiet() {
            let event = self.net.next(until).ok_or("what was asked afterwards is not answered")?;
            self.on_event(event);
        }
        // One more round of commits.
        let until = self.net.now.after(Duration::from_secs(2));
        while let Some(event) = self.net.next(until) {
            self.on_event(event);
        }
        // Somebody who believes that a partition is his may be reading what another has decided; so he hears of that, too.
        let until = self.net.now.after(DELTA);
        while self.in_hand() != (0, 0)
            && let Some(event) = self.net.next(until)
        {
            self.on_event(event);
        }
        // Who only reads has as long as everybody else had; what is missing then is noticed.
        let until = self.net.now.after(DELTA);
        while !(self.sealers.is_done(&self.net) && self.decoys.is_done(&self.net))
            && let Some(event) = self.net.next(until)
        {
            self.on_event(event);
        }
        Ok(())
    }

    fn finished(mut self, unfinished: Option<String>) -> Played {
        let trace = self.net.take_trace();
        let left = self.in_hand();
        let story = Story {
            weather: self.weather,
            edits: self.net.edits,
            logs: self.net.logs,
            commits: self.net.commits,
            takeovers: self.net.takeovers,
            handed_out: self.starter.handed_out,
            accepted: self.starter.accepted,
            sealed: self.sealers.store.sealed,
            archived: self.decoys.store.files,
            alarms: self.decoys.store.alarms,
            healed: self.healed.unwrap_or(self.net.now),
            settled: self.settled,
            unfinished,
            left,
            most: self.most,
        };
        Played { story, sights: self.net.sights, events: self.events, trace }
    }

    /// Returns whether every request has its result, and everybody knows.
    fn is_quiet(&self) -> bool {
        let everybody_knows = self.net.reference.unanswered() == 0 && self.in_hand() == (0, 0);
        everybody_knows && self.has_owners() && self.starter.is_at_rest(&self.net)
    }

    fn has_owners(&self) -> bool {
        let owners = self.collectors.iter().map(|collector| collector.serves().count()).sum::<usize>();
        owners >= usize::try_from(self.net.logs.partitions()).unwrap_or(0)
    }

    fn in_hand(&self) -> (usize, usize) {
        self.collectors.iter().map(Collector::in_hand).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    fn settle(&mut self) {
        self.settled = Some(self.net.now);
        self.net.tell(|| "everything has settled".to_owned());
        for caller in self.net.weather.requests..self.net.weather.requests + self.net.weather.afterwards {
            let at = self.dice.millis(50, 400);
            self.net.after(at, Event::Ask(caller));
        }
    }

    /// Lets something happen; returns whether it can have changed anything for anybody but those who only read.
    fn on_event(&mut self, event: Event) -> bool {
        self.events += 1;
        match event.process() {
            Some(process) if self.sealers.has(process) => self.sealers.on_event(&mut self.net, event),
            Some(process) if self.decoys.has(process) => self.decoys.on_event(&mut self.net, event),
            _ => {
                self.happen(event);
                return true;
            }
        }
        false
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Turn(process) => self.turn(process),
            Event::Land(landing) => self.net.land(landing),
            Event::Told(who, item, outcome) => match who.process {
                STARTER => self.starter.on_told(&mut self.net, who, &item, outcome),
                process if process >= EXECUTOR => {
                    self.executors[process - EXECUTOR].on_told(&mut self.net, who, item, outcome);
                }
                process => self.collectors[process].on_told(&mut self.net, who, item, outcome),
            },
            Event::Survey(question) => {
                if let Some(answered) = self.net.go_on_asking(question) {
                    self.collectors[answered.by.process].on_spans(&mut self.net, answered);
                }
            }
            Event::Group(who, member, told) => self.collectors[who.process].on_said(&mut self.net, who, member, told),
            Event::Commit(member, partition, watermarks) => self.net.commit(member, partition, watermarks),
            Event::Silence(member, who) => self.on_silence(member, who),
            Event::Ask(caller) => self.starter.on_ask(&mut self.net, caller),
            Event::Answer(answering) => {
                let executor = answering.by.process - EXECUTOR;
                self.executors[executor].on_answer(&mut self.net, answering);
            }
            Event::Fault(fault) => self.on_fault(fault),
            // Nobody else has steps.
            Event::Step(..) => {}
        }
        self.wake_readers();
        let now = self.in_hand();
        self.most = (self.most.0.max(now.0), self.most.1.max(now.1));
    }

    fn turn(&mut self, process: usize) {
        match process {
            STARTER => self.starter.turn(&mut self.net),
            process if process >= EXECUTOR => self.executors[process - EXECUTOR].turn(&mut self.net),
            process => {
                self.collectors[process].turn(&mut self.net);
                self.look_for_two_owners();
            }
        }
    }

    fn look_for_two_owners(&mut self) {
        if self.net.sights.count(Sight::TwoOwners) == 0 && self.collectors.len() > 1 {
            let mut served: Vec<i32> = self.collectors.iter().flat_map(Collector::serves).collect();
            served.sort_unstable();
            if served.windows(2).any(|pair| pair[0] == pair[1]) {
                self.net.saw(Sight::TwoOwners);
            }
        }
    }

    fn wake_readers(&mut self) {
        for (topic, partition) in std::mem::take(&mut self.net.fresh) {
            for collector in &mut self.collectors {
                collector.on_fresh(&mut self.net, topic, partition);
            }
            for executor in &mut self.executors {
                executor.on_fresh(&mut self.net, topic);
            }
            self.starter.on_fresh(&mut self.net, topic);
            self.sealers.on_fresh(&mut self.net, topic);
            self.decoys.on_fresh(&mut self.net, topic);
        }
    }

    /// A member that nobody has heard of for a session is put out.
    fn on_silence(&mut self, member: u64, who: crate::log::Who) {
        if self.net.group.has(member) && self.collectors[who.process].is_silent(who) {
            self.net.tell(|| format!("member {member} is put out"));
            let rotation = self.net.rotation();
            let told = self.net.group.leave(member, rotation);
            self.net.announce(told);
        }
    }
}

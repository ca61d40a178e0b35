//! Stations that only read, the sealers and the decoys: members of a group of their own, which live, die between any two
//! things that they do, stand still, are put out and begin again.
//!
//! Law: what they do changes nothing for anybody else. They share neither a group nor any chance with the others.

use std::{collections::VecDeque, time::Duration};

use wire::Timestamp;

use crate::{
    dice::Dice,
    group::{Group, Told},
    log::{Topic, Who},
    net::{Event, Fault, Net},
    sights::Sight,
};

/// What one member of a crew does with the partitions that it is given.
pub trait Duty: Default {
    /// What it reads.
    const READS: Topic;

    /// What outlives all members.
    type Store: Default;

    /// A partition is its own; returns whether it can be told yet where to go on.
    fn on_assigned(&mut self, partition: i32, around: &mut Around<'_, Self::Store>) -> bool;

    /// A partition is so no more; returns whether it is let go of already.
    fn on_revoked(&mut self, partition: i32) -> bool;

    /// Returns whether it can leave its group, or what is under way ends first.
    fn can_leave(&self) -> bool;

    /// Does one thing.
    fn work(&mut self, around: &mut Around<'_, Self::Store>) -> Did;

    /// Something that was begun goes on, whether whoever began it still lives or not.
    fn on_step(number: u64, hands: Option<&mut Self>, around: &mut Around<'_, Self::Store>);

    /// Returns whether all there is was dealt with.
    fn is_done(store: &Self::Store, net: &Net) -> bool;
}

/// What came of a turn.
pub enum Did {
    /// There may be more to do.
    Something,
    /// There is nothing to do before this instant, unless something comes.
    Nothing(Option<Timestamp>),
    /// It does not know where it stands: it leaves its group and joins anew.
    Anew,
}

/// What surrounds a member.
pub struct Around<'a, S> {
    /// All that is shared with everybody.
    pub net: &'a mut Net,
    /// Its group.
    pub group: &'a mut Group,
    /// What outlives it.
    pub store: &'a mut S,
    /// Its chance.
    pub dice: &'a mut Dice,
    /// Who it is; of what a dead one had begun, who that was.
    pub who: Who,
    /// Its number in the group.
    pub member: u64,
    /// Whether it stands still.
    pub is_paused: bool,
}

/// The members of one group, and what they have done.
pub struct Crew<D: Duty> {
    /// What outlives them.
    pub store: D::Store,
    first: usize,
    group: Group,
    members: Vec<Member<D>>,
    dice: Dice,
}

struct Member<D> {
    who: Who,
    is_up: bool,
    is_paused: bool,
    is_muted: bool,
    /// It dies after so many more things that it does.
    fuse: Option<u32>,
    id: u64,
    said: VecDeque<(u64, Told)>,
    /// When the last of what the group says reaches it.
    told: Timestamp,
    wakes: Option<Timestamp>,
    hands: D,
}

/// What cannot be done yet is tried again so much later.
const AGAIN: Duration = Duration::from_millis(20);

// === impl Around ===

impl<S> Around<'_, S> {
    /// Lets what is called `number` go on after some milliseconds.
    pub fn step(&mut self, number: u64, low: u64, high: u64) {
        let delay = self.dice.millis(low, high);
        self.net.after(delay, Event::Step(self.who, number));
    }
}

// === impl Crew ===

impl<D: Duty> Crew<D> {
    /// Returns one or two members before their first lives, or nobody; the first is process `first`.
    #[must_use]
    pub fn new(seed: u64, first: usize, partitions: i32, is_there: bool) -> Self {
        let mut dice = Dice::of(seed, 200 + first as u64);
        let count = if is_there { 1 + usize::from(dice.chance(700)) } else { 0 };
        let members = (first..first + count).map(Member::new).collect();
        Self { store: D::Store::default(), first, group: Group::new(partitions), members, dice }
    }

    /// Writes down when they start, and what will go wrong with them until `last`.
    pub fn prepare(&mut self, net: &mut Net, last: u64) {
        for process in self.first..self.first + self.members.len() {
            let at = self.dice.millis(0, 300);
            net.after(at, Event::Fault(Fault::Start(process)));
        }
        if net.weather.is_calm() || self.members.is_empty() {
            return;
        }
        for _ in 0..self.dice.below(7) {
            let process = self.first + self.dice.below(self.members.len());
            let fuse = u32::try_from(self.dice.below(12)).unwrap_or(0);
            let spells = [
                (Fault::Kill(process, fuse), Fault::Start(process)),
                (Fault::Pause(process), Fault::Resume(process)),
                (Fault::Mute(process), Fault::Unmute(process)),
            ];
            let (begins, ends) = spells[self.dice.below(spells.len())];
            let at = self.dice.micros(0, last);
            let until = at + self.dice.millis(20, 3_000);
            net.after(at, Event::Fault(begins));
            net.after(until, Event::Fault(ends));
        }
    }

    /// Returns whether a process is one of theirs.
    #[must_use]
    pub fn has(&self, process: usize) -> bool {
        (self.first..self.first + self.members.len()).contains(&process)
    }

    /// Returns whether they have dealt with all there is.
    #[must_use]
    pub fn is_done(&self, net: &Net) -> bool {
        self.members.is_empty() || D::is_done(&self.store, net)
    }

    /// Something happens to one of them.
    pub fn on_event(&mut self, net: &mut Net, event: Event) {
        match event {
            Event::Turn(process) => self.turn(net, process),
            Event::Step(who, number) => self.on_step(net, who, number),
            Event::Group(who, id, told) => self.on_said(net, who, id, told),
            Event::Silence(id, who) => self.on_silence(net, id, who),
            Event::Fault(fault) => self.on_fault(net, fault),
            _ => {}
        }
    }

    /// Something goes wrong with one of them, or right again.
    fn on_fault(&mut self, net: &mut Net, fault: Fault) {
        match fault {
            Fault::Start(process) => self.start(net, process),
            Fault::Kill(process, fuse) => self.member(process).fuse = Some(fuse),
            Fault::Pause(process) => {
                self.member(process).is_paused = true;
                self.fall_silent(net, process);
            }
            Fault::Mute(process) => {
                self.member(process).is_muted = true;
                self.fall_silent(net, process);
            }
            Fault::Resume(process) => {
                self.member(process).is_paused = false;
                self.be_heard(net, process);
            }
            Fault::Unmute(process) => {
                self.member(process).is_muted = false;
                self.be_heard(net, process);
            }
            _ => {}
        }
    }

    /// From now on nothing goes wrong with them any more.
    pub fn heal(&mut self, net: &mut Net) {
        for process in self.first..self.first + self.members.len() {
            let member = self.member(process);
            (member.fuse, member.is_paused, member.is_muted) = (None, false, false);
            self.be_heard(net, process);
            self.start(net, process);
        }
    }

    /// The group says something to one of them.
    fn on_said(&mut self, net: &mut Net, who: Who, id: u64, told: Told) {
        let member = self.member(who.process);
        if member.is_up && member.who == who {
            member.said.push_back((id, told));
            member.wake(net, Duration::ZERO);
        }
    }

    /// One that nobody has heard of for a session is put out.
    fn on_silence(&mut self, net: &mut Net, id: u64, who: Who) {
        let member = self.member(who.process);
        let is_silent = member.who != who || !member.is_up || member.is_paused || member.is_muted;
        if is_silent && self.group.has(id) {
            net.saw(Sight::ReaderExpelled);
            self.leave(net, id);
        }
    }

    /// There is something new in a topic.
    pub fn on_fresh(&mut self, net: &mut Net, topic: Topic) {
        for member in self.members.iter_mut().filter(|member| topic == D::READS && member.is_up) {
            let delay = self.dice.micros(200, net.weather.fetch);
            member.wake(net, delay);
        }
    }

    /// Something that was begun goes on.
    fn on_step(&mut self, net: &mut Net, who: Who, number: u64) {
        let Self { store, first, group, members, dice } = self;
        let member = &mut members[who.process - *first];
        let lives = member.is_up && member.who == who;
        let is_paused = lives && member.is_paused;
        let mut around = Around { net, group, store, dice, who, member: member.id, is_paused };
        D::on_step(number, lives.then_some(&mut member.hands), &mut around);
        if lives {
            member.wake(net, Duration::ZERO);
        }
    }

    /// One of them has its turn.
    fn turn(&mut self, net: &mut Net, process: usize) {
        let member = self.member(process);
        if !member.is_up || member.is_paused || member.wakes.is_none_or(|at| at > net.now) {
            return;
        }
        member.wakes = None;
        for _ in 0..self.dice.between(1, 4) {
            if self.burns(net, process) {
                return;
            }
            match self.work(net, process) {
                Did::Something => {
                    let soon = self.dice.micros(50, 1_500);
                    self.member(process).wake(net, soon);
                }
                Did::Nothing(due) => {
                    if let Some(due) = due {
                        let wait = due.since(net.now).max(Duration::from_millis(1));
                        self.member(process).wake(net, wait);
                    }
                    break;
                }
                Did::Anew => {
                    let id = self.member(process).id;
                    self.leave(net, id);
                    self.join(net, process);
                    break;
                }
            }
        }
        let member = self.member(process);
        if !member.said.is_empty() && !member.is_muted {
            member.wake(net, AGAIN);
        }
    }

    fn work(&mut self, net: &mut Net, process: usize) -> Did {
        let Self { store, first, group, members, dice } = self;
        let Member { who, is_muted, id, said, hands, .. } = &mut members[process - *first];
        let mut around = Around { net, group, store, dice, who: *who, member: *id, is_paused: false };
        if *is_muted || said.is_empty() || !around.dice.chance(500) {
            return hands.work(&mut around);
        }
        let Some((to, told)) = said.pop_front() else { return Did::Something };
        if to != *id {
            return Did::Something;
        }
        let done = match told {
            Told::Assigned(partition) => hands.on_assigned(partition, &mut around),
            Told::Revoked(partition) => hands.on_revoked(partition),
            Told::Expelled if hands.can_leave() => return Did::Anew,
            Told::Expelled => false,
        };
        if !done {
            said.push_front((to, told));
            return hands.work(&mut around);
        }
        if let Told::Revoked(partition) = told {
            let told = self.group.on_given_up(to, partition);
            self.announce(net, told);
        }
        Did::Something
    }

    fn start(&mut self, net: &mut Net, process: usize) {
        let member = self.member(process);
        if member.is_up {
            return;
        }
        member.who.life += 1;
        (member.is_up, member.is_paused, member.is_muted, member.fuse) = (true, false, false, None);
        let who = member.who;
        net.set_life(process, Some(who.life));
        self.join(net, process);
    }

    /// Burns the fuse down by one thing done; returns whether that was the last.
    fn burns(&mut self, net: &mut Net, process: usize) -> bool {
        let member = self.member(process);
        let Some(left) = &mut member.fuse else { return false };
        if *left > 0 {
            *left -= 1;
            return false;
        }
        (member.is_up, member.fuse, member.wakes) = (false, None, None);
        net.tell(|| format!("{:?} dies", member.who));
        net.saw(Sight::ReaderKilled);
        net.set_life(process, None);
        self.fall_silent(net, process);
        true
    }

    fn join(&mut self, net: &mut Net, process: usize) {
        let rotation = self.dice.below(6);
        let who = self.member(process).who;
        let (id, told) = self.group.join(who, rotation);
        let member = self.member(process);
        (member.id, member.hands) = (id, D::default());
        member.said.clear();
        member.wake(net, Duration::ZERO);
        self.announce(net, told);
    }

    fn leave(&mut self, net: &mut Net, id: u64) {
        let rotation = self.dice.below(6);
        let told = self.group.leave(id, rotation);
        self.announce(net, told);
    }

    fn announce(&mut self, net: &mut Net, told: Vec<(Who, u64, Told)>) {
        for (who, id, told) in told {
            // What one member is told it is told in order.
            let at = net.now.after(self.dice.millis(1, 40)).max(self.member(who.process).told);
            self.member(who.process).told = at;
            net.at(at, Event::Group(who, id, told));
        }
    }

    fn fall_silent(&mut self, net: &mut Net, process: usize) {
        let session = net.weather.session;
        let member = self.member(process);
        net.after(session, Event::Silence(member.id, member.who));
    }

    fn be_heard(&mut self, net: &mut Net, process: usize) {
        let id = self.member(process).id;
        let is_out = !self.group.has(id);
        let member = self.member(process);
        if member.is_up && !member.is_paused && !member.is_muted {
            if is_out {
                member.said.push_back((id, Told::Expelled));
            }
            member.wake(net, Duration::ZERO);
        }
    }

    fn member(&mut self, process: usize) -> &mut Member<D> {
        &mut self.members[process - self.first]
    }
}

// === impl Member ===

impl<D: Duty> Member<D> {
    fn new(process: usize) -> Self {
        Self {
            who: Who { process, life: 0 },
            is_up: false,
            is_paused: false,
            is_muted: false,
            fuse: None,
            id: 0,
            said: VecDeque::new(),
            told: Timestamp::EPOCH,
            wakes: None,
            hands: D::default(),
        }
    }

    fn wake(&mut self, net: &mut Net, after: Duration) {
        let at = net.now.after(after);
        if self.wakes.is_none_or(|earlier| at < earlier || earlier < net.now) {
            self.wakes = Some(at);
            net.at(at, Event::Turn(self.who.process));
        }
    }
}
